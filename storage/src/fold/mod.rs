//! What a set of stamped mutations means: pure, the same whatever the order of arrival.
//!
//! A row is live iff its newest upsert is newer than its newest delete. A column's value is the newest among
//! the live upsert and the patches newer than it. Every law follows from taking the maximum by [`Stamp`].
//!
//! [`Stamp`]: crate::model::Stamp

mod base_rows;
mod changes;
mod conflicts;
mod digest;
mod error;
mod namespace_state;
mod overlay;
mod part_rows;
mod residue;
mod resolve;
mod row_state;
mod schema_state;
mod settle;
mod stability;
#[cfg(test)]
mod tests;

pub use base_rows::{BaseRows, Found};
pub use changes::{Changes, Rival};
pub use conflicts::Witness;
pub use digest::{NamespaceDigest, StateDigest, digest};
pub use error::FoldError;
pub use namespace_state::NamespaceState;
pub use overlay::Overlay;
pub use part_rows::PartRows;
pub use residue::{Residue, Settled, StateRows};
pub use resolve::ResolvedRows;
pub use row_state::{Base, Cell, RowRef, RowState};
pub use schema_state::{AttributeState, SchemaState};
pub use stability::stable;
