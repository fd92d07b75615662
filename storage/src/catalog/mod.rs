//! Numbered, create-only objects beside the log: claims of ownership, floors, checkpoints and manifests.
//!
//! Nothing here is ever overwritten; whoever creates a number first has it.

mod claim;
mod error;
mod floor;
mod indexes;
mod members;
mod objects;
mod open_checkpoint;
mod patience;
mod records;
mod references;
mod upload;

pub use claim::{Claim, Claims};
pub use error::CatalogError;
pub use floor::{Floor, Floors};
pub use indexes::Indexes;
pub use objects::Catalog;
pub use open_checkpoint::OpenCheckpoint;
pub(crate) use patience::{Outcome, Patience};
pub use references::references;
