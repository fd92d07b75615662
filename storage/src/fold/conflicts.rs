//! [`Witness`]: tells a conflict from an overwrite.

use super::Rival;
use crate::model::{LogId, SegmentHeader, Seq, VersionVector};
use std::collections::{BTreeMap, VecDeque};

/// So many segments of each log are remembered.
const REMEMBERED: usize = 4096;

/// What the writers of the last segments of each log had seen.
///
/// Of two mutations of a row one wins. Where its writer had seen the other it overwrites it; where neither had seen the
/// other they conflict, and what one of them wrote is lost without anybody having meant that.
#[derive(Debug, Default)]
pub struct Witness {
    logs: BTreeMap<LogId, VecDeque<(Seq, VersionVector)>>,
}

impl Witness {
    /// Takes note of a segment; those of a log come in order.
    pub fn note(&mut self, header: &SegmentHeader) {
        let log = self.logs.entry(header.log).or_default();
        if log.back().is_some_and(|(seq, _)| *seq >= header.seq) {
            return;
        }
        if log.len() >= REMEMBERED {
            log.pop_front();
        }
        log.push_back((header.seq, header.seen.clone()));
    }

    /// Whether neither writer had seen the other's mutation. One that is too old to be remembered is taken to have been
    /// written in ignorance only where it is the older one.
    pub fn is_conflict(&self, rival: &Rival) -> bool {
        let (stamp, other) = (rival.stamp, rival.other);
        let Some(log) = self.logs.get(&other.log) else {
            return other < stamp;
        };
        match log.binary_search_by_key(&other.seq, |(seq, _)| *seq) {
            Ok(at) => {
                let seen = log.get(at).map(|(_, seen)| seen.get(stamp.log));
                seen.is_none_or(|seen| seen < stamp.seq)
            }
            Err(_) => other < stamp,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fold::{NamespaceState, tests::history};
    use crate::model::{Hlc, Id};

    /// A segment of `log` that upserts row 1, whose writer had seen so much.
    fn segment(log: &str, seq: u64, hlc: u64, seen: &[(&str, u64)]) -> history::Item {
        let (mut header, block) = history::upserts(&[1]);
        let id = |region: &str| LogId::new(region.parse().unwrap(), header.log.shard);
        let seen = seen.iter().map(|(region, seq)| (id(region), Seq(*seq)));
        header.seen = seen.collect();
        header.log = id(log);
        (header.seq, header.hlc_max) = (Seq(seq), Hlc(hlc));
        (header, block)
    }

    /// The conflicts among segments that arrive in this order.
    fn conflicts(items: &[history::Item]) -> usize {
        let (mut witness, mut state, mut found) =
            (Witness::default(), NamespaceState::default(), 0);
        for (header, block) in items {
            witness.note(header);
            let changes = state.changes(header, block).unwrap();
            assert!(changes.rivals.iter().all(|rival| rival.id == Id::U64(1)));
            found += changes
                .rivals
                .iter()
                .filter(|r| witness.is_conflict(r))
                .count();
        }
        found
    }

    #[test]
    fn should_tell_a_conflict_from_an_overwrite() {
        let first = segment("a", 1, 10, &[]);
        let unaware = segment("b", 1, 20, &[]);
        let aware = segment("b", 1, 20, &[("a", 1)]);
        for (items, expected) in [
            (vec![first.clone(), unaware.clone()], 1),
            (vec![unaware, first.clone()], 1),
            (vec![first.clone(), aware.clone()], 0),
            (vec![aware, first.clone()], 0),
            (vec![first.clone(), segment("a", 2, 20, &[])], 0),
            (vec![first.clone(), first], 0),
        ] {
            assert_eq!(conflicts(&items), expected, "{items:?}");
        }
    }
}
