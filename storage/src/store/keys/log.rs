//! Keys of a log: segments, claims and floors.

use super::text::{NARROW, WIDE, log_id, log_prefix, number, padded, parts};
use super::{InvalidKey, Key};
use crate::model::{Epoch, LogId, Seq};
use object_store::path::Path;

/// A segment: `log/{region}/{shard:04}/{seq:020}.seg`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SegmentKey {
    /// The log that it belongs to.
    pub log: LogId,
    /// Its number in that log.
    pub seq: Seq,
}

impl SegmentKey {
    /// Under which all segments of `log` lie, and nothing else.
    pub fn prefix(log: LogId) -> Path {
        log_prefix("log", log)
    }
}

impl Key for SegmentKey {
    fn path(&self) -> Path {
        Self::prefix(self.log).join(format!("{}.seg", padded(self.seq.0, WIDE)))
    }

    fn parse(path: &Path) -> Result<Self, InvalidKey> {
        let read = || {
            let ["log", region, shard, file] = parts(path)[..] else {
                return None;
            };
            let seq = Seq(number(file.strip_suffix(".seg")?, WIDE)?);
            Some(Self {
                log: log_id(region, shard)?,
                seq,
            })
        };
        read().ok_or_else(|| {
            InvalidKey::new("segment", "log/{region}/{shard:04}/{seq:020}.seg", path)
        })
    }
}

/// An ownership claim: `claim/{region}/{shard:04}/{epoch:010}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClaimKey {
    /// The log that is claimed.
    pub log: LogId,
    /// The number of the claim.
    pub epoch: Epoch,
}

impl ClaimKey {
    /// Under which all claims of `log` lie.
    pub fn prefix(log: LogId) -> Path {
        log_prefix("claim", log)
    }
}

impl Key for ClaimKey {
    fn path(&self) -> Path {
        Self::prefix(self.log).join(padded(self.epoch.0, NARROW))
    }

    fn parse(path: &Path) -> Result<Self, InvalidKey> {
        let read = || {
            let ["claim", region, shard, epoch] = parts(path)[..] else {
                return None;
            };
            Some(Self {
                log: log_id(region, shard)?,
                epoch: Epoch(number(epoch, NARROW)?),
            })
        };
        read()
            .ok_or_else(|| InvalidKey::new("claim", "claim/{region}/{shard:04}/{epoch:010}", path))
    }
}

/// Up to where a bucket has deleted a log: `floor/{region of the log}/{shard:04}/{k:010}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FloorKey {
    /// The log that was cut.
    pub log: LogId,
    /// The number of the floor; the newest one holds.
    pub k: u64,
}

impl FloorKey {
    /// Under which all floors of `log` lie.
    pub fn prefix(log: LogId) -> Path {
        log_prefix("floor", log)
    }
}

impl Key for FloorKey {
    fn path(&self) -> Path {
        Self::prefix(self.log).join(padded(self.k, NARROW))
    }

    fn parse(path: &Path) -> Result<Self, InvalidKey> {
        let read = || {
            let ["floor", region, shard, k] = parts(path)[..] else {
                return None;
            };
            Some(Self {
                log: log_id(region, shard)?,
                k: number(k, NARROW)?,
            })
        };
        read().ok_or_else(|| InvalidKey::new("floor", "floor/{region}/{shard:04}/{k:010}", path))
    }
}
