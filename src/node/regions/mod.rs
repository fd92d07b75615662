//! [`Regions`]: the other regions of the cluster, as a node deals with them.
//!
//! ```text
//! own log ─ committed ─▶ push ─▶ other regions' nodes        others' buckets ─▶ relay ─▶ own bucket ─▶ copies' tails
//!             │                       │ what they hold                            ▲
//!             └── write_concern ◀─────┴──── ping every 500 ms                     └─ pushed to this node
//! ```

mod acks;
mod join;
mod metrics;
mod peer;
mod push;
mod status;

pub(super) use join::must_join;
pub(super) use metrics::describe as describe_metrics;

use super::{NodeError, bucket::Bucket, following::Followed, positions::Positions, sink::Terms};
use crate::server::{ClusterSecret, Elsewhere, Peers};
use isobath_config::{Away, ClusterConfig, Config, Replication, Role};
use isobath_storage::{
    Clock,
    catalog::Catalog,
    format::Membership,
    log::{LogHandle, Published},
    model::{ClusterId, LogId, Namespace, Region, ShardId, VersionVector},
    replicate::{Origin, Relay, RelayHandle, RelayParts},
    store::Store,
    trace::Tracer,
};
use peer::RegionPeer;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};
use tokio::sync::broadcast;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// The cluster as a process knows it from its settings.
#[derive(Debug)]
pub struct ClusterParts {
    /// The file that all regions share.
    pub config: ClusterConfig,
    /// The buckets of the other regions.
    pub stores: BTreeMap<Region, Store>,
    /// What the nodes of all its regions know, and nobody else.
    pub key: Option<ClusterSecret>,
    /// How much longer requests to other regions take than they do; for trying things out.
    pub delays: BTreeMap<Region, Duration>,
}

/// The other regions of the cluster.
#[derive(Debug)]
pub(super) struct Regions {
    pub(super) region: Region,
    pub(super) own_log: LogId,
    pub(super) cluster: ClusterId,
    pub(super) membership: Membership,
    away: Away,
    config: Config,
    peers: BTreeMap<Region, Arc<RegionPeer>>,
    relays: BTreeMap<LogId, RelayHandle>,
    /// The catalogs of the other regions' buckets.
    catalogs: BTreeMap<Region, Catalog>,
    own: Catalog,
    link: Peers,
    log: LogHandle<Terms>,
    copies: BTreeMap<LogId, LogHandle<()>>,
    positions: Positions,
    clock: Arc<dyn Clock>,
    /// Set as soon as the bucket holds a newer membership.
    changed: CancellationToken,
    shutdown: CancellationToken,
}

/// What is needed to deal with other regions.
#[derive(Debug)]
pub(super) struct RegionsParts<'a> {
    pub(super) config: &'a Config,
    pub(super) bucket: &'a Bucket,
    pub(super) membership: Membership,
    pub(super) cluster: ClusterParts,
    pub(super) link: Peers,
    pub(super) followed: &'a Followed,
    pub(super) clock: &'a Arc<dyn Clock>,
    pub(super) tracer: &'a Tracer,
    pub(super) seed: [u8; 32],
    pub(super) shutdown: &'a CancellationToken,
}

/// The newest membership of the bucket's cluster, if it has one. The settings must name each of its members.
pub(super) async fn membership(
    bucket: &Bucket,
    cluster: Option<&ClusterParts>,
) -> Result<Option<Membership>, NodeError> {
    let catalog = Catalog::new(Arc::clone(&bucket.store.data));
    let Some(membership) = catalog.newest_membership().await? else {
        return match cluster {
            None => Ok(None),
            Some(_) => Err(NodeError::NoMembership),
        };
    };
    let own = bucket.marker.region;
    if membership.get(own).is_none() {
        return Err(NodeError::Removed { region: own });
    }
    if let Some(parts) = cluster {
        let mut members = membership.members.iter().map(|member| member.region);
        if let Some(region) = members.find(|r| *r != own && !parts.stores.contains_key(r)) {
            return Err(NodeError::UnknownMember { region });
        }
    }
    Ok(Some(membership))
}

impl Regions {
    /// Starts to copy the other regions' logs, if the process has that role, to announce the own one, and to ask
    /// whether the others live.
    pub(super) fn start(parts: RegionsParts<'_>, tasks: &TaskTracker) -> Arc<Self> {
        let own = parts.bucket.marker.region;
        let mut rng = StdRng::from_seed(parts.seed);
        let relays = relays(&parts, &mut rng, tasks);
        let members = parts.membership.members.iter().map(|m| m.region);
        let peers = members.filter(|region| *region != own);
        let peers = peers.map(|region| {
            let config = parts.cluster.config.get(region.as_str());
            let address = config.and_then(|config| config.address.clone());
            let delay = parts.cluster.delays.get(&region).copied();
            let peer = RegionPeer::new(region, address, delay.unwrap_or_default());
            (region, Arc::new(peer))
        });
        let catalog = |store: &Store| Catalog::new(Arc::clone(&store.data));
        let stores = parts.cluster.stores.iter();
        let regions = Arc::new(Self {
            region: own,
            own_log: LogId::new(own, ShardId(0)),
            cluster: parts.bucket.marker.cluster,
            away: parts.cluster.config.away,
            config: parts.config.clone(),
            peers: peers.collect(),
            relays,
            catalogs: stores.map(|(r, store)| (*r, catalog(store))).collect(),
            own: catalog(&parts.bucket.store),
            link: parts.link,
            log: parts.followed.log.clone(),
            copies: parts.followed.copies.clone(),
            positions: parts.followed.positions.clone(),
            clock: Arc::clone(parts.clock),
            changed: CancellationToken::new(),
            shutdown: parts.shutdown.clone(),
            membership: parts.membership,
        });
        let joining = Arc::clone(&parts.followed.joining);
        regions.spawn(tasks, &parts.followed.published, joining);
        regions
    }

