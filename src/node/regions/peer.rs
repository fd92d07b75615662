//! [`RegionPeer`]: another region, and what is known of it.

use super::{Regions, metrics};
use crate::server::RegionPong;
use isobath_storage::{
    model::{Region, Seq, VersionVector},
    replicate::{Breaker, BreakerState},
};
use parking_lot::Mutex;
use std::{collections::VecDeque, sync::Arc, time::Duration};
use tokio::sync::Notify;

/// A ping may take this many times the time between two of them.
const PATIENCE: u32 = 4;
/// So many answered pings wait at most until the views hold what they told of.
const PROOFS: usize = 256;
/// Misses after which a region counts as down.
const MISSES: u32 = 3;

/// Another region.
#[derive(Debug)]
pub(super) struct RegionPeer {
    pub(super) region: Region,
    pub(super) address: Option<String>,
    /// How much longer requests to it take than they do.
    pub(super) delay: Duration,
    state: Mutex<State>,
    /// Told whenever it holds more.
    pub(super) grown: Notify,
}

#[derive(Debug, Default)]
struct State {
    breaker: Breaker,
    /// Pings in a row without an answer.
    missed: u32,
    answered: bool,
    holds: VersionVector,
    /// The last segment of its log that it told of.
    tail: Seq,
    /// Pings by when they were sent, with the tail that the owner answered.
    proofs: VecDeque<(Duration, Seq)>,
    /// When the newest ping was sent whose tail the views hold.
    fresh: Option<Duration>,
}

/// What is known of a region's health.
#[derive(Debug, Clone, Copy)]
pub(super) struct Health {
    pub(super) up: bool,
    pub(super) breaker: BreakerState,
    pub(super) round_trip: Option<Duration>,
    pub(super) tail: Seq,
}

impl RegionPeer {
    pub(super) fn new(region: Region, address: Option<String>, delay: Duration) -> Self {
        Self {
            region,
            address,
            delay,
            state: Mutex::default(),
            grown: Notify::new(),
        }
    }

    pub(super) fn health(&self) -> Health {
        let state = self.state.lock();
        Health {
            up: state.answered && state.missed < MISSES,
            breaker: state.breaker.state(),
            round_trip: state.breaker.median(),
            tail: state.tail,
        }
    }

    /// Whether it is asked and told things.
    pub(super) fn is_open_to_us(&self) -> bool {
        self.state.lock().breaker.state() == BreakerState::Closed
    }

    /// What its bucket holds, as far as it told.
    pub(super) fn holds(&self) -> VersionVector {
        self.state.lock().holds.clone()
    }

    /// It told what its bucket holds.
    pub(super) fn note_holds(&self, holds: &VersionVector) {
        self.state.lock().holds.merge(holds);
        self.grown.notify_waiters();
    }

    /// It told of a segment of its log.
    pub(super) fn note_tail(&self, tail: Seq) {
        let mut state = self.state.lock();
        state.tail = state.tail.max(tail);
    }

    /// By how much views that hold its log up to `applied` may trail it, at `now`.
    pub(super) fn staleness(&self, applied: Seq, now: Duration) -> Option<Duration> {
        let mut state = self.state.lock();
        while let Some((sent, _)) = state.proofs.front().copied().filter(|(_, t)| *t <= applied) {
            state.fresh = state.fresh.max(Some(sent));
            state.proofs.pop_front();
        }
        state.fresh.map(|fresh| now.saturating_sub(fresh))
    }

    /// A ping that was sent at `sent` was answered at `now`. Whether it is asked again from now on.
    fn answered(&self, sent: Duration, now: Duration, pong: &RegionPong) -> bool {
        let mut state = self.state.lock();
        let was_down = state.missed >= MISSES || !state.answered;
        (state.missed, state.answered) = (0, true);
        state.holds.merge(&pong.holds);
        if let Some(tail) = pong.tail {
            state.tail = state.tail.max(tail);
            if state.proofs.len() < PROOFS {
                state.proofs.push_back((sent, tail));
            }
        }
        let before = state.breaker.state();
        let closed = state.breaker.answered(now, now.saturating_sub(sent));
        self.tell(before, state.breaker.state(), true);
        drop(state);
        self.grown.notify_waiters();
        closed || was_down
    }

