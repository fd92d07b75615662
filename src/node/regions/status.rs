//! What is told of the regions.

use super::Regions;
use crate::server::{RegionPong, RegionStatus};
use isobath_storage::{
    log::Role,
    model::{LogId, Region, ShardId, Token},
    replicate::{RelayHandle, RelayState},
};
use std::time::Duration;

/// Between two looks at how stale the views are.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

impl Regions {
    /// What a node of another region wants to know.
    pub(in crate::node) fn pong(&self) -> RegionPong {
        let owns = matches!(self.log.role(), Role::Owner { .. });
        RegionPong {
            region: self.region,
            cluster: self.cluster,
            membership: self.membership.number,
            tail: owns.then(|| self.log.applied()),
            holds: self.holds(),
        }
    }

    /// All regions, as this node sees them.
    pub(in crate::node) fn statuses(&self) -> Vec<RegionStatus> {
        let members = self.membership.members.iter();
        members.map(|member| self.status(member.region)).collect()
    }

    fn status(&self, region: Region) -> RegionStatus {
        let log = LogId::new(region, ShardId(0));
        let (applied, held) = (self.positions.applied().get(log), self.holds().get(log));
        let now = self.clock.monotonic();
        let Some(peer) = self.peers.get(&region) else {
            return RegionStatus::alone(region, applied);
        };
        let health = peer.health();
        let state = self.relays.get(&log).map(RelayHandle::state);
        RegionStatus {
            region,
            local: false,
            address: peer.address.clone(),
            up: health.up,
            breaker: health.breaker,
            round_trip: health.round_trip,
            applied,
            held,
            tail: health.tail.max(held),
            staleness: self.staleness_of(peer, now),
            fault: state.and_then(|state| match state {
                RelayState::Copying => None,
                RelayState::Behind { floor } => {
                    Some(format!("its bucket has deleted its log up to {floor}"))
                }
                RelayState::Damaged { seq, fault } => Some(format!("segment {seq}: {fault}")),
            }),
        }
    }

    /// Waits until the views trail the logs of all other regions by no more than `most`, at most for `wait`. By how much
    /// they may trail them then; none where that is not known of one.
    pub(in crate::node) async fn fresher_than(
        &self,
        most: Duration,
        wait: Duration,
    ) -> Option<Duration> {
        let start = self.clock.monotonic();
        loop {
            let now = self.clock.monotonic();
            let staleness = self.staleness();
            let fresh = staleness.is_some_and(|staleness| staleness <= most);
            if fresh || now.saturating_sub(start) >= wait {
                return staleness;
            }
            self.clock.sleep(LOOK_AGAIN).await;
        }
    }

    /// By how much the views may trail the logs of all other regions; none where that is not known of one.
    fn staleness(&self) -> Option<Duration> {
        let now = self.clock.monotonic();
        let mut worst = Duration::ZERO;
        for peer in self.peers.values() {
            worst = worst.max(self.staleness_of(peer, now)?);
        }
        Some(worst)
    }

    /// A region that holds what `token` says for sure and that is asked: that of a log which was not read far enough.
    pub(in crate::node) fn holder(&self, token: &Token) -> Option<Region> {
        let applied = self.positions.applied();
        let behind = token
            .seen
            .iter()
            .filter(|(log, seq)| applied.get(*log) < *seq);
        let mut regions = behind.map(|(log, _)| log.region);
        regions.find(|region| {
            let peer = self.peers.get(region);
            peer.is_some_and(|peer| peer.is_open_to_us() && peer.address.is_some())
        })
    }
}
