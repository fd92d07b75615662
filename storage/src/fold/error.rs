//! [`FoldError`]: mutations that cannot be folded.

use crate::model::{Namespace, RowsError};

/// A mutation that cannot be folded.
#[derive(Debug, thiserror::Error)]
pub enum FoldError {
    /// A record of a kind that this version does not apply.
    #[error("records of kind {0} are not supported by this version")]
    Unsupported(&'static str),
    /// Rows that were adopted from another namespace: its parts are needed, the log alone does not hold them.
    #[error("the rows that were adopted from namespace '{0}' lie in its parts, which are not here")]
    Adopted(Namespace),
    /// Rows of more logs than a column of stamps can name.
    #[error("rows of more than 65,536 logs do not fit in one part")]
    TooManyLogs,
    /// Columns that could not be gathered or joined.
    #[error("rows could not be gathered")]
    Rows(#[from] RowsError),
}
