//! Clients, faults, kills and takeovers, by seed; and what must hold whatever happens.

use super::region::{Process, SimRegion};
use crate::log::{AppendError, Committed};
use crate::model::{IdempotencyKey, Seq};
use crate::store::{FaultPlan, FaultRates, StoreOptions};
use bytesize::ByteSize;
use isobath_config::LogConfig;
use parking_lot::Mutex;
use proptest::prelude::*;
use rand::{SeedableRng, rngs::StdRng, seq::IndexedRandom};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::time::{sleep, timeout};

const NODES: [&str; 3] = ["a", "b", "c"];
const CLIENTS: u64 = 8;
const WRITES: u64 = 15;

/// What happened, in order.
type Trace = Arc<Mutex<Vec<String>>>;

/// A client: writes one key after the other, each until it is acked; then reads it, strongly, anywhere.
async fn client(
    region: Arc<SimRegion>,
    number: u64,
    mut rng: StdRng,
    trace: Trace,
) -> Vec<(IdempotencyKey, Committed)> {
    let mut acked = Vec::new();
    for i in 0..WRITES {
        let key = u128::from(number * 1_000 + i);
        let committed = write(&region, key, &mut rng).await;
        let at = region.origin.elapsed().as_micros();
        trace
            .lock()
            .push(format!("{at} {number}: {key} at {}", committed.stamp));
        acked.push((IdempotencyKey(key), committed));
        check_strong_read(&region, IdempotencyKey(key), &mut rng).await;
        sleep(Duration::from_millis(rng.random_range(0..1_500))).await;
    }
    acked
}

/// Repeats a write under its key until it is acked, wherever it is sent on to.
async fn write(region: &SimRegion, key: u128, rng: &mut StdRng) -> Committed {
    let mut target = (*NODES.choose(rng).unwrap()).to_owned();
    loop {
        let answer = match region.process(&target) {
            None => None,
            Some(process) => timeout(Duration::from_secs(12), send(&process, key))
                .await
                .ok(),
        };
        match answer {
            Some(Ok(committed)) => return committed,
            Some(Err(AppendError::NotOwner {
                address: Some(owner),
            })) => target = owner,
            _ => target = (*NODES.choose(rng).unwrap()).to_owned(),
        }
        sleep(Duration::from_millis(rng.random_range(1..200))).await;
    }
}

async fn send(process: &Process, key: u128) -> Result<Committed, AppendError> {
    process.gate.pass().await;
    let answer = process.write(key).await;
    process.gate.pass().await;
    answer
}

async fn check_strong_read(region: &SimRegion, key: IdempotencyKey, rng: &mut StdRng) {
    let Some(process) = region.process(NODES.choose(rng).unwrap()) else {
        return;
    };
    let read = async {
        process.gate.pass().await;
        process.handle.barrier().await
    };
    if let Ok(Ok(seq)) = timeout(Duration::from_secs(20), read).await {
        assert!(
            process.ledger.0.lock().holds(key),
            "strong read at {seq} without {key}"
        );
    }
}

/// Kills, freezes, cuts off and restarts processes until it is told to stop.
async fn chaos(region: Arc<SimRegion>, plan: FaultPlan, mut rng: StdRng, trace: Trace) {
    loop {
        sleep(Duration::from_millis(rng.random_range(300..5_000))).await;
        let address = match region.owner_now() {
            Some(owner) if rng.random_bool(0.6) => owner,
            _ => (*NODES.choose(&mut rng).unwrap()).to_owned(),
        };
        let pause = Duration::from_millis(rng.random_range(100..16_000));
        let Some(process) = region.process(&address) else {
            continue;
        };
        let what = rng.random_range(0..4);
        trace.lock().push(format!(
            "{} chaos {what} {address}",
            region.origin.elapsed().as_micros()
        ));
        match what {
            0 => process.kill(),
            1 => process.gate.set(false),
            2 => process.faults.set_down(true),
            _ => process.shutdown.cancel(),
        }
        sleep(pause / 2).await;
        process.gate.set(true);
        process.faults.set_down(false);
        if what == 0 || what == 3 {
            process.kill();
            launch(&region, &address, &plan);
        }
    }
}

/// Starts a process that has several small segments in flight.
fn launch(region: &Arc<SimRegion>, address: &str, plan: &FaultPlan) {
    let config = LogConfig {
        max_batch_bytes: ByteSize::b(512),
        ..LogConfig::default()
    };
    region.launch_with(address, plan, StoreOptions::default(), config);
}

