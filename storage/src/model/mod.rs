//! Pure values: what regions, namespaces, rows, mutations and positions are.
//!
//! Nothing here does IO or knows how bytes are laid out; see [`crate::format`] for that.

mod adoption;
mod attribute;
mod block;
mod cluster;
mod columns;
mod content_hash;
mod datetime;
mod epoch;
mod full_text;
mod hlc;
mod id;
mod id_column;
mod idempotency;
mod log_id;
mod metric;
mod namespace;
mod region;
mod rows;
mod schema;
mod segment;
mod seq;
mod sparse;
mod stamp;
mod stamp_column;
mod token;
mod value;
mod vector;
mod version_vector;

pub use adoption::{Adoption, PartEntry};
pub use attribute::{AttributeName, AttributeType, ScalarType, TypeError};
pub use block::{
    Block, Control, Counts, Declaration, Mutation, PatchMask, Request, SparsePatch, Switch,
};
pub use cluster::{BucketId, ClusterId};
pub use content_hash::{ContentHash, ContentHasher};
pub use datetime::{format_datetime, parse_datetime};
pub use epoch::Epoch;
pub use full_text::{Analysis, FullText, Language, Tokenizer};
pub use hlc::{Hlc, HlcClock};
pub use id::{Id, IdKind};
pub use id_column::IdColumn;
pub use idempotency::{BodyHash, IdempotencyKey};
pub use log_id::{LogId, ShardId};
pub use metric::Metric;
pub use namespace::Namespace;
pub use region::Region;
pub use rows::{Column, Rows, RowsError, VectorSlice};
pub use schema::{AttributeConfig, Schema};
pub use segment::{Nonce, Segment, SegmentHeader, SegmentKind};
pub use seq::Seq;
pub use sparse::{SparseSlice, SparseVector};
pub use stamp::Stamp;
pub use stamp_column::StampColumn;
pub use token::{Token, TokenError};
pub use value::Value;
pub use vector::{VectorElement, VectorValue};
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
