//! [`Copier`]: carries a log from one bucket to another, in its order.

use super::{bugs::Bug, sink::Shared};
use isobath_storage::{
    Clock,
    format::segment,
    log::LogHandle,
    model::{LogId, Segment, Seq},
    store::{
        Store,
        keys::{Key, SegmentKey},
    },
};
use object_store::{Error, ObjectStore, ObjectStoreExt, PutMode, PutOptions};
use std::{sync::Arc, time::Duration};
use tokio::sync::watch;

/// Where a log comes from and where it goes to.
#[derive(Debug)]
pub(crate) struct Copier {
    pub(crate) log: LogId,
    /// The origin's bucket first, then others that have copies.
    pub(crate) sources: Vec<Store>,
    pub(crate) target: Store,
    pub(crate) follower: LogHandle<()>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) interval: Duration,
    pub(crate) bug: Option<Bug>,
    /// For a mistake only: what must not be fed but by the follower.
    pub(crate) shared: Arc<Shared>,
}

impl Copier {
    /// Copies for ever, from the segment after `held` on; says up to where the target holds the log.
    pub(crate) async fn run(self, mut held: Seq, said: watch::Sender<Seq>) {
        loop {
            let next = held.next();
            if matches!(self.bug, Some(Bug::ParallelCopies | Bug::UnorderedApply)) {
                // later ones first, whatever becomes of this one
                self.carry(next.next()).await;
            }
            if self.carry(next).await {
                held = next;
                said.send_replace(held);
                self.follower.hint();
            } else {
                self.clock.sleep(self.interval).await;
            }
        }
    }

    /// Whether the target holds the segment now.
    async fn carry(&self, seq: Seq) -> bool {
        let path = SegmentKey { log: self.log, seq }.path();
        for source in &self.sources {
            let Ok(got) = source.log.get(&path).await else {
                continue;
            };
            let Ok(bytes) = got.bytes().await else {
                continue;
            };
            if self.bug == Some(Bug::UnorderedApply) {
                let segment = segment::decode(&bytes).unwrap();
                self.shared.views.apply(&Arc::new(segment)).unwrap();
            }
            let create = PutOptions::from(PutMode::Create);
            let put = self
                .target
                .log
                .put_opts(&path, bytes.clone().into(), create);
            return match put.await {
                Ok(_) => true,
                Err(Error::AlreadyExists { .. }) => holds(&self.target, &path, &bytes).await,
                Err(_) => false,
            };
        }
        false
    }
}

async fn holds(store: &Store, path: &object_store::path::Path, bytes: &[u8]) -> bool {
    let Ok(got) = store.log.get(path).await else {
        return false;
    };
    let found = got.bytes().await;
    if let Ok(found) = &found {
        assert_eq!(found, bytes, "{path} holds other bytes");
    }
    found.is_ok()
}

/// Up to where a bucket holds a log without a gap after `floor`.
pub(crate) async fn held(store: &Arc<dyn ObjectStore>, log: LogId, floor: Seq) -> Seq {
    let mut held = floor;
    loop {
        let next = held.next();
        let path = SegmentKey { log, seq: next }.path();
        match store.head(&path).await {
            Ok(_) => held = next,
            Err(_) => return held,
        }
    }
}

/// The segments of a log that a bucket holds, up to `last`.
pub(crate) async fn read_all(store: &Arc<dyn ObjectStore>, log: LogId, last: Seq) -> Vec<Segment> {
    let mut segments = vec![];
    for seq in (1..=last.0).map(Seq) {
        if let Ok(got) = store.get(&SegmentKey { log, seq }.path()).await {
            segments.push(segment::decode(&got.bytes().await.unwrap()).unwrap());
        }
    }
    segments
}
