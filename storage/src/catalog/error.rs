//! [`CatalogError`]: why something in the catalog cannot be read or written.

use crate::{error::ErrorKind, format::FormatError, store::kind_of};
use object_store::path::Path;

/// Why an object of the catalog cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// The store failed.
    #[error("{key} cannot be read or written")]
    Store {
        /// The object.
        key: String,
        /// What the store said.
        #[source]
        source: object_store::Error,
    },
    /// An object is not what it should be.
    #[error("{key} is damaged")]
    Format {
        /// The object.
        key: String,
        /// What is wrong with it.
        #[source]
        source: FormatError,
    },
    /// An object that others refer to is not there.
    #[error("{key} is missing")]
    Missing {
        /// The object.
        key: String,
    },
}

impl CatalogError {
    /// What a caller can do about it.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Store { source, .. } => kind_of(source),
            Self::Format { source, .. } => source.kind(),
            Self::Missing { .. } => ErrorKind::Corrupt,
        }
    }

    pub(super) fn store(key: &Path) -> impl FnOnce(object_store::Error) -> Self {
        let key = key.to_string();
        move |source| match source {
            object_store::Error::NotFound { .. } => Self::Missing { key },
            source => Self::Store { key, source },
        }
    }

    pub(crate) fn format(key: &Path) -> impl FnOnce(FormatError) -> Self {
        let key = key.to_string();
        move |source| Self::Format { key, source }
    }
}
