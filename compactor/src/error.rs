//! [`CompactError`]: why a compaction came to nothing.

use isobath_storage::{fold::FoldError, format::FormatError};

/// Why a compaction came to nothing; what it wrote is not referred to.
#[derive(Debug, thiserror::Error)]
pub enum CompactError {
    /// Mutations that cannot be folded.
    #[error("mutations could not be folded")]
    Fold(#[from] FoldError),
    /// What came out cannot be written.
    #[error("a part or manifest could not be laid out")]
    Format(#[from] FormatError),
    /// Rows of more logs than a part can name.
    #[error("rows of more than 65,536 logs in one part")]
    TooManyLogs,
    /// The store failed.
    #[error("{key} could not be written")]
    Store {
        /// The object.
        key: String,
        /// The cause.
        #[source]
        source: object_store::Error,
    },
    /// Another compactor wrote the manifest of this number first.
    #[error("manifest {number} was written by another compactor")]
    Lost {
        /// The number.
        number: u64,
    },
}
