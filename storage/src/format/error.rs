//! [`FormatError`]: bytes that are not what they should be.

use crate::error::ErrorKind;
use arrow_schema::ArrowError;

/// Bytes that could not be read, or a value that has no bytes.
#[derive(Debug, thiserror::Error)]
pub enum FormatError {
    /// The bytes break the format, or are not the bytes that were written.
    #[error("{what} is corrupt: {why}")]
    Corrupt {
        /// What was read.
        what: &'static str,
        /// The rule that the bytes break.
        why: String,
    },
    /// The bytes end too early.
    #[error("{what} is cut off: {found} of {needed} bytes")]
    Truncated {
        /// What was read.
        what: &'static str,
        /// Bytes that it needs, as far as is known.
        needed: u64,
        /// Bytes that are there.
        found: u64,
    },
    /// The bytes were written by a newer program.
    #[error("{what} has format version {found}, this program reads up to {supported}")]
    Unsupported {
        /// What was read.
        what: &'static str,
        /// The version that a reader must know.
        found: u32,
        /// The newest version that is known here.
        supported: u32,
    },
    /// The value cannot be written in this format.
    #[error("{what} cannot be written: {why}")]
    Invalid {
        /// What was to be written.
        what: &'static str,
        /// The limit that the value breaks.
        why: String,
    },
    /// Columns that Arrow refuses.
    #[error("{what} holds columns that cannot be read or written")]
    Arrow {
        /// What was read or written.
        what: &'static str,
        /// What Arrow says.
        #[source]
        source: ArrowError,
    },
    /// Text that is not the JSON it should be.
    #[error("{what} is not the JSON that it should be")]
    Json {
        /// What was read or written.
        what: &'static str,
        /// What the parser says.
        #[source]
        source: serde_json::Error,
    },
}

impl FormatError {
    /// What a caller can do about it.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Invalid { .. } => ErrorKind::Invalid,
            Self::Unsupported { .. } => ErrorKind::Internal,
            Self::Corrupt { .. }
            | Self::Truncated { .. }
            | Self::Arrow { .. }
            | Self::Json { .. } => ErrorKind::Corrupt,
        }
    }

    pub(crate) fn corrupt(what: &'static str, why: impl Into<String>) -> Self {
        let why = why.into();
        Self::Corrupt { what, why }
    }

    pub(super) fn invalid(what: &'static str, why: impl Into<String>) -> Self {
        let why = why.into();
        Self::Invalid { what, why }
    }

    pub(super) fn arrow(what: &'static str) -> impl FnOnce(ArrowError) -> Self {
        move |source| Self::Arrow { what, source }
    }
}
