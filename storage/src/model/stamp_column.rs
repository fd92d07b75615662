//! [`StampColumn`]: the stamps of many rows.

use super::{Hlc, LogId, Seq, Stamp};
use arrow_buffer::ScalarBuffer;
use std::sync::Arc;

/// The stamps of many rows, column by column; may borrow a mapped file. Cheap to clone.
#[derive(Debug, Clone)]
pub struct StampColumn {
    logs: Arc<[LogId]>,
    hlc: ScalarBuffer<u64>,
    log: ScalarBuffer<u16>,
    seq: ScalarBuffer<u64>,
    index: ScalarBuffer<u32>,
}

impl StampColumn {
    /// Columns of one length; `log` holds indices into `logs`. `None` where that is not so.
    pub fn new(
        logs: Arc<[LogId]>,
        hlc: ScalarBuffer<u64>,
        log: ScalarBuffer<u16>,
        seq: ScalarBuffer<u64>,
        index: ScalarBuffer<u32>,
    ) -> Option<Self> {
        let rows = hlc.len();
        let fits = log.len() == rows
            && seq.len() == rows
            && index.len() == rows
            && log.iter().all(|at| usize::from(*at) < logs.len());
        fits.then_some(Self {
            logs,
            hlc,
            log,
            seq,
            index,
        })
    }

    /// The column of `stamps`, of at most 65,536 logs; `None` beyond.
    pub fn from_stamps(stamps: &[Stamp]) -> Option<Self> {
        let mut logs: Vec<LogId> = stamps.iter().map(|stamp| stamp.log).collect();
        logs.sort_unstable();
        logs.dedup();
        let number = |stamp: &Stamp| logs.binary_search(&stamp.log).ok()?.try_into().ok();
        let log = stamps.iter().map(number).collect::<Option<Vec<u16>>>()?;
        Some(Self {
            hlc: stamps.iter().map(|stamp| stamp.hlc.0).collect(),
            log: log.into(),
            seq: stamps.iter().map(|stamp| stamp.seq.0).collect(),
            index: stamps.iter().map(|stamp| stamp.index).collect(),
            logs: logs.into(),
        })
    }

    /// How many rows.
    pub fn len(&self) -> usize {
        self.hlc.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.hlc.is_empty()
    }

    /// The stamp of `row`, which must be below [`Self::len`].
    pub fn get(&self, row: usize) -> Stamp {
        Stamp {
            hlc: Hlc(self.hlc[row]),
            log: self.logs[usize::from(self.log[row])],
            seq: Seq(self.seq[row]),
            index: self.index[row],
        }
    }

    /// The newest time; [`Hlc::ZERO`] where there are no rows.
    pub fn newest(&self) -> Hlc {
        Hlc(self.hlc.iter().copied().max().unwrap_or(0))
    }

    /// The logs that the stamps name, by their numbers in [`Self::log_numbers`].
    pub fn logs(&self) -> &[LogId] {
        &self.logs
    }

    /// The times.
    pub fn hlcs(&self) -> &ScalarBuffer<u64> {
        &self.hlc
    }

    /// The logs, as indices into [`Self::logs`].
    pub fn log_numbers(&self) -> &ScalarBuffer<u16> {
        &self.log
    }

    /// The segment numbers.
    pub fn seqs(&self) -> &ScalarBuffer<u64> {
        &self.seq
    }

    /// The indices in the segments.
    pub fn indices(&self) -> &ScalarBuffer<u32> {
        &self.index
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ShardId;

    #[test]
    fn should_return_the_stamps_it_was_made_of() {
        let stamp = |region: &str, n: u64| Stamp {
            hlc: Hlc(n),
            log: LogId::new(region.parse().unwrap(), ShardId(1)),
            seq: Seq(n + 1),
            index: 7,
        };
        let stamps = [stamp("use1", 3), stamp("euw1", 1), stamp("use1", 2)];
        let column = StampColumn::from_stamps(&stamps).unwrap();
        assert_eq!(
            (0..3).map(|row| column.get(row)).collect::<Vec<_>>(),
            stamps
        );
        assert_eq!(column.newest(), Hlc(3));
    }
}
