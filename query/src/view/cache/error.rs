//! [`CacheError`]: why an object cannot be had as a local file.

use isobath_storage::{error::ErrorKind, store::kind_of};
use std::{io, path::PathBuf};

/// Why an object cannot be had as a local file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CacheError {
    /// The bucket did not give it.
    #[error("{key} cannot be fetched")]
    Fetch {
        /// The object.
        key: String,
        /// What the store said.
        #[source]
        source: object_store::Error,
    },
    /// The bucket did not take it.
    #[error("{key} cannot be created")]
    Send {
        /// The object.
        key: String,
        /// What the store said.
        #[source]
        source: object_store::Error,
    },
    /// The bucket gave other bytes than the object's.
    #[error("{key} is damaged: {fault}")]
    Damaged {
        /// The object.
        key: String,
        /// What is wrong with it.
        fault: String,
    },
    /// The cache directory failed.
    #[error("cannot {action} {}", path.display())]
    Disk {
        /// What was tried.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// The system's answer.
        #[source]
        source: io::Error,
    },
    /// Another process uses the directory.
    #[error("{} is in use by another process", dir.display())]
    InUse {
        /// The directory.
        dir: PathBuf,
    },
}

impl CacheError {
    /// What a caller can do about it.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Fetch { source, .. } | Self::Send { source, .. } => kind_of(source),
            Self::Damaged { .. } => ErrorKind::Corrupt,
            Self::Disk { source, .. } if source.kind() == io::ErrorKind::StorageFull => {
                ErrorKind::Full
            }
            Self::Disk { .. } => ErrorKind::Internal,
            Self::InUse { .. } => ErrorKind::Conflict,
        }
    }

    /// Whether the bucket holds no such object, or other bytes under its key: asking again does not help.
    pub fn is_lost(&self) -> bool {
        let sent = matches!(self, Self::Send { .. });
        !sent && matches!(self.kind(), ErrorKind::NotFound | ErrorKind::Corrupt)
    }

    /// Wraps the system's answer to `action` on `path`.
    pub(super) fn disk(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Disk {
            action,
            path,
            source,
        }
    }
}
