//! [`Conflicts`]: writes of several regions that did not know of each other.

use crate::metrics;
use isobath_storage::{
    fold::{Rival, Witness},
    model::{Id, Namespace, Segment, Stamp},
};
use parking_lot::Mutex;
use std::collections::VecDeque;

/// So many losers are remembered.
const LOSERS_MAX: usize = 1024;

/// A mutation that another one replaced, neither writer knowing of the other; never what it wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loser {
    /// The namespace.
    pub namespace: Namespace,
    /// The row.
    pub id: Id,
    /// The mutation that lost.
    pub stamp: Stamp,
    /// The one that won.
    pub winner: Stamp,
}

/// Counts the conflicts among the segments that this process applies, and remembers the last losers.
///
/// Each conflict is counted once, when the later of the two arrives; after a restart those count again that are read
/// again. The losers are also events of level debug with the target `isobath::losers`.
#[derive(Debug, Default)]
pub(super) struct Conflicts(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    witness: Witness,
    losers: VecDeque<Loser>,
}

impl Conflicts {
    /// Takes note of a segment that is about to be applied.
    pub(super) fn note(&self, segment: &Segment) {
        self.0.lock().witness.note(&segment.header);
    }

    /// Mutations of a segment met others.
    pub(super) fn met(&self, namespace: &Namespace, rivals: Vec<Rival>) {
        if rivals.is_empty() {
            return;
        }
        let mut state = self.0.lock();
        for rival in rivals {
            if !state.witness.is_conflict(&rival) {
                continue;
            }
            let loser = Loser {
                namespace: namespace.clone(),
                id: rival.id,
                stamp: rival.stamp.min(rival.other),
                winner: rival.stamp.max(rival.other),
            };
            ::metrics::counter!(metrics::CONFLICTS).increment(1);
            tracing::debug!(
                target: "isobath::losers",
                namespace = %loser.namespace, id = %loser.id, stamp = %loser.stamp, winner = %loser.winner,
                "a write was lost to one that did not know of it"
            );
            if state.losers.len() >= LOSERS_MAX {
                state.losers.pop_front();
            }
            state.losers.push_back(loser);
        }
    }

    /// The last losers, oldest first.
    pub(super) fn losers(&self) -> Vec<Loser> {
        self.0.lock().losers.iter().cloned().collect()
    }
}
