//! [`World`]: three regions with a bucket each, the ways between them, and what goes wrong.

use super::{
    bugs::Bug,
    clock::{BEGIN_MS, SimClock},
    copier,
    life::{Birth, Life},
    truth::Truth,
};
use isobath_storage::{
    model::{IdempotencyKey, LogId, Seq, ShardId},
    store::{Backend, FaultPlan, FaultRates, Faults, StoreKind, StoreOptions, compose},
};
use object_store::{ObjectStore, memory::InMemory};
use parking_lot::Mutex;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};
use tokio::time::{Instant, sleep};

/// The regions.
pub(crate) const REGIONS: [&str; 3] = ["apne1", "euw1", "use1"];

/// A write that was acked.
#[derive(Debug, Clone)]
pub(crate) struct Acked {
    pub(crate) log: LogId,
    pub(crate) seq: Seq,
    pub(crate) key: IdempotencyKey,
    /// It was acked as being in two regions' buckets.
    pub(crate) twice: bool,
}

/// Three regions.
pub(crate) struct World {
    pub(crate) seed: u64,
    pub(crate) bug: Option<Bug>,
    pub(crate) truth: Arc<Mutex<Truth>>,
    pub(crate) acked: Mutex<Vec<Acked>>,
    pub(crate) trace: Mutex<Vec<String>>,
    /// The region whose bucket is destroyed.
    pub(crate) lost: Mutex<Option<usize>>,
    origin: Instant,
    buckets: Vec<Arc<InMemory>>,
    lives: Mutex<Vec<Option<Arc<Life>>>>,
    begun: Mutex<u64>,
    healed: Mutex<bool>,
    scratch: PathBuf,
}

/// The log of a region.
pub(crate) fn log(region: usize) -> LogId {
    LogId::new(REGIONS[region].parse().unwrap(), ShardId(0))
}

impl World {
    pub(crate) fn new(seed: u64, bug: Option<Bug>, scratch: PathBuf) -> Arc<Self> {
        Arc::new(Self {
            seed,
            bug,
            truth: Arc::default(),
            acked: Mutex::default(),
            trace: Mutex::default(),
            lost: Mutex::default(),
            origin: Instant::now(),
            buckets: REGIONS.iter().map(|_| Arc::new(InMemory::new())).collect(),
            lives: Mutex::new(vec![None, None, None]),
            begun: Mutex::new(0),
            healed: Mutex::new(false),
            scratch,
        })
    }

    /// Chance of its own for some purpose.
    pub(crate) fn rng(&self, salt: u64) -> StdRng {
        StdRng::seed_from_u64(self.seed.wrapping_mul(7_919).wrapping_add(salt))
    }

    pub(crate) fn note(&self, what: &str) {
        let at = self.origin.elapsed().as_micros();
        self.trace.lock().push(format!("{at} {what}"));
    }

    pub(crate) fn now_ms(&self) -> u64 {
        let elapsed = i64::try_from(self.origin.elapsed().as_millis()).unwrap();
        u64::try_from(BEGIN_MS + elapsed).unwrap()
    }

    pub(crate) fn life(&self, region: usize) -> Option<Arc<Life>> {
        self.lives.lock()[region].clone()
    }

    /// The regions that are not lost.
    pub(crate) fn regions(&self) -> Vec<usize> {
        let lost = *self.lost.lock();
        (0..REGIONS.len())
            .filter(|region| Some(*region) != lost)
            .collect()
    }

    pub(crate) fn bucket(&self, region: usize) -> Arc<dyn ObjectStore> {
        Arc::<InMemory>::clone(&self.buckets[region])
    }

    /// Starts a process of a region, with a clock of its own.
    pub(crate) async fn launch(&self, region: usize) {
        let number = {
            let mut begun = self.begun.lock();
            *begun += 1;
            *begun
        };
        let mut rng = self.rng(1_000 + number);
        let clock = SimClock::shared(self.origin, rng.random_range(-300_000..300_000));
        let (mut stores, mut links) = (BTreeMap::new(), BTreeMap::new());
        for (to, name) in REGIONS.iter().enumerate() {
            let seed = self
                .seed
                .wrapping_mul(97)
                .wrapping_add(number * 3 + to as u64);
            let plan = if *self.healed.lock() {
                FaultPlan::quiet(seed)
            } else {
                plan(seed)
            };
            let faults = Faults::new(plan, SimClock::shared(self.origin, 0));
            let backend = Backend {
                store: self.bucket(to),
                kind: StoreKind::Memory,
                url: format!("memory://{name}"),
                dir: None,
                durable: false,
            };
            let store = compose(backend, &StoreOptions::default(), &clock, Some(&faults));
            stores.insert(log(to), store);
            links.insert(log(to), faults);
        }
        let lost = *self.lost.lock();
        if let Some(lost) = lost {
            links[&log(lost)].set_down(true);
        }
        self.note(&format!("{} begins life {number}", REGIONS[region]));
        let birth = Birth {
            number,
            seed: self.seed,
            log: log(region),
            members: (0..REGIONS.len()).map(log).collect(),
            stores,
            links,
            raw: self.bucket(region),
            clock,
            truth: Arc::clone(&self.truth),
            scratch: self.scratch.clone(),
            bug: self.bug,
        };
        let life = Life::begin(birth).await;
        life.check_content("at its start");
        self.lives.lock()[region] = Some(life);
    }

