//! [`AppendError`] and [`BarrierError`]: why a write or a strong read failed.

use super::StopReason;
use crate::error::ErrorKind;
use std::{error::Error, time::Duration};

/// Why a write was not acked. Only after [`AppendError::Unknown`] it may be in the log nevertheless.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// Another process owns the log: forward the write to it under the same idempotency key. Also
    /// when this process lost the log while the write was on its way; it was not applied.
    #[error("another process owns the log")]
    NotOwner {
        /// Where it takes writes; `None` where it takes none.
        address: Option<String>,
    },
    /// Too many writes are waiting.
    #[error("too many writes are waiting for the log")]
    Busy,
    /// Nobody owned the log, or the store did not answer, for this long; nothing was sent.
    #[error("the log did not take the write within {0:?}")]
    Unavailable(Duration),
    /// The write was sent and its outcome is not known.
    #[error("the outcome of the write is unknown")]
    Unknown,
    /// A condition of the write does not hold.
    #[error("the write was refused")]
    Refused(#[source] Box<dyn Error + Send + Sync>),
    /// The log's task ended; the write was not applied.
    #[error("the log stopped")]
    Stopped(#[source] StopReason),
}

impl AppendError {
    /// What a caller can do about it.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::NotOwner { .. } => ErrorKind::Fenced,
            Self::Busy | Self::Unavailable(_) | Self::Unknown => ErrorKind::Unavailable,
            Self::Refused(_) => ErrorKind::Conflict,
            Self::Stopped(reason) => stop_kind(reason),
        }
    }

    /// Whether the write is certainly not in the log and, unless sent again, never will be.
    pub fn is_not_applied(&self) -> bool {
        !matches!(self, Self::Unknown)
    }
}

/// Why a strong read cannot be promised.
#[derive(Debug, Clone, thiserror::Error)]
pub enum BarrierError {
    /// Too many reads are waiting.
    #[error("too many reads are waiting for the log")]
    Busy,
    /// The log's task ended.
    #[error("the log stopped")]
    Stopped(#[source] StopReason),
}

impl BarrierError {
    /// What a caller can do about it.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Busy => ErrorKind::Unavailable,
            Self::Stopped(reason) => stop_kind(reason),
        }
    }
}

fn stop_kind(reason: &StopReason) -> ErrorKind {
    match reason {
        StopReason::Shutdown | StopReason::Behind { .. } => ErrorKind::Unavailable,
        StopReason::Corrupt { .. } => ErrorKind::Corrupt,
        StopReason::BucketLost { .. } => ErrorKind::Fenced,
        StopReason::Encode { .. } => ErrorKind::Internal,
    }
}
