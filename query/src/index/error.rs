//! [`IndexError`]: what can go wrong while an index is built, opened or searched.

use crate::view::CacheError;
use isobath_storage::{catalog::CatalogError, error::ErrorKind};
use std::{io, path::PathBuf};
use thiserror::Error;

/// A failure of an index.
#[derive(Debug, Error)]
pub enum IndexError {
    /// An argument that cannot be worked with.
    #[error("{field}: {fault}")]
    Invalid {
        /// The argument's name.
        field: &'static str,
        /// What is wrong with its value.
        fault: String,
    },
    /// The file system refused.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// The system's answer.
        #[source]
        source: io::Error,
    },
    /// A file does not hold what it should: build the index again.
    #[error("{} is corrupt: {fault}", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        fault: String,
    },
    /// A file of the bucket's index cannot be had or sent.
    #[error("a file of the index cannot be fetched or published")]
    Cache(#[source] Box<CacheError>),
    /// The bucket's index cannot be looked up or made known.
    #[error("the bucket's index cannot be looked up or published")]
    Catalog(#[source] Box<CatalogError>),
    /// The build ended in a panic, which was reported.
    #[error("the build panicked")]
    Panicked,
    /// The build was cancelled by its caller.
    #[error("the build was cancelled")]
    Cancelled,
    /// The search's deadline passed before it was done.
    #[error("the deadline passed during the search")]
    Expired,
}

impl IndexError {
    pub(super) fn invalid(field: &'static str, fault: impl Into<String>) -> Self {
        let fault = fault.into();
        Self::Invalid { field, fault }
    }

    pub(super) fn corrupt(path: impl Into<PathBuf>, fault: impl Into<String>) -> Self {
        Self::Corrupt {
            path: path.into(),
            fault: fault.into(),
        }
    }

    /// Wraps the system's answer to `action` on `path`.
    pub(super) fn io(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }

    /// Whether it may go by itself: the bucket does not answer, or the disk is full.
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Cache(_) | Self::Catalog(_)) && !self.needs_rebuild()
    }

    /// Whether the index is lost and has to be built again: a file is missing, truncated or altered.
    pub fn needs_rebuild(&self) -> bool {
        match self {
            Self::Corrupt { .. } => true,
            Self::Cache(error) => error.is_lost(),
            Self::Catalog(error) => error.kind() == ErrorKind::Corrupt,
            Self::Io { source, .. } => source.kind() == io::ErrorKind::NotFound,
            _ => false,
        }
    }
}

impl From<CacheError> for IndexError {
    fn from(error: CacheError) -> Self {
        Self::Cache(Box::new(error))
    }
}

impl From<CatalogError> for IndexError {
    fn from(error: CatalogError) -> Self {
        Self::Catalog(Box::new(error))
    }
}
