//! [`StoreError`], and what an [`object_store::Error`] means to a caller.

use crate::error::ErrorKind;
use object_store::{Error as Cause, path::Path};
use std::{error::Error, io, path::PathBuf};

/// Why a store cannot be opened or used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The URL names no store.
    #[error("bucket URL {url:?} is not valid: {reason}")]
    Url {
        /// The URL, without secrets.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The directory of a `file://` store cannot be used.
    #[error("cannot use the directory {dir:?} as a bucket")]
    Directory {
        /// The directory.
        dir: PathBuf,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// The settings do not make a client of the store.
    #[error("cannot make a client for {url}")]
    Client {
        /// The URL, without secrets.
        url: String,
        /// What is missing or wrong.
        #[source]
        source: Cause,
    },
    /// A request failed.
    #[error("cannot {operation} {key}")]
    Request {
        /// The operation as a verb, for example `read`.
        operation: &'static str,
        /// The object's key.
        key: String,
        /// What the store said.
        #[source]
        source: Cause,
    },
    /// An object does not hold what it should.
    #[error("{key} is damaged: {reason}")]
    Damaged {
        /// The object's key.
        key: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The bucket holds objects, but no marker of ours.
    #[error(
        "{url} holds objects but no marker (for example {example}): not a bucket of isobath; use an empty prefix"
    )]
    NotOurs {
        /// The URL, without secrets.
        url: String,
        /// One of the objects found.
        example: String,
    },
    /// The bucket belongs to another region or cluster.
    #[error("{url} belongs to {found}, not to {expected}")]
    OtherOwner {
        /// The URL, without secrets.
        url: String,
        /// To whom it belongs.
        found: String,
        /// To whom it should belong.
        expected: String,
    },
    /// The store lacks what the log relies on.
    #[error("{url} cannot carry a log: {missing}")]
    Incapable {
        /// The URL, without secrets.
        url: String,
        /// What it should do and did instead.
        missing: String,
    },
    /// The bucket is not the one it was: emptied, or swapped for another.
    #[error("bucket lost: {url} {what}; rejoin under a new id")]
    BucketLost {
        /// The URL, without secrets.
        url: String,
        /// What was found instead.
        what: String,
    },
}

impl StoreError {
    /// The error of a failed request.
    pub fn request(operation: &'static str, key: &Path, source: Cause) -> Self {
        Self::Request {
            operation,
            key: key.to_string(),
            source,
        }
    }

    /// What a caller can do about it.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Url { .. } | Self::Client { .. } | Self::Incapable { .. } => ErrorKind::Invalid,
            Self::Directory { source, .. } => io_kind(source.kind()).unwrap_or(ErrorKind::Internal),
            Self::Request { source, .. } => kind_of(source),
            Self::Damaged { .. } => ErrorKind::Corrupt,
            Self::NotOurs { .. } | Self::OtherOwner { .. } => ErrorKind::Conflict,
            Self::BucketLost { .. } => ErrorKind::Fenced,
        }
    }
}

/// What a caller can do about an error of a store.
///
/// [`ErrorKind::Conflict`] after a conditional put does not prove that somebody else won: S3's
/// 409 looks the same, and so does a put of ours whose first reply was lost. After
/// [`ErrorKind::Unavailable`] a put may or may not have taken effect.
pub fn kind_of(error: &Cause) -> ErrorKind {
    match error {
        Cause::NotFound { .. } => ErrorKind::NotFound,
        Cause::AlreadyExists { .. } | Cause::Precondition { .. } | Cause::NotModified { .. } => {
            ErrorKind::Conflict
        }
        Cause::InvalidPath { .. } | Cause::UnknownConfigurationKey { .. } => ErrorKind::Invalid,
        Cause::Generic { .. } => generic_kind(error),
        _ => ErrorKind::Internal,
    }
}

/// Whether an error of a store says that a capability is missing, rather than that it failed.
pub fn is_unsupported(error: &Cause) -> bool {
    matches!(
        error,
        Cause::NotSupported { .. } | Cause::NotImplemented { .. }
    )
}

/// Looks for the operating system's error below a generic one; else a request that got no usable
/// reply.
fn generic_kind(error: &Cause) -> ErrorKind {
    let mut next: Option<&(dyn Error + 'static)> = error.source();
    while let Some(cause) = next {
        if let Some(io) = cause.downcast_ref::<io::Error>()
            && let Some(kind) = io_kind(io.kind())
        {
            return kind;
        }
        next = cause.source();
    }
    ErrorKind::Unavailable
}

fn io_kind(kind: io::ErrorKind) -> Option<ErrorKind> {
    use io::ErrorKind as Io;
    match kind {
        Io::StorageFull | Io::QuotaExceeded | Io::FileTooLarge => Some(ErrorKind::Full),
        Io::PermissionDenied | Io::ReadOnlyFilesystem | Io::NotADirectory => {
            Some(ErrorKind::Internal)
        }
        Io::NotFound => Some(ErrorKind::NotFound),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn generic(source: impl Into<Box<dyn Error + Send + Sync>>) -> Cause {
        Cause::Generic {
            store: "test",
            source: source.into(),
        }
    }

    #[test]
    fn should_find_a_full_disk_below_a_generic_error() {
        let full = generic(io::Error::from(io::ErrorKind::StorageFull));
        assert_eq!(kind_of(&full), ErrorKind::Full);
        assert_eq!(kind_of(&generic(full)), ErrorKind::Full);
        let denied = generic(io::Error::from(io::ErrorKind::ReadOnlyFilesystem));
        assert_eq!(kind_of(&denied), ErrorKind::Internal);
    }

    #[test]
    fn should_take_a_request_without_a_usable_reply_for_passing() {
        assert_eq!(kind_of(&generic("503")), ErrorKind::Unavailable);
        let reset = generic(io::Error::from(io::ErrorKind::ConnectionReset));
        assert_eq!(kind_of(&reset), ErrorKind::Unavailable);
    }

    #[test]
    fn should_keep_the_cause_out_of_the_text() {
        let error = StoreError::request("read", &Path::from("marker"), generic("the cause"));
        assert_eq!(error.to_string(), "cannot read marker");
        assert!(error.source().is_some());
    }
}
