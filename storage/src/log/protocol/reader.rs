//! [`Reader`]: which segments of a log count, in order.

use super::Rules;
use crate::model::{Epoch, Seq};

/// What a reader does with a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// It counts.
    Live,
    /// Its epoch is below the highest seen: it is skipped, for ever and by everybody.
    Void,
}

/// A reader's position in a log: everything up to and including `seq` was consumed.
///
/// ```text
///   1 … floor | floor+1 … seq | seq+1 …
///   deleted     consumed        to read, contiguously
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Reader {
    rules: Rules,
    seq: Seq,
    max_epoch: Epoch,
}

impl Reader {
    /// A reader that goes on after `seq`, below which `max_epoch` was the highest epoch.
    pub fn new(rules: Rules, seq: Seq, max_epoch: Epoch) -> Self {
        let max_epoch = if rules.carry { max_epoch } else { Epoch::ZERO };
        Self {
            rules,
            seq,
            max_epoch,
        }
    }

    /// The last segment consumed.
    pub fn seq(&self) -> Seq {
        self.seq
    }

    /// The highest epoch consumed.
    pub fn max_epoch(&self) -> Epoch {
        self.max_epoch
    }

    /// Consumes the next segment, which is of `epoch`.
    pub fn consume(&mut self, epoch: Epoch) -> Verdict {
        self.seq = self.seq.next();
        if self.rules.void && epoch < self.max_epoch {
            return Verdict::Void;
        }
        self.max_epoch = self.max_epoch.max(epoch);
        Verdict::Live
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn should_skip_what_an_older_epoch_left_behind() {
        let mut reader = Reader::new(Rules::ALL, Seq(4), Epoch(2));
        let verdicts: Vec<_> = [2, 3, 2, 3].map(|e| reader.consume(Epoch(e))).to_vec();
        assert_eq!(
            verdicts,
            [Verdict::Live, Verdict::Live, Verdict::Void, Verdict::Live]
        );
        assert_eq!((reader.seq(), reader.max_epoch()), (Seq(8), Epoch(3)));
    }
}
