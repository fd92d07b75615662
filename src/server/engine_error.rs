//! [`EngineError`]: why a command was not carried out.

use std::{fmt, time::Duration};

/// What went wrong, as far as the caller's next step depends on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EngineErrorKind {
    /// The command contradicts the schema or itself; sending it again does not help.
    Invalid,
    /// There is no such namespace.
    NotFound,
    /// Something else changed at the same time; sending it again may help.
    Conflict,
    /// A token is of another cluster, or was not reached in time.
    Precondition,
    /// What was asked for was not reached in time; another region may have it.
    Stale,
    /// Only another region may decide on the command; nothing was applied.
    NotHome,
    /// The command is larger than this node takes.
    TooLarge,
    /// A queue is full; the same command later may pass.
    Overloaded,
    /// The store does not answer, or nobody owns the log; nothing was applied.
    Unavailable,
    /// Another node owns the log: the command is to be sent there; nothing was applied.
    NotOwner {
        /// Where the owner listens, as `host:port` or `http://host:port`, if that is known.
        address: Option<String>,
    },
    /// The command may have been applied, or may yet be.
    UnknownOutcome {
        /// A client's own repeat of it is safe.
        repeatable: bool,
    },
    /// The namespace does not take such commands.
    Forbidden,
    /// The command took longer than it may.
    Deadline,
    /// The bucket has no space left.
    DiskFull,
    /// A fault of this node.
    Internal,
}

/// Why a command was not carried out.
#[derive(Debug)]
pub struct EngineError {
    /// What went wrong.
    pub kind: EngineErrorKind,
    /// What the caller is told: names the field and its value's fault. Without the source.
    pub message: String,
    /// When to try again, where the engine knows better than the client.
    pub retry_after: Option<Duration>,
    /// The cause; for the log only.
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl EngineError {
    /// An error without a cause.
    pub fn new(kind: EngineErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            retry_after: None,
            source: None,
        }
    }

    /// The same error with its cause.
    #[must_use]
    pub fn caused_by(self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self {
            source: Some(source.into()),
            ..self
        }
    }

    /// The same error, to be tried again after `time`.
    #[must_use]
    pub fn retry_after(self, time: Duration) -> Self {
        Self {
            retry_after: Some(time),
            ..self
        }
    }
}

impl fmt::Display for EngineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for EngineError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
