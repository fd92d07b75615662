//! [`Takeover`]: from a claim to the right to append.

use super::{Holder, Rules};
use crate::model::{Epoch, Seq};

/// What a claimant has to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    /// LIST after the applied segment and read the contiguous prefix; answer with `scanned`.
    Scan,
    /// Create a fence in this slot; answer with `put`. For one slot always the same bytes.
    Fence(Seq),
    /// GET the header of this slot; answer with `probed`.
    Probe(Seq),
    /// Look for a newer claim, and read the floor; answer with `validated`.
    Validate,
    /// The log is ours: append from this slot on.
    Won(Seq),
    /// A newer claimant is ahead: give up.
    Lost,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Phase {
    Scanning,
    Fencing,
    Filling,
    Validating,
    Done,
}

/// A claimant of one epoch on its way to become the owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Takeover {
    rules: Rules,
    epoch: Epoch,
    window: u64,
    phase: Phase,
    fence: Seq,
    slot: Seq,
}

impl Takeover {
    /// A claimant whose claim of `epoch` is durable; `window` is the largest that any claim names.
    /// Its first step is [`Step::Scan`].
    pub fn new(rules: Rules, epoch: Epoch, window: u64) -> Self {
        let phase = Phase::Scanning;
        Self {
            rules,
            epoch,
            window,
            phase,
            fence: Seq::ZERO,
            slot: Seq::ZERO,
        }
    }

    /// The epoch that is being claimed.
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// The contiguous prefix of the log ends at `tail`; `newest` is the highest epoch in it.
    pub fn scanned(&mut self, tail: Seq, newest: Epoch) -> Step {
        if self.rules.scan && newest > self.epoch {
            return self.lose();
        }
        self.phase = Phase::Fencing;
        self.fence_at(tail.next())
    }

    /// The result of creating the fence: whether the store said that it was created.
    pub fn put(&mut self, created: bool) -> Step {
        if created {
            self.fill()
        } else {
            Step::Probe(self.slot)
        }
    }

    /// The holder of the slot whose create did not succeed.
    pub fn probed(&mut self, holder: Holder) -> Step {
        match self.rules.judge(holder, self.epoch) {
            Holder::Missing => Step::Fence(self.slot),
            Holder::Other(epoch) if epoch > self.epoch => self.lose(),
            Holder::Other(_) if self.phase == Phase::Fencing => self.fence_at(self.slot.next()),
            Holder::Mine | Holder::Other(_) => self.fill(),
        }
    }

    /// `newest_claim` is the newest epoch anybody claimed; everything up to `floor` was deleted.
    pub fn validated(&mut self, newest_claim: Epoch, floor: Seq) -> Step {
        if self.rules.validate && newest_claim > self.epoch {
            return self.lose();
        }
        if self.rules.check && self.fence <= floor {
            self.phase = Phase::Scanning;
            return Step::Scan;
        }
        self.phase = Phase::Done;
        Step::Won(self.slot.next())
    }

    fn fence_at(&mut self, slot: Seq) -> Step {
        (self.fence, self.slot) = (slot, slot);
        Step::Fence(slot)
    }

    /// The current slot is taken, by us or by an older epoch: go on to the end of the window.
    fn fill(&mut self) -> Step {
        let window = if self.rules.fill {
            self.window.max(1)
        } else {
            1
        };
        if self.slot.next() >= self.fence.plus(window) {
            self.phase = Phase::Validating;
            return Step::Validate;
        }
        self.phase = Phase::Filling;
        self.slot = self.slot.next();
        Step::Fence(self.slot)
    }

    fn lose(&mut self) -> Step {
        self.phase = Phase::Done;
        Step::Lost
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claimant() -> Takeover {
        Takeover::new(Rules::ALL, Epoch(2), 2)
    }

    #[test]
    fn should_fence_fill_and_append_behind_the_window() {
        let mut t = claimant();
        assert_eq!(t.scanned(Seq(5), Epoch(1)), Step::Fence(Seq(6)));
        assert_eq!(t.put(true), Step::Fence(Seq(7)));
        assert_eq!(t.put(true), Step::Validate);
        assert_eq!(t.validated(Epoch(2), Seq::ZERO), Step::Won(Seq(8)));
    }

    #[test]
    fn should_pass_slots_of_older_epochs_and_stop_at_newer_ones() {
        let mut t = claimant();
        t.scanned(Seq(5), Epoch(1));
        assert_eq!(t.put(false), Step::Probe(Seq(6)));
        assert_eq!(t.probed(Holder::Other(Epoch(1))), Step::Fence(Seq(7)));
        assert_eq!(t.put(false), Step::Probe(Seq(7)));
        assert_eq!(t.probed(Holder::Missing), Step::Fence(Seq(7)));
        assert_eq!(t.put(false), Step::Probe(Seq(7)));
        assert_eq!(t.probed(Holder::Mine), Step::Fence(Seq(8)));
        assert_eq!(t.put(false), Step::Probe(Seq(8)));
        assert_eq!(t.probed(Holder::Other(Epoch(1))), Step::Validate);
        assert_eq!(t.validated(Epoch(3), Seq::ZERO), Step::Lost);
        let mut t = claimant();
        assert_eq!(t.scanned(Seq(5), Epoch(3)), Step::Lost);
    }

    #[test]
    fn should_start_again_when_its_fence_lies_below_the_floor() {
        let mut t = claimant();
        t.scanned(Seq(5), Epoch(1));
        t.put(true);
        t.put(true);
        assert_eq!(t.validated(Epoch(2), Seq(6)), Step::Scan);
        assert_eq!(t.scanned(Seq(9), Epoch(2)), Step::Fence(Seq(10)));
    }
}
