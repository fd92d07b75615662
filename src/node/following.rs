//! [`Following`]: starts to follow the region's own log, and the copies of the others' that lie in its bucket.

use super::{
    Held, NodeError,
    bucket::Bucket,
    compacts,
    copies::{CopySink, NoOwner},
    max_backlog,
    peers::OwnerPing,
    positions::Positions,
    regions::must_join,
    sink::{NodeSink, Terms},
    spans::SegmentSpans,
};
use crate::server::Peers;
use isobath_config::{Config, Role};
use isobath_storage::{
    Clock,
    catalog::Catalog,
    format::Membership,
    log::{self, LogHandle, Member, Published, Start},
    model::LogId,
};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock, atomic::AtomicBool},
};
use tokio::{sync::broadcast, task::JoinHandle};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use uuid::Uuid;

/// Segments that were committed and that a slow listener has not taken yet; older ones it reads elsewhere.
const PUBLISHED: usize = 64;

/// What it takes to follow logs.
#[derive(Debug)]
pub(super) struct Following<'a> {
    pub(super) config: &'a Config,
    pub(super) bucket: &'a Bucket,
    pub(super) membership: Option<&'a Membership>,
    pub(super) address: String,
    pub(super) id: Uuid,
    /// The region's own log.
    pub(super) log: LogId,
    pub(super) clock: &'a Arc<dyn Clock>,
    pub(super) spans: &'a SegmentSpans,
    pub(super) shutdown: &'a CancellationToken,
    pub(super) tasks: &'a TaskTracker,
}

/// The logs that are followed.
#[derive(Debug)]
pub(super) struct Followed {
    /// The region's own.
    pub(super) log: LogHandle<Terms>,
    pub(super) task: JoinHandle<()>,
    /// Copies of the others'.
    pub(super) copies: BTreeMap<LogId, LogHandle<()>>,
    pub(super) positions: Positions,
    /// Tells of what this process commits.
    pub(super) published: broadcast::Sender<Published>,
    /// While it is set nothing is written to the own log.
    pub(super) joining: Arc<AtomicBool>,
}

impl Following<'_> {
    /// Starts the tasks of all logs, each after what `held` holds of it.
    pub(super) async fn start(
        self,
        held: &Held,
        sink: NodeSink,
        broken: &Arc<OnceLock<String>>,
        peers: &Peers,
        rng: &mut StdRng,
    ) -> Result<Followed, NodeError> {
        let published = broadcast::channel(PUBLISHED).0;
        let joining = Arc::new(AtomicBool::new(self.must_join().await?));
        let start = |log: &LogId| held.starts.get(log).copied().unwrap_or_default();
        let ping = OwnerPing::new(peers.clone(), self.log, self.config.log.ping_interval);
        let (log, task) = log::start(log::Parts {
            peer: Arc::new(ping),
            bucket: Arc::new(self.bucket.clone()),
            published: published.clone(),
            joining: Arc::clone(&joining),
            ..self.parts(self.log, sink, start(&self.log), rng)
        });
        let mut positions = Positions::default();
        positions.follow(self.log, log.watch_position());
        let mut copies = BTreeMap::new();
        let logs = self.membership.into_iter().flat_map(Membership::logs);
        for copy in logs.filter(|copy| *copy != self.log) {
            let sink = CopySink {
                views: Arc::clone(&held.views),
                own: log.clone(),
                broken: Arc::clone(broken),
                backlog: compacts(self.config).then(|| max_backlog(self.config)),
                end: self.membership.and_then(|membership| membership.end(copy)),
                spans: self.spans.clone(),
            };
            let (handle, task) = log::start(self.parts(copy, sink, start(&copy), rng));
            self.tasks.spawn(async move {
                if let Err(error) = task.await {
                    tracing::error!(%error, "the task of a copied log failed");
                }
            });
            positions.follow(copy, handle.watch_position());
            copies.insert(copy, handle);
        }
        if let Some(membership) = self.membership {
            for removed in &membership.removed {
                positions.end(&removed.upto);
            }
        }
        for (log, start) in &held.starts {
            if *log != self.log && !copies.contains_key(log) {
                positions.keep(*log, *start);
            }
        }
        Ok(Followed {
            log,
            task,
            copies,
            positions,
            published,
            joining,
        })
    }

    /// What the task of a log is made of that nobody owns here, unless more is said.
    fn parts<S>(&self, log: LogId, sink: S, start: Start, rng: &mut StdRng) -> log::Parts<S> {
        let own = log == self.log;
        log::Parts {
            member: Member {
                cluster: self.bucket.marker.cluster,
                log,
                writer: self.id,
                address: own.then(|| self.address.clone()),
                claims: own && self.config.roles.contains(&Role::Write),
                copies: !own,
            },
            config: self.config.log.clone(),
            hold: self.config.server.owner_wait,
            store: Arc::clone(&self.bucket.store.log),
            look: self.bucket.store.look.clone(),
            charges_per_request: self.bucket.store.charges_per_request(),
            clock: Arc::clone(self.clock),
            rng: StdRng::from_seed(rng.random()),
            peer: Arc::new(NoOwner),
            bucket: Arc::new(NoOwner),
            sink,
            start,
            published: broadcast::channel(1).0,
            joining: Arc::default(),
            shutdown: self.shutdown.clone(),
        }
    }

    async fn must_join(&self) -> Result<bool, NodeError> {
        let member = self.membership.and_then(|m| m.get(self.log.region));
        let catalog = Catalog::new(Arc::clone(&self.bucket.store.data));
        let since = member.map_or(0, |member| member.since);
        Ok(must_join(&catalog, self.log, since).await?)
    }
}
