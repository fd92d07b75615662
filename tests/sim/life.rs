//! [`Life`]: one life of a region's process, made of the production parts: log, views, fold, checkpoints.

use super::{
    bugs::Bug,
    copier::{self, Copier},
    opening::{self, until_it_works},
    sink::{Shared, SimSink},
    truth::Truth,
};
use async_trait::async_trait;
use isobath_compactor::{Compactor, Scratch};
use isobath_config::LogConfig;
use isobath_query::view::View;
use isobath_storage::{
    Clock,
    catalog::{Catalog, Floor},
    fold::NamespaceDigest,
    format::Manifest,
    log::{BucketCheck, LogHandle, Member, Parts, Peer, Start, start},
    model::{ClusterId, ContentHash, LogId, Namespace, Seq},
    store::{Faults, Store},
};
use object_store::ObjectStore;
use parking_lot::Mutex;
use rand::{SeedableRng, rngs::StdRng};
use std::{collections::BTreeMap, error::Error, sync::Arc, time::Duration};
use tokio::{
    sync::{broadcast, watch},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// What a life is made of.
pub(crate) struct Birth {
    pub(crate) number: u64,
    pub(crate) seed: u64,
    /// The region's own log.
    pub(crate) log: LogId,
    pub(crate) members: Vec<LogId>,
    /// The way to each region's bucket.
    pub(crate) stores: BTreeMap<LogId, Store>,
    /// What can go wrong on it.
    pub(crate) links: BTreeMap<LogId, Arc<Faults>>,
    pub(crate) raw: Arc<dyn ObjectStore>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) truth: Arc<Mutex<Truth>>,
    pub(crate) scratch: std::path::PathBuf,
    pub(crate) bug: Option<Bug>,
}

/// One life of a region's process.
pub(crate) struct Life {
    pub(crate) birth: Birth,
    pub(crate) shared: Arc<Shared>,
    pub(crate) own: LogHandle<()>,
    pub(crate) logs: BTreeMap<LogId, LogHandle<()>>,
    pub(crate) held: BTreeMap<LogId, watch::Receiver<Seq>>,
    /// Where each log was begun to be read.
    pub(crate) began: BTreeMap<LogId, Start>,
    pub(crate) catalog: Catalog,
    pub(crate) compactor: Compactor,
    pub(crate) manifests: Mutex<BTreeMap<Namespace, Manifest>>,
    tasks: Mutex<Vec<JoinHandle<()>>>,
}

#[derive(Debug)]
struct Alone;

#[async_trait]
impl Peer for Alone {
    async fn ping(&self, _: &str) -> bool {
        false
    }
}

#[async_trait]
impl BucketCheck for Alone {
    async fn check(&self) -> Result<(), Box<dyn Error + Send + Sync>> {
        Ok(())
    }
}

pub(crate) fn cluster() -> ClusterId {
    ClusterId(Uuid::from_u128(1))
}

impl Life {
    /// Starts a process: from the newest checkpoint of its bucket.
    pub(crate) async fn begin(birth: Birth) -> Arc<Self> {
        let catalog = Catalog::new(Arc::clone(&birth.stores[&birth.log].data));
        let shared = Arc::new(Shared::default());
        let floors = until_it_works(&birth.clock, || catalog.floors()).await;
        let (began, manifests) = if birth.bug == Some(Bug::NoFloorCheck) && !floors.is_empty() {
            (above(&floors), BTreeMap::new())
        } else {
            opening::newest(&birth, &catalog, &shared).await
        };
        for (log, start) in &began {
            shared.applied.lock().advance(*log, start.seq);
        }
        remember(&birth, &shared).await;
        let (mut logs, mut held, mut tasks) = (BTreeMap::new(), BTreeMap::new(), vec![]);
        let mut members = birth.members.clone();
        members.sort_by_key(|log| *log != birth.log);
        for log in members {
            let (handle, task) = follow(&birth, &shared, log, began.get(&log).copied());
            tasks.push(task);
            logs.insert(log, handle.clone());
            if log == birth.log {
                shared.own.set(handle).unwrap();
                continue;
            }
            let floor = floors.get(&log).map(|floor| floor.seq);
            let floor = floor.filter(|_| birth.bug != Some(Bug::RepairBelowFloor));
            let from = copier::held(&birth.raw, log, floor.unwrap_or_default()).await;
            let (said, hears) = watch::channel(from);
            let copier = carrier(&birth, &shared, log, handle);
            tasks.push(tokio::spawn(copier.run(from, said)));
            held.insert(log, hears);
        }
        let scratch = Scratch::open(&birth.scratch.join(birth.number.to_string())).unwrap();
        let life = Arc::new(Self {
            own: logs[&birth.log].clone(),
            compactor: Compactor::new(catalog.clone(), scratch),
            birth,
            shared,
            logs,
            held,
            began,
            catalog,
            manifests: Mutex::new(manifests),
            tasks: Mutex::new(tasks),
        });
        let folding = tokio::spawn(Arc::clone(&life).keep_folding());
        life.tasks.lock().push(folding);
        life
    }