    fn missed(&self, now: Duration) {
        let mut state = self.state.lock();
        state.missed = state.missed.saturating_add(1);
        let before = state.breaker.state();
        state.breaker.failed(now);
        self.tell(before, state.breaker.state(), state.missed < MISSES);
        if state.missed == MISSES {
            tracing::warn!(region = %self.region, "the region does not answer");
        }
    }

    fn tell(&self, before: BreakerState, after: BreakerState, up: bool) {
        let region = self.region.to_string();
        let flag = |holds: bool| if holds { 1.0 } else { 0.0 };
        let open = after != BreakerState::Closed;
        ::metrics::gauge!(metrics::UP, "peer" => region.clone()).set(flag(up));
        ::metrics::gauge!(metrics::BREAKER_OPEN, "peer" => region.clone()).set(flag(open));
        if before == BreakerState::Closed && open {
            ::metrics::counter!(metrics::BREAKER_OPENED, "peer" => region).increment(1);
        }
    }
}

impl Regions {
    /// Asks a region again and again whether it lives, and what it holds.
    pub(super) async fn ping(self: Arc<Self>, peer: Arc<RegionPeer>) {
        let interval = self.config.replicate.ping_interval;
        let Some(address) = peer.address.clone() else {
            return;
        };
        loop {
            let sent = self.clock.monotonic();
            let asks = peer.state.lock().breaker.may_ask(sent);
            if asks {
                self.clock.sleep(peer.delay).await;
                let pong = self.link.region(&address, interval * PATIENCE).await;
                let now = self.clock.monotonic();
                match pong {
                    Ok(pong) if pong.cluster == self.cluster && pong.region == peer.region => {
                        self.on_pong(&peer, sent, now, &pong);
                    }
                    Ok(pong) => {
                        let found = pong.region;
                        tracing::error!(%address, %found, expected = %peer.region, "another region answers");
                        peer.missed(now);
                    }
                    Err(error) => {
                        let error = &error as &dyn std::error::Error;
                        tracing::debug!(error, "a region did not answer");
                        peer.missed(now);
                    }
                }
            }
            let since = self.clock.monotonic().saturating_sub(sent);
            self.clock.sleep(interval.saturating_sub(since)).await;
        }
    }

    fn on_pong(&self, peer: &RegionPeer, sent: Duration, now: Duration, pong: &RegionPong) {
        let seconds = now.saturating_sub(sent).as_secs_f64();
        let region = peer.region.to_string();
        ::metrics::histogram!(metrics::ROUND_TRIP, "peer" => region.clone()).record(seconds);
        let reconcile = peer.answered(sent, now, pong);
        for (log, relay) in self.relays.iter().filter(|(l, _)| l.region == peer.region) {
            let tail = pong.holds.get(*log);
            if reconcile || tail > relay.held() {
                relay.hint();
            }
        }
        if let Some(staleness) = self.staleness_of(peer, now) {
            ::metrics::gauge!(metrics::STALENESS, "origin" => region).set(staleness.as_secs_f64());
        }
    }

    /// By how much the views may trail the log of a region.
    pub(super) fn staleness_of(&self, peer: &RegionPeer, now: Duration) -> Option<Duration> {
        let mut copies = self.copies.iter().filter(|(l, _)| l.region == peer.region);
        let applied = copies.next().map(|(_, log)| log.applied())?;
        peer.staleness(applied, now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use isobath_storage::model::ClusterId;
    use uuid::Uuid;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn should_be_as_stale_as_the_newest_ping_whose_tail_is_applied() {
        let region: Region = "euw1".parse().unwrap();
        let peer = RegionPeer::new(region, None, Duration::ZERO);
        let pong = |tail| RegionPong {
            region,
            cluster: ClusterId(Uuid::nil()),
            membership: 1,
            tail,
            holds: VersionVector::default(),
        };
        assert_eq!(peer.staleness(Seq(9), SECOND), None);
        peer.answered(SECOND, SECOND, &pong(Some(Seq(5))));
        peer.answered(2 * SECOND, 2 * SECOND, &pong(Some(Seq(7))));
        peer.answered(3 * SECOND, 3 * SECOND, &pong(None));
        assert_eq!(peer.staleness(Seq(4), 4 * SECOND), None);
        assert_eq!(peer.staleness(Seq(5), 4 * SECOND), Some(3 * SECOND));
        assert_eq!(peer.staleness(Seq(7), 10 * SECOND), Some(8 * SECOND));
    }
}
