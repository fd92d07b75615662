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
    /// Bytes that the rows of the answers may still take.
    pub answer_bytes: usize,
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

    /// Takes `bytes` for the rows of an answer.
    pub(super) fn take_answer(&mut self, bytes: usize) -> Result<(), SearchError> {
        let left = self.answer_bytes.checked_sub(bytes);
        self.answer_bytes = left.ok_or(SearchError::AnswerSize)?;
        Ok(())
    }

    /// An error once the deadline has passed.
    pub fn check(&self) -> Result<(), SearchError> {
        self.deadline.map_or(Ok(()), Deadline::check)
    }
}
