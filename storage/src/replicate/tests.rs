//! A relay between two buckets in memory.

use super::{Origin, Relay, RelayHandle, RelayParts, RelayState};
use crate::{
    Clock, SystemClock,
    log::{self, BucketCheck, LogHandle, Member, Peer, Resolution, Sink, Start},
    model::{
        ClusterId, Epoch, Hlc, LogId, Namespace, Nonce, Request, Segment, SegmentHeader,
        SegmentKind, Seq, ShardId, Stamp, VersionVector,
    },
    store::{
        Backend, Store, StoreOptions, compose,
        keys::{Key, SegmentKey},
    },
};
use bytes::Bytes;
use isobath_config::{LogConfig, ReplicateConfig, Replication};
use object_store::ObjectStoreExt;
use parking_lot::Mutex;
use rand::{SeedableRng, rngs::StdRng};
use std::{error::Error, sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// The numbers of the segments that were applied.
#[derive(Debug, Clone, Default)]
struct Applied(Arc<Mutex<Vec<Seq>>>);

impl Sink for Applied {
    type Terms = ();

    fn resolve(&mut self, _: &Namespace, _: &mut Request, (): (), _: Stamp) -> Resolution {
        Resolution::Refuse("nobody asks".into())
    }

    fn apply(&mut self, segment: Arc<Segment>) {
        self.0.lock().push(segment.header.seq);
    }

    fn discard(&mut self) {}
}

#[derive(Debug)]
struct Nobody;

#[async_trait::async_trait]
impl Peer for Nobody {
    async fn ping(&self, _: &str) -> bool {
        false
    }
}

#[async_trait::async_trait]
impl BucketCheck for Nobody {
    async fn check(&self) -> Result<(), Box<dyn Error + Send + Sync>> {
        Ok(())
    }
}

fn log_id() -> LogId {
    LogId::new("use1".parse().unwrap(), ShardId(0))
}

fn cluster() -> ClusterId {
    ClusterId(Uuid::from_u128(7))
}

fn segment(seq: u64, cluster: ClusterId) -> Bytes {
    let header = SegmentHeader {
        kind: SegmentKind::Heartbeat,
        cluster,
        log: log_id(),
        epoch: Epoch(1),
        seq: Seq(seq),
        writer: Uuid::nil(),
        nonce: Nonce(seq.into()),
        hlc_min: Hlc(seq),
        hlc_max: Hlc(seq),
        ops: 0,
        seen: VersionVector::default(),
    };
    let blocks = vec![];
    crate::format::segment::encode(&Segment { header, blocks }).unwrap()
}

/// Two buckets.
struct World {
    source: Store,
    target: Store,
    clock: Arc<dyn Clock>,
}

/// A relay with the follower of its copies.
struct Running {
    relay: RelayHandle,
    applied: Applied,
    follower: LogHandle<()>,
    shutdown: CancellationToken,
}

impl World {
    fn new() -> Self {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let bucket = || compose(Backend::in_memory(), &StoreOptions::default(), &clock, None);
        Self {
            source: bucket(),
            target: bucket(),
            clock: Arc::clone(&clock),
        }
    }

    async fn put(store: &Store, seq: u64, bytes: Bytes) {
        let (log, seq) = (log_id(), Seq(seq));
        let path = SegmentKey { log, seq }.path();
        store.log.put(&path, bytes.into()).await.unwrap();
    }

    async fn get(store: &Store, seq: u64) -> Option<Bytes> {
        let (log, seq) = (log_id(), Seq(seq));
        let path = SegmentKey { log, seq }.path();
        let found = store.log.get(&path).await.ok()?;
        Some(found.bytes().await.unwrap())
    }

    async fn delete(store: &Store, seq: u64) {
        let (log, seq) = (log_id(), Seq(seq));
        let path = SegmentKey { log, seq }.path();
        store.log.delete(&path).await.unwrap();
    }

    fn start(&self, mode: Replication) -> Running {
        let ms = Duration::from_millis(1);
        let config = LogConfig {
            tail_interval: 10 * ms,
            tail_interval_idle: 50 * ms,
            ..LogConfig::default()
        };
        let (applied, shutdown) = (Applied::default(), CancellationToken::new());
        let (follower, _) = log::start(log::Parts {
            member: Member {
                cluster: cluster(),
                log: log_id(),
                writer: Uuid::nil(),
                address: None,
                claims: false,
                copies: true,
            },
            config: config.clone(),
            hold: 1_000 * ms,
            store: Arc::clone(&self.target.log),
            look: None,
            charges_per_request: false,
            clock: Arc::clone(&self.clock),
            rng: StdRng::seed_from_u64(1),
            peer: Arc::new(Nobody),
            bucket: Arc::new(Nobody),
            sink: applied.clone(),
            start: Start::default(),
            published: tokio::sync::broadcast::channel(1).0,
            joining: Arc::default(),
            shutdown: shutdown.clone(),
        });
        let (relay, _) = Relay::start(RelayParts {
            tracer: crate::trace::Tracer::default(),
            cluster: cluster(),
            origin: Origin {
                log: log_id(),
                store: self.source.clone(),
            },
            dest: "euw1".parse().unwrap(),
            target: self.target.clone(),
            mode,
            config: ReplicateConfig {
                gap_timeout: 100 * ms,
                ..ReplicateConfig::default()
            },
            log: config,
            follower: follower.clone(),
            clock: Arc::clone(&self.clock),
            rng: StdRng::seed_from_u64(2),
            shutdown: shutdown.clone(),
        });
        Running {
            relay,
            applied,
            follower,
            shutdown,
        }
    }
}

impl Running {
    async fn reach(&self, seq: u64) {
        let mut applied = self.follower.watch_applied();
        let reached = applied.wait_for(|applied| *applied >= Seq(seq));
        let reached = tokio::time::timeout(Duration::from_mins(1), reached).await;
        reached.expect("in time").unwrap();
        assert_eq!(
            *self.applied.0.lock(),
            (1..=seq).map(Seq).collect::<Vec<_>>()
        );
    }
}

#[tokio::test]
async fn should_copy_a_log_in_order_and_go_on_with_it() {
    let world = World::new();
    for seq in 1..=40 {
        World::put(&world.source, seq, segment(seq, cluster())).await;
    }
    let running = world.start(Replication::Relay);
    running.reach(40).await;
    World::put(&world.source, 41, segment(41, cluster())).await;
    running.relay.hint();
    running.reach(41).await;
    assert_eq!(running.relay.held(), Seq(41));
    for seq in 1..=41 {
        assert_eq!(
            World::get(&world.target, seq).await,
            Some(segment(seq, cluster()))
        );
    }
}

#[tokio::test]
async fn should_copy_what_is_pushed_in_any_order_without_the_origin() {
    let world = World::new();
    let running = world.start(Replication::Relay);
    for seq in [3, 1, 3, 2] {
        running.relay.offer(Seq(seq), segment(seq, cluster()));
    }
    running.reach(3).await;
}

#[tokio::test]
async fn should_not_take_what_is_damaged_or_of_another_cluster() {
    let world = World::new();
    let running = world.start(Replication::Relay);
    let other = ClusterId(Uuid::from_u128(8));
    running.relay.offer(Seq(1), segment(1, other));
    running.relay.offer(Seq(1), segment(2, cluster()));
    running
        .relay
        .offer(Seq(1), segment(1, cluster()).slice(1..));
    World::put(&world.source, 1, segment(1, cluster())).await;
    running.reach(1).await;
    assert_eq!(
        World::get(&world.target, 1).await,
        Some(segment(1, cluster()))
    );
}

#[tokio::test]
async fn should_never_overwrite_other_bytes() {
    let world = World::new();
    World::put(&world.source, 1, segment(1, cluster())).await;
    World::put(&world.target, 1, Bytes::from_static(b"other")).await;
    World::put(&world.target, 2, segment(2, cluster())).await;
    // the listing finds it, and who reads it finds that it is damaged
    let running = world.start(Replication::Relay);
    World::put(&world.source, 3, Bytes::from_static(b"damaged")).await;
    running.relay.hint();
    let damaged = async {
        while running.relay.state() == RelayState::Copying {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), damaged)
        .await
        .expect("it is told");
    assert!(matches!(
        running.relay.state(),
        RelayState::Damaged { seq: Seq(3), .. }
    ));
    assert_eq!(
        World::get(&world.target, 1).await,
        Some(Bytes::from_static(b"other"))
    );
}

#[tokio::test]
async fn should_make_a_lost_copy_again() {
    let world = World::new();
    for seq in 1..=9 {
        World::put(&world.source, seq, segment(seq, cluster())).await;
    }
    let before = world.start(Replication::Relay);
    before.reach(9).await;
    before.shutdown.cancel();
    World::delete(&world.target, 4).await;
    let after = world.start(Replication::Relay);
    after.reach(9).await;
    assert_eq!(
        World::get(&world.target, 4).await,
        Some(segment(4, cluster()))
    );
}

#[tokio::test]
async fn should_make_a_copy_again_that_goes_before_it_is_read() {
    let world = World::new();
    for seq in 1..=9 {
        World::put(&world.source, seq, segment(seq, cluster())).await;
        World::put(&world.target, seq, segment(seq, cluster())).await;
    }
    let running = world.start(Replication::Relay);
    running.reach(9).await;
    World::put(&world.source, 10, segment(10, cluster())).await;
    World::put(&world.source, 11, segment(11, cluster())).await;
    running.relay.hint();
    let mut held = running.relay.watch_held();
    held.wait_for(|held| *held >= Seq(10)).await.unwrap();
    World::delete(&world.target, 10).await;
    let mut applied = running.follower.watch_applied();
    let reached = applied.wait_for(|applied| *applied >= Seq(11));
    let reached = tokio::time::timeout(Duration::from_mins(1), reached).await;
    reached.expect("in time").unwrap();
}

#[tokio::test]
async fn should_leave_copying_to_the_store_until_it_leaves_a_gap() {
    let world = World::new();
    for seq in [1, 2, 4] {
        World::put(&world.target, seq, segment(seq, cluster())).await;
    }
    for seq in 1..=4 {
        World::put(&world.source, seq, segment(seq, cluster())).await;
    }
    let running = world.start(Replication::Managed);
    running.reach(4).await;
    assert_eq!(
        World::get(&world.target, 3).await,
        Some(segment(3, cluster()))
    );
}
