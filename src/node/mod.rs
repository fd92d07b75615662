//! [`Node`]: one process of a region, put together and started.
//!
//! ```text
//! HTTP ─▶ Engine ─▶ log (append, barrier) ─▶ NodeSink ─▶ Views ◀─ search pool ◀─ Engine ◀─ HTTP
//!     copies of other regions' logs ─▶ CopySink ─┘
//!                     │ bucket ◀─ folding: parts, manifests, checkpoints ─▶ Views
//!                     └─────────▶ opener: namespaces that somebody asks for ─┘
//! ```

mod adopt;
mod audit;
mod bucket;
mod cold;
mod copies;
mod copy;
mod engine;
mod error;
mod folding;
mod following;
mod keys;
mod metrics;
mod opener;
mod past;
mod peers;
mod pending;
mod positions;
mod query_spans;
mod recent;
mod refusal;
mod regions;
mod sink;
mod spans;
mod sql;
mod stopwatch;
mod sweeping;
mod write;

pub use error::NodeError;
pub use refusal::Refusal;
pub use regions::ClusterParts;

use crate::server::{EngineError, EngineErrorKind, Peers};
use adopt::Adopting;
use bucket::Bucket;
use cold::Cold;
use folding::Folding;
use following::{Followed, Following};
use isobath_compactor::{Compactor, Scratch};
use isobath_config::{Config, Role as NodeRole};
use isobath_query::{
    index::{IndexBucket, IndexService},
    search::{SearchContext, SearchError, SearchPool},
    view::{ObjectCache, Views},
};
use isobath_storage::{
    Clock,
    audit::{AuditLog, AuditParts},
    catalog::Catalog,
    log::{LogHandle, Role, Start, StopReason},
    model::{ClusterId, LogId, Namespace, Region, Seq, ShardId},
    store::Store,
    trace::Tracer,
};
use keys::Keys;
use opener::Opener;
use parking_lot::Mutex;
use positions::{Positions, start_after};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use regions::{Regions, RegionsParts};
use sink::{NodeSink, Terms};
use spans::SegmentSpans;
use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock},
    time::Duration,
};
use sweeping::Sweeping;
use tokio::{runtime::Handle, sync::watch, task::JoinHandle};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use uuid::Uuid;
use write::WriteLimits;

/// Tells the recorder what the metrics of nodes say.
pub fn describe_metrics() {
    metrics::describe();
    regions::describe_metrics();
}

/// How long a node waits before it tries again to read the API keys.
const KEYS_PAUSE: Duration = Duration::from_secs(2);

/// What a node is made of.
#[derive(Debug)]
pub struct NodeParts {
    /// Its settings, validated.
    pub config: Config,
    /// The region's bucket.
    pub store: Store,
    /// Where the other nodes of the region reach this one, as `host:port`.
    pub address: String,
    /// The other regions of its cluster, where it has any.
    pub cluster: Option<ClusterParts>,
    /// The way to other nodes.
    pub peers: Peers,
    /// Where audit records go, if anywhere.
    pub audit: Option<Store>,
    /// Records what becomes of requests and segments.
    pub tracer: Tracer,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Chance: names this life of the process, so that no two may share it.
    pub seed: [u8; 32],
}

/// One process of a region: follows the log, owns it if nobody else does, answers from its views.
#[derive(Debug)]
pub struct Node {
    id: Uuid,
    log_id: LogId,
    cluster: ClusterId,
    views: Arc<Views>,
    opener: Arc<Opener>,
    keys: Keys,
    log: LogHandle<Terms>,
    /// The copies of other regions' logs.
    copies: BTreeMap<LogId, LogHandle<()>>,
    positions: Positions,
    /// The other regions, where they can be talked to.
    regions: Option<Arc<Regions>>,
    pool: SearchPool,
    index: Arc<IndexService>,
    cold: Arc<Cold>,
    clock: Arc<dyn Clock>,
    /// Why the views do not follow the log any more.
    broken: Arc<OnceLock<String>>,
    /// When the newest strong read was asked for that was answered.
    fresh: Mutex<Option<Duration>>,
    read_timeout: Duration,
    search_timeout: Duration,
    recall_target: f32,
    /// Bytes of a namespace that may wait to be folded.
    max_unfolded: u64,
    limits: WriteLimits,
    adopting: Adopting,
    /// Takes records of what this node commits, if they are wanted.
    audit: Option<AuditLog>,
    tracer: Tracer,
    shutdown: CancellationToken,
    tasks: TaskTracker,
}

