//! What one query sees of a namespace: immutable row sets under one version.

mod cache;
mod chunks;
mod hidden;
mod index_slots;
mod live;
pub(crate) mod mapped;
mod part_file;
mod row_set;
mod snapshot;
mod views;

pub use cache::{CacheError, CachedFile, ObjectCache, pieces_of};
pub use hidden::{Hidden, Version};
pub use index_slots::IndexSlots;
pub use live::{FoldInput, Installed, Live, PartSet, Unfolded};
pub use part_file::{PartError, open_cached_part, open_part};
pub use row_set::{Origin, RowSet};
pub use snapshot::View;
pub use views::{Existence, Known, Views};
