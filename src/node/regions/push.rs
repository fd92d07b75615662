//! Announcing the own log to the other regions; and waiting until their buckets hold it.

use super::{Regions, metrics, peer::RegionPeer};
use crate::server::Pushed;
use bytes::Bytes;
use isobath_storage::{
    log::{LogHandle, Published},
    model::{LogId, Region, Seq, VersionVector},
    replicate::RelayHandle,
};
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::broadcast::{
        self,
        error::{RecvError, TryRecvError},
    },
    task::JoinSet,
};

/// How many pushes to a region are on their way at a time.
const AT_ONCE: usize = 8;
/// The most bytes of segments in one push, below what the other side takes.
const BYTES: usize = 2 << 20;
/// How long a push may take: the other side answers when it has copied, or after [`COPY_WAIT`].
const PATIENCE: Duration = Duration::from_secs(5);
/// How long this region lets a push wait for its copies.
const COPY_WAIT: Duration = Duration::from_secs(2);

impl Regions {
    /// Tells a region of every segment that this process commits.
    pub(super) async fn push(
        self: Arc<Self>,
        peer: Arc<RegionPeer>,
        mut news: broadcast::Receiver<Published>,
    ) {
        let mut pushes = JoinSet::new();
        loop {
            let first = match news.recv().await {
                Ok(first) => first,
                // What was dropped is read by the other side when it hears of the next.
                Err(RecvError::Lagged(_)) => continue,
                Err(RecvError::Closed) => return,
            };
            let gathered = self.gather(first, &mut news);
            if !peer.is_open_to_us() {
                continue;
            }
            while pushes.len() >= AT_ONCE {
                drop(pushes.join_next().await);
            }
            while pushes.try_join_next().is_some() {}
            let (regions, peer) = (Arc::clone(&self), Arc::clone(&peer));
            pushes.spawn(async move { regions.push_one(&peer, &gathered).await });
        }
    }

    /// What was committed up to now, as one push.
    fn gather(&self, first: Published, news: &mut broadcast::Receiver<Published>) -> Pushed {
        let most = usize::try_from(self.config.replicate.hint_bytes.as_u64()).unwrap_or(0);
        let mut pushed = Pushed {
            log: self.own_log,
            tail: first.seq,
            segments: vec![],
        };
        let mut bytes = 0;
        let mut add = |pushed: &mut Pushed, seq: Seq, segment: Bytes| {
            pushed.tail = pushed.tail.max(seq);
            if segment.len() <= most && bytes + segment.len() <= BYTES {
                bytes += segment.len();
                pushed.segments.push((seq, segment));
            }
            bytes < BYTES
        };
        let mut more = add(&mut pushed, first.seq, first.bytes);
        while more {
            match news.try_recv() {
                Ok(next) => more = add(&mut pushed, next.seq, next.bytes),
                Err(TryRecvError::Lagged(_)) => {}
                Err(_) => break,
            }
        }
        pushed
    }

    async fn push_one(&self, peer: &RegionPeer, pushed: &Pushed) {
        let Some(address) = &peer.address else {
            return;
        };
        self.clock.sleep(peer.delay).await;
        match self.link.push(address, pushed, PATIENCE).await {
            Ok(holds) => peer.note_holds(&holds),
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::debug!(error, "a push failed");
            }
        }
    }

    /// Takes what another region pushed; what the bucket holds as soon as it holds as much of that log, or after a
    /// while.
    pub(in crate::node) async fn offer(&self, pushed: Pushed) -> VersionVector {
        let Pushed {
            log,
            tail,
            segments,
        } = pushed;
        if let Some(peer) = self.peers.get(&log.region) {
            peer.note_tail(tail);
        }
        if let Some(relay) = self.relays.get(&log) {
            for (seq, bytes) in segments {
                relay.offer(seq, bytes);
            }
            relay.hint();
        }
        let wait = self.clock.sleep(COPY_WAIT);
        tokio::select! {
            () = self.held(log, tail) => {}
            () = wait => {}
        }
        self.holds()
    }

    /// Waits until the bucket holds a log up to `seq`.
    async fn held(&self, log: LogId, seq: Seq) {
        let reached = |held: &Seq| *held >= seq;
        let copied = self.relays.get(&log).map(RelayHandle::watch_held);
        let applied = self.copies.get(&log).map(LogHandle::watch_applied);
        let Some(mut watch) = copied.or(applied) else {
            return;
        };
        if watch.wait_for(reached).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Waits until the buckets of `regions` regions, this one among them, hold the own log up to `seq`, at most for
    /// `wait`. Those that do then.
    pub(in crate::node) async fn replicated(
        &self,
        seq: Seq,
        regions: usize,
        wait: Duration,
    ) -> Vec<Region> {
        let start = self.clock.monotonic();
        let mut time_is_up = self.clock.sleep(wait);
        loop {
            let peers: Vec<_> = self.peers.values().collect();
            let grown = peers.iter().map(|peer| Box::pin(peer.grown.notified()));
            let mut grown: Vec<_> = grown.collect();
            for waiting in &mut grown {
                waiting.as_mut().enable();
            }
            let holding = peers.iter().filter(|p| p.holds().get(self.own_log) >= seq);
            let mut holding: Vec<Region> = holding.map(|peer| peer.region).collect();
            holding.insert(0, self.region);
            if holding.len() >= regions || grown.is_empty() {
                let seconds = self.clock.monotonic().saturating_sub(start).as_secs_f64();
                ::metrics::histogram!(metrics::COPY_LATENCY).record(seconds);
                return holding;
            }
            tokio::select! {
                _ = futures::future::select_all(grown) => {}
                () = &mut time_is_up => return holding,
            }
        }
    }
}