impl Node {
    /// Probes and recognises the bucket, and starts to follow its log, and its copies of other regions' logs.
    pub async fn start(parts: NodeParts) -> Result<Arc<Self>, NodeError> {
        let (config, clock) = (parts.config, parts.clock);
        let region: Region = config.region.parse()?;
        let mut rng = StdRng::from_seed(parts.seed);
        let mut new_id = || Uuid::from_u128(rng.random());
        let alone = parts.cluster.is_none();
        let cache = &config.cache_dir;
        let bucket = Bucket::recognise(parts.store, region, cache, alone, &mut new_id).await?;
        let membership = regions::membership(&bucket, parts.cluster.as_ref()).await?;
        let id = new_id();
        let log_id = LogId::new(region, ShardId(0));
        let broken = Arc::new(OnceLock::new());
        let shutdown = CancellationToken::new();
        let tasks = TaskTracker::new();
        let spans = SegmentSpans {
            tracer: parts.tracer,
            node: id,
            clock: Arc::clone(&clock),
        };
        let (held, sink) =
            Held::restore(&config, &bucket, log_id, (&clock, &spans), &broken).await?;
        let following = Following {
            config: &config,
            bucket: &bucket,
            membership: membership.as_ref(),
            address: parts.address,
            id,
            log: log_id,
            clock: &clock,
            spans: &spans,
            shutdown: &shutdown,
            tasks: &tasks,
        };
        let followed = following
            .start(&held, sink, &broken, &parts.peers, &mut rng)
            .await?;
        let regions = parts.cluster.zip(membership).map(|(cluster, membership)| {
            let parts = RegionsParts {
                config: &config,
                bucket: &bucket,
                membership,
                cluster,
                link: parts.peers,
                followed: &followed,
                clock: &clock,
                tracer: &spans.tracer,
                seed: rng.random(),
                shutdown: &shutdown,
            };
            Regions::start(parts, &tasks)
        });
        let running = Running {
            config,
            bucket,
            id,
            held,
            followed,
            regions,
            audit: parts.audit,
            spans,
            clock,
            broken,
            shutdown,
            tasks,
        };
        running.node()
    }

    /// Waits until it has to start anew, and says why: segments that it has not read are deleted, so that it needs a
    /// newer checkpoint; or the regions of its cluster are others than they were.
    pub async fn must_restart(&self) -> &'static str {
        let copies = self.copies.values().map(LogHandle::watch_role);
        let roles = copies.chain([self.log.watch_role()]);
        let behind = roles.map(|role| Box::pin(fell_behind(role)));
        let changed = async {
            match &self.regions {
                Some(regions) => regions.changed().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = futures::future::select_all(behind) => {
                "the log was removed up to where this node had not read it"
            }
            () = changed => "the regions of the cluster have changed",
        }
    }

    /// Releases the log, and waits until all that was started has ended.
    pub async fn stop(&self) {
        self.shutdown.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// Reads the log once, so that the node is ready.
    async fn catch_up(self: Arc<Self>) {
        let caught_up = self.shutdown.run_until_cancelled(self.log.barrier());
        let asked = self.clock.monotonic();
        if let Some(Ok(seq)) = caught_up.await {
            tracing::info!(%seq, "log was read");
            self.open_keys().await;
            self.note_fresh(asked);
        }
    }

    /// Opens the namespace of the keys: without it nobody can be let in.
    async fn open_keys(&self) {
        while let Err(error) = self.opener.open(&Namespace::of_keys()).await {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "API keys cannot be read"
            );
            let pause = self.clock.sleep(KEYS_PAUSE);
            if self.shutdown.run_until_cancelled(pause).await.is_none() {
                return;
            }
        }
    }

    fn caught_up(&self) -> bool {
        self.fresh.lock().is_some()
    }

    /// A strong read that was asked for at `asked` was answered.
    fn note_fresh(&self, asked: Duration) {
        let mut fresh = self.fresh.lock();
        *fresh = Some(fresh.map_or(asked, |known| known.max(asked)));
    }

    /// By how much the views may trail the log; `None` where nothing is known.
    fn staleness(&self) -> Option<Duration> {
        if matches!(self.log.role(), Role::Owner { .. }) {
            return Some(Duration::ZERO);
        }
        let fresh = *self.fresh.lock();
        fresh.map(|fresh| self.clock.monotonic().saturating_sub(fresh))
    }

    /// Runs `work` on a search thread.
    async fn search<T: Send + 'static>(
        &self,
        timeout: Duration,
        work: impl FnOnce(&mut SearchContext<'_>) -> Result<T, SearchError> + Send + 'static,
    ) -> Result<T, EngineError> {
        self.pool
            .run(timeout.min(self.search_timeout), work)
            .await
            .map_err(search_error)
    }
}

