//! The fold that turns segments into parts, deletion vectors and manifests.
//!
//! [`fold`] and [`merge`] are pure; [`plan`] decides what is worth it.

mod fold;
mod plan;

pub use fold::{Folded, Prior, fold, merge};
pub use plan::{Plan, PlanInput, plan};
