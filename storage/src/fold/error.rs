//! [`FoldError`]: mutations that cannot be folded.

use crate::model::RowsError;

/// A mutation that cannot be folded.
#[derive(Debug, thiserror::Error)]
pub enum FoldError {
    /// A record of a kind that this version does not apply.
    #[error("records of kind {0} are not supported by this version")]
    Unsupported(&'static str),
    /// Columns that could not be gathered or joined.
    #[error("rows could not be gathered")]
    Rows(#[from] RowsError),
}
