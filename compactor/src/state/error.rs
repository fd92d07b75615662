//! [`StateError`]: why the state of a bucket cannot be read or carried over.

use isobath_storage::{
    catalog::CatalogError,
    error::ErrorKind,
    fold::FoldError,
    format::FormatError,
    model::{LogId, Namespace, Seq},
    store::{StoreError, kind_of},
};

/// Why the state of a bucket cannot be read or carried over.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// An object of the catalog cannot be read or written.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// The bucket's marker cannot be read or written.
    #[error(transparent)]
    Bucket(#[from] StoreError),
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
    /// An object contradicts others.
    #[error("{key} is damaged: {why}")]
    Damaged {
        /// The object.
        key: String,
        /// What is wrong with it.
        why: String,
    },
    /// Mutations cannot be folded.
    #[error("namespace {namespace} cannot be folded")]
    Fold {
        /// The namespace.
        namespace: Namespace,
        /// The cause.
        #[source]
        source: FoldError,
    },
    /// Segments are gone that no checkpoint of this time covers.
    #[error(
        "log {log} starts after segment {floor}, and no checkpoint of that time covers what was before"
    )]
    NotCovered {
        /// The log.
        log: LogId,
        /// The last segment that is gone.
        floor: Seq,
    },
    /// What was asked for cannot be done with this bucket.
    #[error("{0}")]
    Invalid(String),
}

impl StateError {
    /// What a caller can do about it.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Catalog(error) => error.kind(),
            Self::Bucket(error) => error.kind(),
            Self::Store { source, .. } => kind_of(source),
            Self::Format { source, .. } => source.kind(),
            Self::Damaged { .. } => ErrorKind::Corrupt,
            Self::Fold { .. } => ErrorKind::Internal,
            Self::NotCovered { .. } | Self::Invalid(_) => ErrorKind::Invalid,
        }
    }

    pub(crate) fn store(
        key: &(impl ToString + ?Sized),
    ) -> impl FnOnce(object_store::Error) -> Self {
        let key = key.to_string();
        move |source| Self::Store { key, source }
    }

    pub(crate) fn format(key: &(impl ToString + ?Sized)) -> impl FnOnce(FormatError) -> Self {
        let key = key.to_string();
        move |source| Self::Format { key, source }
    }
}