/// What follows the logs, before anybody asks it.
#[derive(Debug)]
struct Running {
    config: Config,
    bucket: Bucket,
    id: Uuid,
    held: Held,
    followed: Followed,
    regions: Option<Arc<Regions>>,
    audit: Option<Store>,
    spans: SegmentSpans,
    clock: Arc<dyn Clock>,
    broken: Arc<OnceLock<String>>,
    shutdown: CancellationToken,
    tasks: TaskTracker,
}

impl Running {
    /// Starts what folds, sweeps and searches.
    fn node(self) -> Result<Arc<Node>, NodeError> {
        let Self {
            config,
            bucket,
            id,
            held,
            followed,
            regions,
            audit,
            spans,
            clock,
            broken,
            shutdown,
            tasks,
        } = self;
        let members = regions.as_deref().map(Regions::catalogs).cloned();
        let sweeping = Sweeping::new(&config.gc, &bucket.store, members, &clock, &shutdown);
        let index = held.indexes(&config, &bucket, &clock, id)?;
        let cold = held.cold(&bucket, &index);
        let tracer = spans.tracer.clone();
        let (positions, time) = (&followed.positions, (&clock, spans));
        let folding = held.folding(&config, time, &index, positions, &shutdown);
        let folding = folding.start()?;
        let pool = SearchPool::start(&config.search, Arc::clone(&clock));
        let audit = audit.map(|store| {
            let parts = AuditParts {
                config: config.audit.clone(),
                store: store.data,
                region: bucket.marker.region,
                node: id,
                clock: Arc::clone(&clock),
                shutdown: shutdown.clone(),
            };
            audit::start(parts, &tasks)
        });
        let node = Arc::new(Node {
            id,
            log_id: LogId::new(bucket.marker.region, ShardId(0)),
            cluster: bucket.marker.cluster,
            views: held.views,
            opener: held.opener,
            keys: Keys::default(),
            log: followed.log,
            copies: followed.copies,
            positions: followed.positions,
            regions,
            pool: pool.map_err(NodeError::Thread)?,
            index,
            cold,
            clock,
            broken,
            fresh: Mutex::new(None),
            read_timeout: config.server.request_timeout,
            search_timeout: config.search.deadline,
            recall_target: config.index.recall_target,
            max_unfolded: config.fold.max_unfolded.as_u64(),
            limits: WriteLimits::of(&config.server, &config.fold, &bucket),
            adopting: Adopting::new(&config, &bucket, held.compactor),
            audit,
            tracer,
            shutdown,
            tasks,
        });
        node.tasks.spawn(Arc::clone(&node).catch_up());
        node.tasks.spawn(ended(followed.task, folding));
        if compacts(&config) {
            node.tasks.spawn_blocking(move || sweeping.run());
        }
        Ok(node)
    }
}

/// What a node holds of its log before it reads on.
#[derive(Debug)]
struct Held {
    views: Arc<Views>,
    opener: Arc<Opener>,
    compactor: Compactor,
    /// Up to where the checkpoint holds each log.
    starts: BTreeMap<LogId, Start>,
}

impl Held {
    /// Takes up the bucket's newest checkpoint.
    async fn restore(
        config: &Config,
        bucket: &Bucket,
        log: LogId,
        (clock, spans): (&Arc<dyn Clock>, &SegmentSpans),
        broken: &Arc<OnceLock<String>>,
    ) -> Result<(Self, NodeSink), NodeError> {
        let views = Arc::new(Views::default());
        let catalog = Catalog::new(Arc::clone(&bucket.store.data));
        let mut starts = BTreeMap::new();
        if let Some(checkpoint) = catalog.newest_checkpoint().await? {
            let checkpoint = catalog.open(checkpoint).await?;
            let logs = checkpoint.checkpoint.logs.iter();
            starts.extend(logs.map(|(log, position)| (*log, start_after(position))));
            views.adopt(Arc::new(checkpoint));
        }
        let cache = open_cache(config, bucket)?;
        let scratch = config.cache_dir.join("scratch").join(cache_name(bucket));
        let scratch = Scratch::open(&scratch).map_err(NodeError::cache(&scratch))?;
        let compactor = Compactor::new(catalog.clone(), scratch);
        let opener = Opener::new(catalog, cache, Arc::clone(&views));
        let window = config.log.idempotency_window;
        let mut sink = NodeSink::new(
            Arc::clone(&views),
            window,
            Arc::clone(broken),
            spans.clone(),
        );
        if compacts(config) {
            sink.limit_backlog(max_backlog(config));
        }
        let seq = starts.get(&log).map_or(Seq::ZERO, |start| start.seq);
        sink.remember(bucket, log, seq, clock.now_ms()).await?;
        let opener = Arc::new(opener);
        let held = Self {
            views,
            opener,
            compactor,
            starts,
        };
        Ok((held, sink))
    }
}