    /// kill -9 of a region's process.
    pub(crate) fn kill(&self, region: usize) {
        let life = self.lives.lock()[region].take();
        if let Some(life) = life {
            self.note(&format!("{} dies", REGIONS[region]));
            life.check_order();
            life.kill();
        }
    }

    /// Cuts the ways between a region and another's bucket, or the way to its own, or mends it.
    fn set_link(&self, from: usize, to: usize, down: bool) {
        if let Some(life) = self.life(from) {
            life.birth.links[&log(to)].set_down(down);
        }
    }

    /// A region's process dies for good and its bucket is gone.
    pub(crate) fn destroy(&self, region: usize) {
        self.note(&format!("{} is destroyed", REGIONS[region]));
        self.kill(region);
        *self.lost.lock() = Some(region);
        for other in self.regions() {
            self.set_link(other, region, true);
        }
    }

    /// Whether another region's bucket than `origin` holds a log up to a segment, without a gap.
    pub(crate) async fn is_copied(&self, origin: usize, seq: Seq) -> bool {
        for region in self.regions() {
            if region == origin {
                continue;
            }
            let bucket = self.bucket(region);
            let from = match self.bug {
                // as if those before it did not matter
                Some(Bug::ParallelCopies) => seq.previous(),
                _ => Seq::ZERO,
            };
            if copier::held(&bucket, log(origin), from).await >= seq {
                return true;
            }
        }
        false
    }

    /// Kills, cuts off and restarts until it is told to stop.
    pub(crate) async fn chaos(self: Arc<Self>) {
        let mut rng = self.rng(1);
        let doom = rng.random_bool(0.3).then(|| rng.random_range(15..35_u64));
        loop {
            sleep(Duration::from_millis(rng.random_range(300..5_000))).await;
            let pause = Duration::from_millis(rng.random_range(200..9_000));
            let regions = self.regions();
            let region = regions[rng.random_range(0..regions.len())];
            if doom.is_some_and(|at| self.origin.elapsed().as_secs() >= at) && regions.len() == 3 {
                self.destroy(region);
                continue;
            }
            let other = rng.random_range(0..REGIONS.len());
            match rng.random_range(0..5) {
                0 | 1 => {
                    self.kill(region);
                    sleep(pause / 3).await;
                    self.launch(region).await;
                }
                2 => {
                    self.note(&format!("{} loses its bucket for a while", REGIONS[region]));
                    self.set_link(region, region, true);
                    sleep(pause / 2).await;
                    self.set_link(region, region, false);
                }
                _ => {
                    self.note(&format!(
                        "{} cannot reach {}",
                        REGIONS[region], REGIONS[other]
                    ));
                    self.set_link(region, other, true);
                    sleep(pause).await;
                    let lost = *self.lost.lock() == Some(other);
                    self.set_link(region, other, lost);
                }
            }
        }
    }

    /// Ends all faults; who is dead comes back.
    pub(crate) async fn heal(&self) {
        self.note("all is well again");
        *self.healed.lock() = true;
        let lost = *self.lost.lock();
        for region in self.regions() {
            match self.life(region) {
                None => self.launch(region).await,
                Some(life) => {
                    for (to, faults) in &life.birth.links {
                        faults.heal();
                        faults.set_down(lost.map(log) == Some(*to));
                    }
                }
            }
        }
    }
}

/// How often things go wrong on the way to a bucket.
fn plan(seed: u64) -> FaultPlan {
    let put = FaultRates {
        refuse: 0.03,
        lose_reply: 0.04,
        late: 0.04,
        conflict: 0.03,
        slow: 0.05,
    };
    let other = FaultRates {
        refuse: 0.03,
        slow: 0.04,
        ..FaultRates::default()
    };
    FaultPlan {
        put,
        get: other,
        list: other,
        delete: other,
        late_max: Duration::from_secs(8),
        ..FaultPlan::quiet(seed)
    }
}
