//! [`RowSet`]: immutable rows that are searched together.

use super::{Hidden, IndexSlots, Version};
use isobath_storage::model::{Namespace, Rows, StampColumn};
use std::sync::{Arc, OnceLock};

/// Where the rows of a row set come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A part, by its hash; the rows are sorted by id.
    Part(Arc<str>),
    /// Segments that no part covers yet.
    Delta,
}

/// Immutable rows that are searched together: a part, or a piece of the delta.
///
/// Only what hides a row changes, by [`Version`]; every row is a whole row, its patches applied.
#[derive(Debug)]
pub struct RowSet {
    /// Where the rows come from.
    pub origin: Origin,
    /// The namespace among whose objects the part lies, where it was adopted from another.
    pub owner: Option<Namespace>,
    /// The rows.
    pub rows: Arc<Rows>,
    /// Their stamps.
    pub stamps: StampColumn,
    /// From which version on each row is replaced or deleted.
    pub hidden: Arc<Hidden>,
    /// What makes it faster to search.
    pub indexes: IndexSlots,
    memory: OnceLock<usize>,
}

impl RowSet {
    /// A row set of which nothing is hidden.
    pub fn new(origin: Origin, rows: Arc<Rows>, stamps: StampColumn) -> Self {
        let hidden = Arc::new(Hidden::new(rows.len()));
        Self {
            origin,
            owner: None,
            rows,
            stamps,
            hidden,
            indexes: IndexSlots::default(),
            memory: OnceLock::new(),
        }
    }

    /// The same row set with other columns; what hides a row hides it in both, and both share their indexes.
    #[must_use]
    pub fn with_rows(&self, rows: Arc<Rows>) -> Self {
        Self {
            origin: self.origin.clone(),
            owner: self.owner.clone(),
            rows,
            stamps: self.stamps.clone(),
            hidden: Arc::clone(&self.hidden),
            indexes: self.indexes.clone(),
            memory: OnceLock::new(),
        }
    }

    /// Bytes of memory that the rows hold; counted once, since that takes a while.
    pub fn memory(&self) -> usize {
        *self.memory.get_or_init(|| self.rows.memory())
    }

    /// How many rows, hidden ones too.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Whether a view of `version` sees `row`.
    #[inline]
    pub fn is_visible(&self, row: usize, version: Version) -> bool {
        self.hidden.is_visible(row, version)
    }
}
