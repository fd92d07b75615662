//! What regions tell each other, and what clients are told about them.

mod away;
mod link;

pub(in crate::server) use away::send;
pub(crate) use link::{CLUSTER_PATH, SEGMENTS_PATH};

use bytes::Bytes;
use isobath_config::HiddenText;
use isobath_storage::{
    model::{ClusterId, LogId, Region, Seq, VersionVector},
    replicate::BreakerState,
};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What a region's nodes prove to those of other regions that they are of one cluster.
pub type ClusterSecret = HiddenText;

/// The most bytes of segments in one push.
pub(crate) const PUSH_BYTES: usize = 4 << 20;

/// What the owner of a log tells another region after it committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pushed {
    /// The log.
    pub log: LogId,
    /// The last segment that is committed.
    pub tail: Seq,
    /// Segments up to there, those that are small; each verifies itself.
    pub segments: Vec<(Seq, Bytes)>,
}

/// What a region tells another about itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegionPong {
    /// The region.
    pub region: Region,
    /// Its cluster.
    pub cluster: ClusterId,
    /// The number of the newest membership that it knows.
    pub membership: u64,
    /// The last segment of its own log, by its owner; none where the answering node does not own it.
    pub tail: Option<Seq>,
    /// What its bucket holds of each log without a gap.
    pub holds: VersionVector,
}

/// Another region, as a place to send a request to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Elsewhere {
    /// The region.
    pub region: Region,
    /// Where its nodes answer; none where that is not known here.
    pub address: Option<String>,
    /// Whether requests are sent there, or refused.
    pub forward: bool,
    /// How much longer the way there is than it is; for trying things out.
    pub delay: Duration,
}

/// A region as clients see it from another.
#[derive(Debug, Clone, PartialEq)]
pub struct RegionStatus {
    /// The region.
    pub region: Region,
    /// Whether it is the answering one.
    pub local: bool,
    /// Where its nodes answer.
    pub address: Option<String>,
    /// Whether it answered lately.
    pub up: bool,
    /// Whether it is asked.
    pub breaker: BreakerState,
    /// The median round trip of the last minutes.
    pub round_trip: Option<Duration>,
    /// Up to where the answering region's views hold its log.
    pub applied: Seq,
    /// Up to where the answering region's bucket holds its log.
    pub held: Seq,
    /// The last segment of its log that is known here.
    pub tail: Seq,
    /// By how much the answering region's views may trail its log; none where nothing is known.
    pub staleness: Option<Duration>,
    /// What keeps its log from being copied, if anything does.
    pub fault: Option<String>,
}

impl RegionStatus {
    /// The answering region, whose views hold its log up to `applied`.
    pub fn alone(region: Region, applied: Seq) -> Self {
        Self {
            region,
            local: true,
            address: None,
            up: true,
            breaker: BreakerState::Closed,
            round_trip: None,
            applied,
            held: applied,
            tail: applied,
            staleness: Some(Duration::ZERO),
            fault: None,
        }
    }
}

/// A namespace as the regions of its cluster hold it.
#[derive(Debug, Clone, PartialEq)]
pub struct NamespaceReplication {
    /// The region that resolves its conditional and by-filter writes.
    pub home: Region,
    /// What the answering region's views hold of each log.
    pub applied: VersionVector,
    /// All regions.
    pub regions: Vec<RegionStatus>,
}
