//! [`Segment`]: one immutable object of a log.

use super::{Block, ClusterId, Epoch, Hlc, LogId, Seq, Stamp, VersionVector};
use std::fmt;
use uuid::Uuid;

/// What a segment is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SegmentKind {
    /// Holds mutations.
    Data,
    /// Ends the reign of older epochs; holds nothing.
    Fence,
    /// Shows that the log is alive; holds nothing.
    Heartbeat,
    /// The last segment of a log.
    Seal,
}

/// Tells the bytes of one attempt to write a segment from all others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Nonce(pub u128);

impl fmt::Display for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// What stands in front of a segment's mutations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentHeader {
    /// What the segment is for.
    pub kind: SegmentKind,
    /// The cluster; segments of another are refused.
    pub cluster: ClusterId,
    /// The log.
    pub log: LogId,
    /// The claim under which it was written.
    pub epoch: Epoch,
    /// Its number in the log.
    pub seq: Seq,
    /// The process that wrote it.
    pub writer: Uuid,
    /// Tells this attempt from all others.
    pub nonce: Nonce,
    /// The oldest time of a mutation; that of the segment where it holds none.
    pub hlc_min: Hlc,
    /// The newest time of a mutation; that of the segment where it holds none.
    pub hlc_max: Hlc,
    /// How many mutations, a row each.
    pub ops: u32,
    /// What the writer had applied when it closed the batch: tells a conflict from an overwrite.
    pub seen: VersionVector,
}

impl SegmentHeader {
    /// The stamp of the mutation with index `index`.
    pub fn stamp(&self, index: u32) -> Stamp {
        Stamp {
            hlc: self.hlc_max,
            log: self.log,
            seq: self.seq,
            index,
        }
    }
}

/// One immutable object of a log.
#[derive(Debug, Clone)]
pub struct Segment {
    /// What stands in front.
    pub header: SegmentHeader,
    /// The mutations, namespace by namespace; each namespace once.
    pub blocks: Vec<Block>,
}
