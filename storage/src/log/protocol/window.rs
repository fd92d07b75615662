//! [`Window`]: an owner's appends in flight.

use super::{Holder, Rules};
use crate::model::{Epoch, Seq};
use std::collections::VecDeque;

/// What the owner learns from the answer to a PUT, or from the GET after an unclear one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Resolved {
    /// The slot is ours.
    Created,
    /// GET the slot's header and answer with `probed`.
    Probe,
    /// Nothing landed: PUT the same bytes again.
    Resend,
    /// A newer epoch holds the slot: this owner is fenced, and must settle.
    Fenced(Epoch),
    /// An older epoch holds the slot, which the fences make impossible: stop, the log is corrupt.
    Corrupt(Epoch),
    /// The answer is of no interest any more.
    Stale,
}

/// What became of a batch that was in flight when its owner was fenced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fate {
    /// It precedes the newer fence: it is in the log for ever.
    Committed,
    /// It is not in the log and never will be.
    Refused,
    /// Its slot was deleted meanwhile: nobody can tell.
    Unknown,
}

/// The fate of one batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Settled {
    /// The batch.
    pub batch: u64,
    /// Where it was sent.
    pub slot: Seq,
    /// What became of it.
    pub fate: Fate,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum State {
    /// The PUT is on its way, or its outcome is being looked up.
    Sent,
    /// Created; the floor was not read since.
    Created,
    /// Created; a read of the floor that was sent afterwards is on its way.
    Checking,
    /// Created and above the floor.
    Checked,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Flight {
    slot: Seq,
    batch: u64,
    state: State,
}

/// The slots of an active owner from the oldest that is not acked to the next one to be sent.
///
/// ```text
///   acked … | created, checked … | sent (oldest unresolved) … | next
///                                |<------ at most `size` ---->|
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Window {
    rules: Rules,
    epoch: Epoch,
    size: u64,
    next: Seq,
    flights: VecDeque<Flight>,
    fenced: bool,
}

impl Window {
    /// The owner of `epoch` appends from `next` on, at most `size` slots beyond the oldest unresolved.
    pub fn new(rules: Rules, epoch: Epoch, size: u64, next: Seq) -> Self {
        Self {
            rules,
            epoch,
            size,
            next,
            flights: VecDeque::new(),
            fenced: false,
        }
    }

    /// The owner's epoch.
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// The slot that the next batch goes to.
    pub fn next(&self) -> Seq {
        self.next
    }

    /// The oldest slot that is not acked; [`Window::next`] if all are.
    pub fn oldest_slot(&self) -> Seq {
        self.flights.front().map_or(self.next, |f| f.slot)
    }

    /// The batch that was sent to `slot` and is not acked.
    pub fn batch_at(&self, slot: Seq) -> Option<u64> {
        self.flights
            .iter()
            .find(|f| f.slot == slot)
            .map(|f| f.batch)
    }

    /// How many batches are sent and not acked.
    pub fn depth(&self) -> usize {
        self.flights.len()
    }

    /// The oldest slot whose outcome is not known; [`Window::next`] if all are.
    pub fn oldest_unresolved(&self) -> Seq {
        self.sent().next().map_or(self.next, |f| f.slot)
    }

    /// How many slots are sent and not resolved.
    pub fn unresolved(&self) -> usize {
        self.sent().count()
    }

    /// Whether another batch may be sent.
    pub fn has_room(&self) -> bool {
        !self.fenced && self.next.0 - self.oldest_unresolved().0 < self.size
    }

    /// Gives `batch` the next slot, to which it has to be PUT; `None` when the window is full.
    pub fn append(&mut self, batch: u64) -> Option<Seq> {
        if !self.has_room() {
            return None;
        }
        let slot = self.next;
        self.flights.push_back(Flight {
            slot,
            batch,
            state: State::Sent,
        });
        self.next = slot.next();
        Some(slot)
    }

    /// The result of the PUT to `slot`: whether the store said that it was created.
    pub fn put(&mut self, slot: Seq, created: bool) -> Resolved {
        match (created, self.fenced || self.waiting(slot).is_none()) {
            (_, true) => Resolved::Stale,
            (true, false) => self.resolve(slot, Holder::Mine),
            (false, false) => Resolved::Probe,
        }
    }

    /// The holder of a slot whose PUT had an unclear outcome.
    pub fn probed(&mut self, slot: Seq, holder: Holder) -> Resolved {
        self.resolve(slot, self.rules.judge(holder, self.epoch))
    }

    /// Starts a read of the floor for all slots created so far, if there is need and none is on its way.
    pub fn begin_check(&mut self) -> bool {
        let busy = self.flights.iter().any(|f| f.state == State::Checking);
        if self.fenced || busy {
            return false;
        }
        let to = if self.rules.check {
            State::Checking
        } else {
            State::Checked
        };
        let mut any = false;
        for flight in self
            .flights
            .iter_mut()
            .filter(|f| f.state == State::Created)
        {
            flight.state = to;
            any = self.rules.check;
        }
        any
    }

    /// The floor that was read. `false` when a slot lies below it: this owner's log is gone, stop.
    pub fn checked(&mut self, floor: Seq) -> bool {
        for flight in self
            .flights
            .iter_mut()
            .filter(|f| f.state == State::Checking)
        {
            if flight.slot <= floor {
                self.fenced = true;
                return false;
            }
            flight.state = State::Checked;
        }
        true
    }

    /// The next batch to ack: created, checked, and every lower slot acked before it.
    pub fn pop_ack(&mut self) -> Option<(Seq, u64)> {
        if self.fenced {
            return None;
        }
        let ready = |f: &Flight| f.state == State::Checked;
        let at = if self.rules.prefix {
            self.flights.front().is_some_and(ready).then_some(0)
        } else {
            self.flights.iter().position(ready)
        };
        self.flights.remove(at?).map(|f| (f.slot, f.batch))
    }

    /// A fenced owner read the log from its oldest slot up to a newer epoch's segment at `fence`, and
    /// the floor after that. `mine` tells whether a slot that it read held its own bytes. Empties the window.
    ///
    /// Where any slot that was read lies at or below the floor, the reading proves nothing: late PUTs
    /// can land on deleted slots, and what stood there before may be folded already.
    pub fn settle(&mut self, fence: Seq, floor: Seq, mine: impl Fn(Seq) -> bool) -> Vec<Settled> {
        self.fenced = true;
        let proven = floor < self.oldest_slot().min(fence);
        let fate = |slot: Seq| match proven {
            false => Fate::Unknown,
            true if slot < fence && mine(slot) => Fate::Committed,
            true => Fate::Refused,
        };
        let flights = self.flights.drain(..);
        flights
            .map(|f| Settled {
                batch: f.batch,
                slot: f.slot,
                fate: fate(f.slot),
            })
            .collect()
    }

    fn sent(&self) -> impl Iterator<Item = &Flight> {
        self.flights.iter().filter(|f| f.state == State::Sent)
    }

    fn waiting(&mut self, slot: Seq) -> Option<&mut Flight> {
        self.flights
            .iter_mut()
            .find(|f| f.slot == slot && f.state == State::Sent)
    }

    fn resolve(&mut self, slot: Seq, holder: Holder) -> Resolved {
        let (epoch, fenced) = (self.epoch, self.fenced);
        let Some(flight) = self.waiting(slot) else {
            return Resolved::Stale;
        };
        match holder {
            _ if fenced => Resolved::Stale,
            Holder::Missing => Resolved::Resend,
            Holder::Mine => {
                flight.state = State::Created;
                Resolved::Created
            }
            Holder::Other(newer) if newer > epoch => {
                self.fenced = true;
                Resolved::Fenced(newer)
            }
            Holder::Other(older) => Resolved::Corrupt(older),
        }
    }
}
