//! Pure values: what regions, namespaces, rows, mutations and positions are.
//!
//! Nothing here does IO or knows how bytes are laid out; see [`crate::format`] for that.

mod cluster;
mod epoch;
mod hlc;
mod log_id;
mod metric;
mod namespace;
mod region;
mod seq;
mod stamp;
mod version_vector;

pub use cluster::{BucketId, ClusterId};
pub use epoch::Epoch;
pub use hlc::{Hlc, HlcClock};
pub use log_id::{LogId, ShardId};
pub use metric::Metric;
pub use namespace::Namespace;
pub use region::Region;
pub use seq::Seq;
pub use stamp::Stamp;
pub use version_vector::VersionVector;

/// A name or a value that breaks the rules of its kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind} {value:?} is not valid: {rule}")]
pub struct InvalidName {
    /// What the value was meant to be, for example `region`.
    pub kind: &'static str,
    /// The value, cut to 200 characters.
    pub value: String,
    /// The rule that it breaks.
    pub rule: &'static str,
}

impl InvalidName {
    pub(crate) fn new(kind: &'static str, value: &str, rule: &'static str) -> Self {
        let value = value.chars().take(200).collect();
        Self { kind, value, rule }
    }
}
