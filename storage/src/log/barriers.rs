//! [`Barriers`]: strong reads that wait for proof that nothing acked before them is missing.

use crate::model::Seq;

/// Strong reads waiting, of which `T` is told.
///
/// Moments are counted by a tick that rises with every command and every request that is sent; a read
/// of the next slot proves something only to those that arrived before it was sent.
#[derive(Debug)]
pub(super) struct Barriers<T> {
    waiting: Vec<Waiting<T>>,
}

#[derive(Debug)]
struct Waiting<T> {
    arrived: u64,
    /// Owner: done once this slot, first sent after the arrival, and all lower ones are its own.
    own_slot: Option<Seq>,
    /// Follower: done once this segment, the tail of a LIST after the arrival, is applied.
    target: Option<Seq>,
    told: T,
}

impl<T> Default for Barriers<T> {
    fn default() -> Self {
        Self {
            waiting: Vec::new(),
        }
    }
}

impl<T> Barriers<T> {
    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// A strong read that arrived at tick `arrived`; `own_slot` is an owner's next slot.
    pub(super) fn add(&mut self, arrived: u64, own_slot: Option<Seq>, told: T) {
        self.waiting.push(Waiting {
            arrived,
            own_slot,
            target: None,
            told,
        });
    }

    /// The process is no owner any more, or a new one: proofs by own slots are void.
    pub(super) fn forget_slots(&mut self) {
        for waiting in &mut self.waiting {
            waiting.own_slot = None;
        }
    }

    /// The next slot was found empty by a read that was sent at tick `sent`.
    pub(super) fn found_tail(&mut self, sent: u64) -> Vec<T> {
        self.take(|waiting| waiting.arrived < sent)
    }

    /// A LIST that was sent at tick `sent` showed the tail at `tail`.
    pub(super) fn listed(&mut self, sent: u64, tail: Seq) {
        for waiting in self
            .waiting
            .iter_mut()
            .filter(|w| w.arrived < sent && w.target.is_none())
        {
            waiting.target = Some(tail);
        }
    }

    /// Everything up to `seq` is applied.
    pub(super) fn applied(&mut self, seq: Seq) -> Vec<T> {
        self.take(|waiting| waiting.target.is_some_and(|target| target <= seq))
    }

    /// All slots of this owner below `slot` are resolved as its own.
    pub(super) fn resolved_below(&mut self, slot: Seq) -> Vec<T> {
        self.take(|waiting| waiting.own_slot.is_some_and(|own| own < slot))
    }

    /// Whether somebody waits whom neither a request sent at tick `sent` nor an own slot below `next`
    /// can satisfy.
    pub(super) fn want_probe(&self, sent: Option<u64>, next: Seq) -> bool {
        let served = |w: &Waiting<T>| {
            sent.is_some_and(|sent| w.arrived < sent)
                || w.own_slot.is_some_and(|own| own < next)
                || w.target.is_some()
        };
        self.waiting.iter().any(|waiting| !served(waiting))
    }

    /// Everybody, because the log stopped.
    pub(super) fn drain(&mut self) -> Vec<T> {
        self.take(|_| true)
    }

    fn take(&mut self, done: impl Fn(&Waiting<T>) -> bool) -> Vec<T> {
        self.waiting
            .extract_if(.., |waiting| done(waiting))
            .map(|waiting| waiting.told)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn should_take_only_proofs_that_were_sent_after_the_arrival() {
        let mut barriers = Barriers::default();
        barriers.add(5, None, "a");
        barriers.add(7, None, "b");
        assert!(barriers.want_probe(Some(6), Seq(1)));
        assert_eq!(barriers.found_tail(6), ["a"]);
        barriers.listed(7, Seq(9));
        assert!(barriers.applied(Seq(9)).is_empty());
        barriers.listed(8, Seq(9));
        assert!(barriers.applied(Seq(8)).is_empty());
        assert_eq!(barriers.applied(Seq(9)), ["b"]);
    }

    #[test]
    fn should_be_content_with_an_own_slot_sent_later() {
        let mut barriers = Barriers::default();
        barriers.add(5, Some(Seq(4)), "a");
        assert!(barriers.want_probe(None, Seq(4)));
        assert!(!barriers.want_probe(None, Seq(5)));
        assert!(barriers.resolved_below(Seq(4)).is_empty());
        assert_eq!(barriers.resolved_below(Seq(5)), ["a"]);
        barriers.add(6, Some(Seq(5)), "b");
        barriers.forget_slots();
        assert!(barriers.resolved_below(Seq(99)).is_empty());
        assert_eq!(barriers.drain(), ["b"]);
    }
}
