//! [`CompactError`]: why a compaction came to nothing.

use isobath_storage::{catalog::CatalogError, fold::FoldError, format::FormatError};

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
    /// The bucket failed, or what it holds is damaged.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// Another compactor wrote the manifest or checkpoint of this number first, or newer ones.
    #[error("{what} {number} was written by another compactor")]
    Lost {
        /// What was to be written.
        what: &'static str,
        /// The number.
        number: u64,
    },
}
