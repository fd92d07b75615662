//! What one query sees of a namespace: immutable row sets under one version.

mod cache;
mod chunks;
mod conflicts;
mod hidden;
mod index_slots;
mod installed;
mod live;
pub(crate) mod mapped;
mod part_file;
mod row_set;
mod snapshot;
mod unfolded;
mod views;

pub use cache::{CacheError, CachedFile, ObjectCache, pieces_of};
pub use conflicts::Loser;
pub use hidden::{Hidden, Version};
pub use index_slots::IndexSlots;
pub use installed::{Installed, PartSet};
pub use live::Live;
pub use part_file::{PartError, open_cached_part, open_part};
pub use row_set::{Origin, RowSet};
pub use snapshot::View;
pub use unfolded::{FoldInput, Lacking, Unfolded};
pub use views::{Existence, Known, Views};
