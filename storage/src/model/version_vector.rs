//! [`VersionVector`]: a position across all logs.

use super::{LogId, Seq};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Per log the last segment up to which everything was seen, without a gap.
///
/// The one notion of position across regions: watermark, token, ack, GC gate.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct VersionVector(BTreeMap<LogId, Seq>);

impl VersionVector {
    /// The last segment of `log` that was seen; [`Seq::ZERO`] where none was.
    pub fn get(&self, log: LogId) -> Seq {
        self.0.get(&log).copied().unwrap_or_default()
    }

    /// Raises the entry of `log` to at least `seq`.
    pub fn advance(&mut self, log: LogId, seq: Seq) {
        if seq > Seq::ZERO {
            let entry = self.0.entry(log).or_default();
            *entry = (*entry).max(seq);
        }
    }

    /// Raises every entry to at least that of `other`.
    pub fn merge(&mut self, other: &Self) {
        for (log, seq) in other.iter() {
            self.advance(log, seq);
        }
    }

    /// Whether every entry is at least that of `other`.
    pub fn covers(&self, other: &Self) -> bool {
        other.iter().all(|(log, seq)| self.get(log) >= seq)
    }

    /// The entries, by log.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (LogId, Seq)> + '_ {
        self.0.iter().map(|(log, seq)| (*log, *seq))
    }

    /// How many logs it names.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nothing was seen.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<(LogId, Seq)> for VersionVector {
    fn from_iter<T: IntoIterator<Item = (LogId, Seq)>>(entries: T) -> Self {
        let mut vv = Self::default();
        for (log, seq) in entries {
            vv.advance(log, seq);
        }
        vv
    }
}
