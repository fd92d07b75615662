//! [`SearchContext`]: what a search is lent by its caller.

use super::{Deadline, FilterCache, SearchError};
use crate::index::Scratch;

/// What a search is lent by its caller.
#[derive(Debug)]
pub struct SearchContext<'a> {
    /// The rows of parts that pass filters of earlier queries.
    pub filters: &'a FilterCache,
    /// Memory used again by the next search of the same thread.
    pub scratch: &'a mut Scratch,
    /// When to give up.
    pub deadline: Option<&'a Deadline>,
}

/// Rows between two looks at the clock.
const PACE: usize = 8 * 1024;

impl SearchContext<'_> {
    /// Counts a row, and now and then looks whether the deadline has passed.
    #[inline]
    pub(super) fn pace(&self, rows: &mut usize) -> Result<(), SearchError> {
        *rows += 1;
        if rows.is_multiple_of(PACE) {
            return self.check();
        }
        Ok(())
    }

    /// An error once the deadline has passed.
    pub fn check(&self) -> Result<(), SearchError> {
        self.deadline.map_or(Ok(()), Deadline::check)
    }
}