/// One world from `seed`: everything that happened.
async fn run(plan: FaultPlan) -> Vec<String> {
    let seed = plan.seed;
    let region = SimRegion::new(seed);
    let trace = Trace::default();
    for address in NODES {
        launch(&region, address, &plan);
    }
    let rng = |salt| StdRng::seed_from_u64(seed.wrapping_mul(7_919).wrapping_add(salt));
    let clients: Vec<_> = (1..=CLIENTS)
        .map(|n| tokio::spawn(client(Arc::clone(&region), n, rng(n), Arc::clone(&trace))))
        .collect();
    let chaos = tokio::spawn(chaos(Arc::clone(&region), plan, rng(0), Arc::clone(&trace)));
    let mut acked = Vec::new();
    for client in clients {
        acked.extend(client.await.unwrap());
    }
    chaos.abort();
    check_end(&region, &acked).await;
    let trace = trace.lock();
    trace.clone()
}

/// What must hold at the end, whatever happened: see log.md §5 for the numbers.
async fn check_end(region: &Arc<SimRegion>, acked: &[(IdempotencyKey, Committed)]) {
    for address in NODES {
        let process = region.process(address).unwrap();
        process.gate.set(true);
        process.faults.heal();
        process.faults.settle().await;
    }
    sleep(Duration::from_secs(30)).await;
    let live = region.live().await;
    let mut found: BTreeMap<IdempotencyKey, Seq> = BTreeMap::new();
    let mut order = Vec::new();
    for segment in &live {
        for request in segment.blocks.iter().flat_map(|block| &block.requests) {
            let twice = found.insert(request.key, segment.header.seq);
            assert_eq!(twice, None, "I12: {} is twice in the log", request.key);
            order.push((segment.header.seq, request.key));
        }
    }
    for (key, committed) in acked {
        assert_eq!(
            found.get(key),
            Some(&committed.stamp.seq),
            "I1: acked {key} is lost"
        );
    }
    for pair in live.windows(2) {
        let (a, b) = (&pair[0].header, &pair[1].header);
        assert!(a.hlc_max < b.hlc_max, "I8: time falls at {}", b.seq);
        assert!(a.epoch <= b.epoch, "I9: epochs fall at {}", b.seq);
    }
    for address in NODES {
        let process = region.process(address).unwrap();
        let applied = process.ledger.0.lock().applied.clone();
        assert!(
            order.starts_with(&applied),
            "I3: {address} saw something else"
        );
        if process.is_alive() {
            process.handle.barrier().await.unwrap();
            let applied = process.ledger.0.lock().applied.len();
            assert_eq!(applied, order.len(), "I17: {address} did not catch up");
        }
    }
}

fn stormy(seed: u64) -> FaultPlan {
    FaultPlan {
        late_max: Duration::from_secs(10),
        ..FaultPlan::stormy(seed)
    }
}

fn simulate(plan: FaultPlan) -> Vec<String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(run(plan))
}

/// The seeds: `ISOBATH_SIM_SEEDS` of them, starting at `ISOBATH_SIM_SEED`.
fn seeds() -> std::ops::Range<u64> {
    let number = |name, default| {
        std::env::var(name)
            .ok()
            .and_then(|text| text.parse().ok())
            .unwrap_or(default)
    };
    let first = number("ISOBATH_SIM_SEED", 0);
    first..first + number("ISOBATH_SIM_SEEDS", 200)
}

#[test]
fn should_keep_its_promises_in_every_world() {
    for seed in seeds() {
        let world = std::panic::catch_unwind(|| simulate(stormy(seed)));
        assert!(
            world.is_ok(),
            "seed {seed} fails: run with ISOBATH_SIM_SEED={seed} ISOBATH_SIM_SEEDS=1"
        );
    }
}

#[test]
fn should_repeat_a_world_by_its_seed() {
    assert_eq!(simulate(stormy(42)), simulate(stormy(42)));
    assert_ne!(simulate(stormy(42)), simulate(stormy(43)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn should_keep_its_promises_at_any_fault_rates(
        seed: u64,
        put in prop::array::uniform5(0.0..0.15),
        get in prop::array::uniform2(0.0..0.2),
        list in prop::array::uniform2(0.0..0.2),
    ) {
        let [refuse, lose_reply, late, conflict, slow] = put;
        let put = FaultRates { refuse, lose_reply, late, conflict, slow };
        let read = |[refuse, slow]: [f64; 2]| FaultRates { refuse, slow, ..FaultRates::default() };
        simulate(FaultPlan { put, get: read(get), list: read(list), ..stormy(seed) });
    }
}