    fn spawn(
        self: &Arc<Self>,
        tasks: &TaskTracker,
        published: &broadcast::Sender<Published>,
        joining: Arc<AtomicBool>,
    ) {
        for peer in self.peers.values().filter(|peer| peer.address.is_some()) {
            self.run(tasks, Arc::clone(self).ping(Arc::clone(peer)));
            let news = published.subscribe();
            self.run(tasks, Arc::clone(self).push(Arc::clone(peer), news));
        }
        if self.config.roles.contains(&Role::Replicate) {
            self.run(tasks, Arc::clone(self).acknowledge());
        }
        self.run(tasks, Arc::clone(self).watch_membership());
        self.run(tasks, Arc::clone(self).join(joining));
    }

    fn run(&self, tasks: &TaskTracker, work: impl Future<Output = ()> + Send + 'static) {
        let shutdown = self.shutdown.clone();
        tasks.spawn(async move { shutdown.run_until_cancelled(work).await });
    }

    /// What this region's bucket holds of each log without a gap, as far as this node knows.
    pub(super) fn holds(&self) -> VersionVector {
        // A relay knows that what a segment adopts is here, too; without one what was read is what is here.
        let applied = self.positions.applied();
        let held = |(log, seq)| (log, self.relays.get(&log).map_or(seq, RelayHandle::held));
        let relayed = self.relays.iter().map(|(log, relay)| (*log, relay.held()));
        applied.iter().map(held).chain(relayed).collect()
    }

    /// The catalogs of the other members' buckets.
    pub(super) fn catalogs(&self) -> &BTreeMap<Region, Catalog> {
        &self.catalogs
    }

    /// How many regions the cluster has.
    pub(super) fn count(&self) -> usize {
        self.membership.members.len()
    }

    /// Where writes to `namespace` are resolved that depend on rows; none where here.
    pub(super) fn home(&self, namespace: &Namespace) -> Option<Elsewhere> {
        let region = self.membership.home(namespace)?;
        (region != self.region).then(|| Elsewhere {
            forward: self.away == Away::Forward,
            ..self.elsewhere(region)
        })
    }

    /// A region as a place to send a request to.
    pub(super) fn elsewhere(&self, region: Region) -> Elsewhere {
        let peer = self.peers.get(&region);
        Elsewhere {
            region,
            address: peer.and_then(|peer| peer.address.clone()),
            forward: true,
            delay: peer.map_or(Duration::ZERO, |peer| peer.delay),
        }
    }

    /// Ends as soon as the regions of the cluster are others than they were.
    pub(super) async fn changed(&self) {
        self.changed.cancelled().await;
    }
}

/// Starts the relays of all other regions' logs.
fn relays(
    parts: &RegionsParts<'_>,
    rng: &mut StdRng,
    tasks: &TaskTracker,
) -> BTreeMap<LogId, RelayHandle> {
    let own = parts.bucket.marker.region;
    if !parts.config.roles.contains(&Role::Replicate) {
        return BTreeMap::new();
    }
    let config = parts.cluster.config.get(own.as_str());
    let mode = config.map_or(Replication::Relay, |config| config.replication);
    let mut relays = BTreeMap::new();
    for (log, follower) in &parts.followed.copies {
        let Some(store) = parts.cluster.stores.get(&log.region) else {
            continue;
        };
        if parts.membership.get(log.region).is_none() {
            // It was removed: what counts of its log is in the bucket.
            continue;
        }
        let (relay, task) = Relay::start(RelayParts {
            cluster: parts.bucket.marker.cluster,
            origin: Origin {
                log: *log,
                store: store.clone(),
            },
            dest: own,
            target: parts.bucket.store.clone(),
            mode,
            config: parts.config.replicate.clone(),
            log: parts.config.log.clone(),
            follower: follower.clone(),
            clock: Arc::clone(parts.clock),
            rng: StdRng::from_seed(rng.random()),
            tracer: parts.tracer.clone(),
            shutdown: parts.shutdown.clone(),
        });
        tasks.spawn(async move {
            if let Err(error) = task.await {
                tracing::error!(%error, "a relay failed");
            }
        });
        relays.insert(*log, relay);
    }
    relays
}
