//! [`SimRegion`]: processes of one region that share a store.

use super::ledger::SharedLedger;
use super::world::{Gate, GatedStore, SimClock};
use crate::catalog::Patience;
use crate::log::protocol::{Reader, Rules, Verdict};
use crate::log::{AppendError, segments::Segments};
use crate::log::{BucketCheck, Committed, LogHandle, Member, Parts, Peer, Role, Start, start};
use crate::model::{
    BodyHash, ClusterId, Counts, Epoch, IdColumn, IdempotencyKey, LogId, Mutation, Request,
    Segment, Seq, ShardId,
};
use crate::store::{Backend, FaultPlan, Faults, Store, StoreKind, StoreOptions, compose};
use async_trait::async_trait;
use isobath_config::LogConfig;
use object_store::memory::InMemory;
use parking_lot::Mutex;
use rand::{SeedableRng, rngs::StdRng};
use std::{collections::BTreeMap, error::Error, sync::Arc, time::Duration};
use tokio::{task::JoinHandle, time::Instant};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// One life of a process.
#[derive(Debug, Clone)]
pub(super) struct Process {
    pub(super) handle: LogHandle<()>,
    pub(super) ledger: SharedLedger,
    pub(super) gate: Gate,
    pub(super) faults: Arc<Faults>,
    pub(super) store: Store,
    pub(super) shutdown: CancellationToken,
    task: Arc<JoinHandle<()>>,
}

impl Process {
    /// kill -9.
    pub(super) fn kill(&self) {
        self.task.abort();
        self.gate.set(true);
    }

    pub(super) fn is_alive(&self) -> bool {
        !self.task.is_finished()
    }

    pub(super) async fn write(&self, key: u128) -> Result<Committed, AppendError> {
        self.handle
            .append("docs".parse().unwrap(), request(key), ())
            .await
    }
}

/// A write of one row under `key`.
pub(super) fn request(key: u128) -> Request {
    let ids = IdColumn::U64(vec![u64::try_from(key).unwrap()].into());
    Request {
        first_index: 0,
        key: IdempotencyKey(key),
        body: BodyHash(key),
        api_key: None,
        counts: Counts::default(),
        declarations: Vec::new(),
        mutations: vec![Mutation::Delete(ids)],
    }
}

/// Processes of one region that share a store; by address.
#[derive(Debug)]
pub(super) struct SimRegion {
    pub(super) raw: Arc<InMemory>,
    pub(super) origin: Instant,
    processes: Mutex<BTreeMap<String, Process>>,
    lives: Mutex<u64>,
    seed: u64,
}

impl SimRegion {
    pub(super) fn new(seed: u64) -> Arc<Self> {
        Arc::new(Self {
            raw: Arc::new(InMemory::new()),
            origin: Instant::now(),
            processes: Mutex::default(),
            lives: Mutex::new(0),
            seed,
        })
    }

    pub(super) fn log() -> LogId {
        LogId::new("use1".parse().unwrap(), ShardId(0))
    }

    pub(super) fn cluster() -> ClusterId {
        ClusterId(Uuid::from_u128(1))
    }

    /// Starts a process at `address`, from the beginning of the log.
    pub(super) fn launch(self: &Arc<Self>, address: &str, plan: &FaultPlan) -> Process {
        self.launch_with(address, plan, StoreOptions::default(), LogConfig::default())
    }

    pub(super) fn launch_with(
        self: &Arc<Self>,
        address: &str,
        plan: &FaultPlan,
        options: StoreOptions,
        config: LogConfig,
    ) -> Process {
        let life = {
            let mut lives = self.lives.lock();
            *lives += 1;
            *lives
        };
        let gate = Gate::new();
        let ahead = Duration::from_millis(life * 37 % 400);
        let clock = SimClock::shared(self.origin, ahead, gate.clone());
        let world_clock = SimClock::shared(self.origin, Duration::ZERO, Gate::new());
        let seed = self.seed.wrapping_mul(1_000_003).wrapping_add(life);
        let faults = Faults::new(
            FaultPlan {
                seed,
                ..plan.clone()
            },
            world_clock,
        );
        let store = compose(self.backend(), &options, &clock, Some(&faults));
        let gated = GatedStore {
            inner: Arc::clone(&store.log),
            gate: gate.clone(),
        };
        let (ledger, shutdown) = (SharedLedger::default(), CancellationToken::new());
        let (handle, task) = start(Parts {
            member: Member {
                cluster: Self::cluster(),
                log: Self::log(),
                writer: Uuid::from_u128(u128::from(life)),
                address: Some(address.to_owned()),
                claims: true,
                copies: false,
            },
            config,
            hold: Duration::from_secs(10),
            look: None,
            store: Arc::new(gated),
            charges_per_request: false,
            clock,
            rng: StdRng::seed_from_u64(seed),
            peer: Arc::new(Peers(Arc::clone(self))),
            bucket: Arc::new(Intact),
            sink: ledger.clone(),
            start: Start::default(),
            published: tokio::sync::broadcast::channel(1).0,
            joining: Arc::default(),
            shutdown: shutdown.clone(),
        });
        let task = Arc::new(task);
        let process = Process {
            handle,
            ledger,
            gate,
            faults,
            store,
            shutdown,
            task,
        };
        self.processes
            .lock()
            .insert(address.to_owned(), process.clone());
        process
    }

    fn backend(&self) -> Backend {
        Backend {
            store: Arc::<InMemory>::clone(&self.raw),
            kind: StoreKind::Memory,
            url: "memory://sim".to_owned(),
            dir: None,
            durable: false,
        }
    }

    pub(super) fn process(&self, address: &str) -> Option<Process> {
        self.processes.lock().get(address).cloned()
    }

    /// The address of a process that takes itself for the owner.
    pub(super) fn owner_now(&self) -> Option<String> {
        let processes = self.processes.lock();
        let owns = |process: &Process| matches!(process.handle.role(), Role::Owner { .. });
        let mut owners = processes.iter().filter(|(_, p)| p.is_alive() && owns(p));
        owners.next().map(|(address, _)| address.clone())
    }

    /// Waits until some process owns the log; its address.
    pub(super) async fn owner(&self) -> String {
        loop {
            if let Some(owner) = self.owner_now() {
                return owner;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// All segments that count, read by the rule from the bare store.
    pub(super) async fn live(&self) -> Vec<Arc<Segment>> {
        let clock = SimClock::shared(self.origin, Duration::ZERO, Gate::new());
        let store = Patience::new(Arc::<InMemory>::clone(&self.raw), clock);
        let segments = Segments::new(store, Self::cluster(), Self::log());
        let mut reader = Reader::new(Rules::ALL, Seq::ZERO, Epoch::ZERO);
        let mut live = Vec::new();
        while let Some(read) = segments.read(reader.seq().next()).await {
            let segment = read.unwrap().segment;
            if reader.consume(segment.header.epoch) == Verdict::Live {
                live.push(segment);
            }
        }
        live
    }
}

#[derive(Debug)]
struct Peers(Arc<SimRegion>);

#[async_trait]
impl Peer for Peers {
    async fn ping(&self, address: &str) -> bool {
        tokio::time::sleep(Duration::from_millis(2)).await;
        let Some(process) = self.0.process(address) else {
            return false;
        };
        process.gate.pass().await;
        process.is_alive()
    }
}

#[derive(Debug)]
struct Intact;

#[async_trait]
impl BucketCheck for Intact {
    async fn check(&self) -> Result<(), Box<dyn Error + Send + Sync>> {
        Ok(())
    }
}
