//! The fold that turns segments into parts, deletion vectors and manifests; and what stands on it: reading the state
//! of a bucket at a moment, verifying it, restoring it elsewhere, deleting what nobody needs
//! any more.
//!
//! [`fold`] and [`merge`] are pure; [`plan`] decides what is worth it; [`Compactor`] writes to the bucket.
//!
//! ```text
//! blocks of the log ─▶ run ───────────────────────────────▶ checkpoint: positions · map · runs
//!         └─────────▶ parts, deletion vectors ─▶ manifest ──────┘
//! ```

mod checkpoint;
mod compact;
mod error;
mod fold;
pub mod gc;
mod merge;
pub mod metrics;
mod plan;
pub mod restore;
mod runs;
#[cfg(test)]
mod scene;
mod scratch;
mod stage;
pub mod state;
pub mod verify;

#[cfg(test)]
use isobath_storage::model;

pub use checkpoint::CheckpointJob;
pub use compact::{Compacted, Compactor, Job};
pub use error::CompactError;
pub use fold::{Folded, Prior, fold};
pub(crate) use merge::mask;
pub use merge::{Merged, merge};
pub use plan::{Plan, PlanInput, plan};
pub use scratch::{Scratch, ScratchFile};
pub use stage::{Stage, Staged};
