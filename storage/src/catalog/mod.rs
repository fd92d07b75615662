//! Numbered, create-only objects beside the log: claims of ownership and floors.
//!
//! Nothing here is ever overwritten; whoever creates a number first has it.

mod claim;
mod floor;
mod patience;

pub use claim::{Claim, Claims};
pub use floor::{Floor, Floors};
pub(crate) use patience::{Outcome, Patience};
