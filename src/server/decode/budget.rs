//! [`Budget`]: how much memory the values of one request may take.

use super::Fault;
use std::cell::Cell;

/// Bytes that the decoded values of one request may still take.
///
/// A small body can name many values: a row without an attribute that another row has still takes
/// its place in a column.
#[derive(Debug)]
pub(crate) struct Budget(Cell<usize>);

impl Budget {
    /// A budget of `bytes`.
    pub(crate) fn new(bytes: usize) -> Self {
        Self(Cell::new(bytes))
    }

    /// Takes `bytes`, before they are allocated.
    pub(crate) fn take(&self, bytes: usize) -> Result<(), Fault> {
        let left = self.0.get().checked_sub(bytes);
        let left = left.ok_or_else(|| {
            Fault::too_large("the values take more memory than one request may; send fewer rows")
        })?;
        self.0.set(left);
        Ok(())
    }
}
