//! The commit protocol of one log as pure state machines: no IO, no clock, no bytes.
//!
//! A new owner runs [`Takeover`] (claim, scan, fence, fill, validate) and then appends through a
//! [`Window`]; everybody reads through [`Reader`]. Batches are known by number only, so the very
//! machines that run in production are explored exhaustively by the model check beside this file.
//!
//! Invariants, each with the rule that keeps it (see [`Rules`]):
//! - an acked batch stays visible for ever (CHECK, PREFIX, SELF, CARRY);
//! - no older epoch can take a slot of the active owner (SCAN, FILL);
//! - a refused batch never becomes visible (VOID).

mod reader;
mod rules;
mod takeover;
mod window;

#[cfg(test)]
mod model_check;

pub use reader::{Reader, Verdict};
pub use rules::Rules;
pub use takeover::{Step, Takeover};
pub use window::{Fate, Resolved, Settled, Window};

use crate::model::Epoch;

/// Who holds a slot, as the GET of its header tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Holder {
    /// Nobody: the PUT never landed, or not yet.
    Missing,
    /// The very bytes that were sent: the nonce is ours.
    Mine,
    /// Somebody else's segment, of this epoch.
    Other(Epoch),
}
