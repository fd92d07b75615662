//! The fold that turns segments into parts, deletion vectors and manifests.
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
mod merge;
mod plan;
mod runs;
mod scratch;

pub use checkpoint::CheckpointJob;
pub use compact::{Compacted, Compactor, Job};
pub use error::CompactError;
pub use fold::{Folded, Prior, fold};
pub use merge::{Merged, merge};
pub use plan::{Plan, PlanInput, plan};
pub use scratch::{Scratch, ScratchFile};
