//! [`StampColumn`]: the stamps of many rows.

use super::{Hlc, LogId, Seq, Stamp};
use arrow_buffer::{ArrowNativeType, ScalarBuffer};
use std::{
    collections::{BTreeMap, btree_map::Entry},
    sync::Arc,
};

/// The stamps of many rows, column by column; may borrow a mapped file. Cheap to clone.
#[derive(Debug, Clone)]
pub struct StampColumn {
    logs: Arc<[LogId]>,
    hlc: ScalarBuffer<u64>,
    log: ScalarBuffer<u16>,
    seq: ScalarBuffer<u64>,
    index: ScalarBuffer<u32>,
    /// For so many rows the first stamp counts.
    repeated: Option<usize>,
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
            repeated: None,
        })
    }

    /// The same stamp for `rows` rows; takes no memory for each.
    pub fn repeat(stamp: Stamp, rows: usize) -> Self {
        Self {
            logs: Arc::new([stamp.log]),
            hlc: vec![stamp.hlc.0].into(),
            log: vec![0].into(),
            seq: vec![stamp.seq.0].into(),
            index: vec![stamp.index].into(),
            repeated: Some(rows),
        }
    }

    /// The stamp that every row has, if the column was made by [`Self::repeat`].
    pub fn repeated(&self) -> Option<Stamp> {
        self.repeated.map(|_| self.get(0))
    }

    /// The column of `stamps`, of at most 65,536 logs; `None` beyond.
    pub fn from_stamps(stamps: &[Stamp]) -> Option<Self> {
        Self::collect(stamps.iter().copied())
    }

    /// The column of `stamps`, of at most 65,536 logs; `None` beyond. Holds no more of them at a time than the column
    /// itself does.
    pub fn collect(stamps: impl IntoIterator<Item = Stamp>) -> Option<Self> {
        let stamps = stamps.into_iter();
        let rows = stamps.size_hint().0;
        let (mut hlc, mut log) = (Vec::with_capacity(rows), Vec::with_capacity(rows));
        let (mut seq, mut index) = (Vec::with_capacity(rows), Vec::with_capacity(rows));
        let mut met: Vec<LogId> = vec![];
        let mut numbers: BTreeMap<LogId, u16> = BTreeMap::new();
        let mut last = None;
        for stamp in stamps {
            let number = match last {
                Some((known, number)) if known == stamp.log => number,
                _ => {
                    let next = u16::try_from(met.len());
                    match numbers.entry(stamp.log) {
                        Entry::Occupied(known) => *known.get(),
                        Entry::Vacant(slot) => {
                            met.push(stamp.log);
                            *slot.insert(next.ok()?)
                        }
                    }
                }
            };
            last = Some((stamp.log, number));
            hlc.push(stamp.hlc.0);
            log.push(number);
            seq.push(stamp.seq.0);
            index.push(stamp.index);
        }
        // the same stamps make the same bytes, in whatever order their logs were met
        let logs: Arc<[LogId]> = numbers.keys().copied().collect();
        if *logs != *met {
            let place = |met: &LogId| logs.binary_search(met).ok()?.try_into().ok();
            let places: Vec<u16> = met.iter().map(place).collect::<Option<_>>()?;
            for number in &mut log {
                *number = places[usize::from(*number)];
            }
        }
        Self::new(logs, hlc.into(), log.into(), seq.into(), index.into())
    }

    /// How many rows.
    pub fn len(&self) -> usize {
        self.repeated.unwrap_or(self.hlc.len())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The stamp of `row`, which must be below [`Self::len`].
    pub fn get(&self, row: usize) -> Stamp {
        let row = if self.repeated.is_some() { 0 } else { row };
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

    /// One value for each row.
    fn spread<T: ArrowNativeType>(&self, values: &ScalarBuffer<T>) -> ScalarBuffer<T> {
        match (self.repeated, values.first()) {
            (Some(rows), Some(value)) => vec![*value; rows].into(),
            _ => values.clone(),
        }
    }

    /// The times.
    pub fn hlcs(&self) -> ScalarBuffer<u64> {
        self.spread(&self.hlc)
    }

    /// The logs, as indices into [`Self::logs`].
    pub fn log_numbers(&self) -> ScalarBuffer<u16> {
        self.spread(&self.log)
    }

    /// The segment numbers.
    pub fn seqs(&self) -> ScalarBuffer<u64> {
        self.spread(&self.seq)
    }

    /// The indices in the segments.
    pub fn indices(&self) -> ScalarBuffer<u32> {
        self.spread(&self.index)
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
        let regions: Vec<&str> = column
            .logs()
            .iter()
            .map(|log| log.region.as_str())
            .collect();
        assert_eq!(regions, ["euw1", "use1"]);
        assert_eq!(
            (0..3).map(|row| column.get(row)).collect::<Vec<_>>(),
            stamps
        );
        assert_eq!(column.newest(), Hlc(3));
        assert_eq!(column.repeated(), None);
    }

    #[test]
    fn should_repeat_a_stamp_as_if_it_stood_in_each_row() {
        let stamp = Stamp {
            hlc: Hlc(9),
            log: LogId::new("use1".parse().unwrap(), ShardId(1)),
            seq: Seq(4),
            index: 7,
        };
        let (column, written) = (
            StampColumn::repeat(stamp, 3),
            StampColumn::from_stamps(&[stamp; 3]).unwrap(),
        );
        assert_eq!((column.len(), column.get(2)), (3, stamp));
        assert_eq!(column.repeated(), Some(stamp));
        assert_eq!(column.newest(), Hlc(9));
        assert_eq!(column.hlcs(), written.hlcs());
        assert_eq!(column.log_numbers(), written.log_numbers());
        assert_eq!(column.seqs(), written.seqs());
        assert_eq!(column.indices(), written.indices());
        assert!(StampColumn::repeat(stamp, 0).is_empty());
    }
}
