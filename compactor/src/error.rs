//! [`CompactError`]: why a compaction came to nothing.

use isobath_storage::{catalog::CatalogError, fold::FoldError, format::FormatError};
use std::{
    io,
    path::{Path, PathBuf},
};

/// Why a compaction came to nothing; what it wrote is not referred to.
#[derive(Debug, thiserror::Error)]
pub enum CompactError {
    /// Mutations that cannot be folded.
    #[error("mutations could not be folded")]
    Fold(#[from] FoldError),
    /// What came out cannot be written.
    #[error("a part or manifest could not be laid out")]
    Format(#[from] FormatError),
    /// A part stays that the manifest does not name.
    #[error("the manifest names no part {at}")]
    UnknownPart {
        /// Its number.
        at: usize,
    },
    /// The bucket failed, or what it holds is damaged.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// A file on its way into the bucket cannot be written or read.
    #[error("{} cannot be written or read", path.display())]
    Scratch {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        #[source]
        source: io::Error,
    },
    /// Another compactor wrote the manifest or checkpoint of this number first, or newer ones.
    #[error("{what} {number} was written by another compactor")]
    Lost {
        /// What was to be written.
        what: &'static str,
        /// The number.
        number: u64,
    },
}

impl CompactError {
    pub(crate) fn scratch(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Scratch { path, source }
    }
}