impl Held {
    /// Starts what fetches and builds the indexes of this bucket's parts.
    fn indexes(
        &self,
        config: &Config,
        bucket: &Bucket,
        clock: &Arc<dyn Clock>,
        node: Uuid,
    ) -> Result<Arc<IndexService>, NodeError> {
        let id = bucket.marker.bucket.0.to_string();
        let dir = config.cache_dir.join("index").join(id);
        let bucket = IndexBucket {
            store: Arc::clone(&bucket.store.data),
            cache: Arc::clone(&self.opener.cache),
            clock: Arc::clone(clock),
            runtime: Handle::current(),
            node,
            builds: config.roles.contains(&NodeRole::Index),
            searches: config.roles.contains(&NodeRole::Query),
        };
        let index = IndexService::start(&dir, &config.index, Some(bucket));
        Ok(Arc::new(index.map_err(NodeError::Thread)?))
    }

    fn cold(&self, bucket: &Bucket, index: &Arc<IndexService>) -> Arc<Cold> {
        let (opener, index) = (Arc::clone(&self.opener), Arc::clone(index));
        Arc::new(Cold::new(opener, index, Arc::clone(&bucket.store.data)))
    }

    fn folding(
        &self,
        config: &Config,
        (clock, spans): (&Arc<dyn Clock>, SegmentSpans),
        index: &Arc<IndexService>,
        positions: &Positions,
        shutdown: &CancellationToken,
    ) -> Folding {
        Folding {
            config: config.fold.clone(),
            max_backlog: max_backlog(config),
            compacts: compacts(config),
            views: Arc::clone(&self.views),
            opener: Arc::clone(&self.opener),
            compactor: self.compactor.clone(),
            clock: Arc::clone(clock),
            index: Arc::clone(index),
            positions: positions.clone(),
            spans,
            shutdown: shutdown.clone(),
        }
    }
}

/// Whether this node makes parts and checkpoints.
fn compacts(config: &Config) -> bool {
    config.roles.contains(&NodeRole::Compact)
}

/// How many bytes may wait to be folded on this node.
fn max_backlog(config: &Config) -> u64 {
    let most = config.fold.max_backlog.as_u64();
    if config.roles.contains(&NodeRole::Query) {
        most
    } else {
        most / 4
    }
}

/// What the folders are called in which a node keeps something of a bucket.
fn cache_name(bucket: &Bucket) -> String {
    bucket.marker.bucket.0.to_string()
}

/// The bucket's immutable objects on this node's disk.
fn open_cache(config: &Config, bucket: &Bucket) -> Result<Arc<ObjectCache>, NodeError> {
    let dir = config.cache_dir.join("objects").join(cache_name(bucket));
    let store = Arc::clone(&bucket.store.data);
    let cache = ObjectCache::open(&dir, config.cache.max_bytes.as_u64(), store)?;
    Ok(Arc::new(cache))
}

/// Waits until segments of a log are deleted that were not read.
async fn fell_behind(mut role: watch::Receiver<Role>) {
    let behind = |role: &Role| matches!(role, Role::Stopped(StopReason::Behind { .. }));
    if role.wait_for(behind).await.is_err() && !behind(&role.borrow()) {
        // it stopped for another reason
        std::future::pending::<()>().await;
    }
}

/// Waits until the log's task and the folding thread have ended.
async fn ended(log: JoinHandle<()>, folding: std::thread::JoinHandle<()>) {
    if let Err(error) = log.await {
        tracing::error!(%error, "log task failed");
    }
    let folded = tokio::task::spawn_blocking(move || folding.join()).await;
    if !matches!(folded, Ok(Ok(()))) {
        tracing::error!("folding thread failed");
    }
}

fn search_error(error: SearchError) -> EngineError {
    use EngineErrorKind as Kind;
    let message = error.to_string();
    match error {
        SearchError::DeadlineExceeded => EngineError::new(Kind::Deadline, message),
        SearchError::Overloaded => {
            EngineError::new(Kind::Overloaded, message).retry_after(Duration::from_secs(1))
        }
        SearchError::Interrupted => EngineError::new(Kind::Unavailable, message),
        error @ SearchError::Index(_) => EngineError::new(Kind::Internal, message).caused_by(error),
        _ => EngineError::new(Kind::Invalid, message),
    }
}
