//! The state that a bucket holds at a moment: a checkpoint, and what the logs say after it. Reads, never writes.
//!
//! ```text
//! checkpoint ≤ T ─▶ manifests ─▶ parts ─┐
//!            └────▶ runs after them ────┼─fold─▶ rows of each namespace ─▶ digest
//! segments after it, with times ≤ T ────┘
//! ```
//!
//! Goes namespace by namespace: what is held at a time is one namespace's blocks since its manifest, and of its parts
//! what a [`OpenParts`] holds.

mod error;
mod log_span;
mod moment;
mod parts;
#[cfg(test)]
mod tests;

pub use error::StateError;
pub use log_span::LogSpan;
pub(crate) use log_span::origin;
pub(crate) use moment::contiguous;
pub use moment::{Contents, Grounds, Moment};
pub use parts::{OpenParts, PartsInMemory};
