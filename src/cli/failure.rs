//! [`Failure`]: an error as the process reports it: one line, and a code that scripts can tell apart.

use super::client::ClientError;
use isobath_compactor::state::StateError;
use isobath_config::ConfigError;
use isobath_storage::{
    catalog::CatalogError, error::ErrorKind, format::FormatError, store::StoreError,
};
use std::{
    io::{self, Write as _},
    process::ExitCode,
};

/// A wrong use that clap cannot see.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Usage(pub(crate) String);

/// Data that is not what it should be.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Corrupt(pub(crate) String);

/// What scripts want to tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Other = 1,
    Usage = 2,
    Unreachable = 3,
    Corrupt = 4,
}

/// An error that ends the process.
#[derive(Debug)]
pub(crate) struct Failure {
    kind: Kind,
    error: anyhow::Error,
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        let kind = error.chain().find_map(kind_of).unwrap_or(Kind::Other);
        Self { kind, error }
    }
}

impl Failure {
    /// Prints the chain of causes in one line. A reader that went away is no error.
    pub(crate) fn report(&self) -> ExitCode {
        let closed = |cause: &(dyn std::error::Error + 'static)| {
            let io = cause.downcast_ref::<io::Error>();
            io.is_some_and(|io| io.kind() == io::ErrorKind::BrokenPipe)
        };
        if self.error.chain().any(closed) {
            return ExitCode::SUCCESS;
        }
        let line = format!("{:#}", self.error).replace('\n', " ");
        // Nothing is left to be done where stderr is closed.
        drop(writeln!(io::stderr(), "isobath: {line}"));
        ExitCode::from(self.kind as u8)
    }
}

/// What one cause in a chain says, if it says something.
fn kind_of(cause: &(dyn std::error::Error + 'static)) -> Option<Kind> {
    if cause.is::<ConfigError>() || cause.is::<Usage>() {
        return Some(Kind::Usage);
    }
    if cause.is::<Corrupt>() {
        return Some(Kind::Corrupt);
    }
    let store = cause.downcast_ref().map(StoreError::kind);
    let store = store.or_else(|| cause.downcast_ref().map(StateError::kind));
    if let Some(kind) = store.or_else(|| cause.downcast_ref().map(CatalogError::kind)) {
        return match kind {
            ErrorKind::Invalid => Some(Kind::Usage),
            ErrorKind::Unavailable | ErrorKind::NotFound => Some(Kind::Unreachable),
            ErrorKind::Corrupt => Some(Kind::Corrupt),
            _ => None,
        };
    }
    if let Some(format) = cause.downcast_ref::<FormatError>() {
        return (format.kind() == ErrorKind::Corrupt).then_some(Kind::Corrupt);
    }
    let client = cause.downcast_ref::<ClientError>()?;
    client.is_unreachable().then_some(Kind::Unreachable)
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context as _;

    #[test]
    fn should_see_the_kind_under_any_context() {
        let usage = Err::<(), _>(Usage("no file".into())).context("cannot import");
        assert_eq!(Failure::from(usage.unwrap_err()).kind, Kind::Usage);
        let corrupt = anyhow::Error::new(Corrupt("bad".into())).context("cannot inspect");
        assert_eq!(Failure::from(corrupt).kind, Kind::Corrupt);
        assert_eq!(Failure::from(anyhow::anyhow!("else")).kind, Kind::Other);
    }
}
