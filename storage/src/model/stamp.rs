//! [`Stamp`]: the total order of mutations.

use super::{Hlc, LogId, Seq};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The position of one mutation among all mutations of all regions: total and deterministic.
///
/// Ordered by time, then region, shard, segment number and index in the segment. The newest wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Stamp {
    /// When the owner closed the batch that holds it.
    pub hlc: Hlc,
    /// The log that holds it.
    pub log: LogId,
    /// The segment that holds it.
    pub seq: Seq,
    /// Its index among the mutations of that segment.
    pub index: u32,
}

impl Stamp {
    /// The stamp of another mutation of the same segment.
    #[must_use]
    pub fn at(self, index: u32) -> Self {
        Self { index, ..self }
    }
}

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}#{}:{}", self.hlc, self.log, self.seq, self.index)
    }
}
