//! What one query sees of a namespace: immutable row sets under one version.

mod hidden;
mod row_set;
mod snapshot;

pub use hidden::{Hidden, Version};
pub use row_set::{Origin, RowSet};
pub use snapshot::View;