    /// kill -9.
    pub(crate) fn kill(&self) {
        for task in self.tasks.lock().iter() {
            task.abort();
        }
    }

    /// Whether what the views show is what was committed, up to where this process has applied it.
    pub(crate) fn check_content(&self, when: &str) {
        let seen = self.shared.seen();
        let truth = self.birth.truth.lock();
        for (name, live) in self.shared.views.all() {
            let (view, state) = (live.view(), truth.namespace(&name, &seen));
            let exists = state.schema_state().exists();
            let region = self.birth.log;
            assert_eq!(
                view.exists(),
                exists,
                "I4: {name} at {region} {when}, {seen:?}"
            );
            assert!(
                !exists || digest(&view) == state.digest().unwrap(),
                "I4, I5, I11: {name} at {region} {when} is not what was written up to {seen:?}"
            );
        }
    }

    /// Whether what was applied of each log is what counts of it, in order.
    pub(crate) fn check_order(&self) {
        let truth = self.birth.truth.lock();
        for (log, order) in self.shared.order.lock().iter() {
            let began = self
                .began
                .get(log)
                .map(|start| start.seq)
                .unwrap_or_default();
            let last = order.last().copied().unwrap_or_default();
            let counts = truth.between(*log, began, last);
            assert_eq!(
                *order, counts,
                "I3: {} saw something else of {log}",
                self.birth.log
            );
        }
    }
}

/// Names what a view shows.
fn digest(view: &View) -> ContentHash {
    let mut digest = NamespaceDigest::default();
    for set in view.sets.iter() {
        let rows = (0..set.len()).filter(|row| set.is_visible(*row, view.version));
        digest.add(&view.schema, &set.rows, rows);
    }
    digest.finish(&view.schema)
}

/// Starts to read a log in the region's own bucket; to write it where it is the region's own.
fn follow(
    birth: &Birth,
    shared: &Arc<Shared>,
    log: LogId,
    begin: Option<Start>,
) -> (LogHandle<()>, JoinHandle<()>) {
    let is_own = log == birth.log;
    let salt = birth.number.wrapping_mul(1_000_003);
    let seed = birth.seed.wrapping_add(salt);
    start(Parts {
        member: Member {
            cluster: cluster(),
            log,
            writer: Uuid::from_u128(u128::from(birth.number)),
            address: is_own.then(|| birth.log.to_string()),
            claims: is_own,
            copies: !is_own,
        },
        config: LogConfig {
            heartbeat: Duration::from_secs(4),
            tail_interval: Duration::from_millis(700),
            tail_interval_idle: Duration::from_secs(2),
            ..LogConfig::default()
        },
        hold: Duration::from_secs(10),
        look: None,
        store: Arc::clone(&birth.stores[&birth.log].log),
        charges_per_request: false,
        clock: Arc::clone(&birth.clock),
        rng: StdRng::seed_from_u64(seed),
        peer: Arc::new(Alone),
        bucket: Arc::new(Alone),
        sink: SimSink {
            shared: Arc::clone(shared),
            truth: Arc::clone(&birth.truth),
            is_own,
            bug: birth.bug,
        },
        start: begin.unwrap_or_default(),
        published: broadcast::channel(1).0,
        joining: Arc::default(),
        shutdown: CancellationToken::new(),
    })
}

fn carrier(birth: &Birth, shared: &Arc<Shared>, log: LogId, follower: LogHandle<()>) -> Copier {
    let origin = birth.stores[&log].clone();
    let others = birth.stores.iter();
    let others = others.filter(|(of, _)| **of != log && **of != birth.log);
    let others = others.map(|(_, store)| store.clone());
    Copier {
        log,
        sources: std::iter::once(origin).chain(others).collect(),
        target: birth.stores[&birth.log].clone(),
        follower,
        clock: Arc::clone(&birth.clock),
        interval: Duration::from_millis(900),
        bug: birth.bug,
        shared: Arc::clone(shared),
    }
}

/// Takes note of the writes of the own log that the checkpoint holds: they may be repeated.
async fn remember(birth: &Birth, shared: &Shared) {
    let last = shared.seen().get(birth.log);
    for segment in copier::read_all(&birth.raw, birth.log, last).await {
        shared.know(&segment);
    }
}

/// Where reading starts for who does not know the checkpoint that covers what is gone.
fn above(floors: &BTreeMap<LogId, Floor>) -> BTreeMap<LogId, Start> {
    let start = |(log, floor): (&LogId, &Floor)| {
        let (seq, max_epoch) = (floor.seq, floor.max_epoch);
        let start = Start {
            seq,
            max_epoch,
            ..Start::default()
        };
        (*log, start)
    };
    floors.iter().map(start).collect()
}
