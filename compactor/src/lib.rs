//! The fold that turns segments into parts, deletion vectors and manifests.
//!
//! [`fold`] and [`merge`] are pure; [`plan`] decides what is worth it; [`Compactor`] writes to the store that it is
//! handed: a bucket, or a folder of a node.

mod compact;
mod error;
mod fold;
mod plan;

pub use compact::{Compacted, Compactor, Job};
pub use error::CompactError;
pub use fold::{Folded, Prior, fold, merge};
pub use plan::{Plan, PlanInput, plan};
