//! [`SqlError`]: why a statement was not carried out.

use datafusion::{
    common::SchemaError, error::DataFusionError, sql::sqlparser::parser::ParserError,
};
use isobath_query::search::SearchError;
use std::borrow::Cow;

/// What went wrong, as far as the caller's next step depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SqlErrorKind {
    /// The statement is wrong, or contradicts what is there.
    Invalid,
    /// It asks for what is not there yet.
    Unsupported,
    /// There is no such table.
    NotFound,
    /// A row or a table is there already.
    Exists,
    /// The caller may not do this.
    Forbidden,
    /// Others changed the same rows at the same time; the same statement again may succeed.
    Conflict,
    /// A token is of another cluster, or was not reached in time.
    Stale,
    /// It took longer than it may.
    Timeout,
    /// The caller gave it up.
    Cancelled,
    /// It needs more memory than it may.
    Memory,
    /// Too much is going on.
    Overloaded,
    /// Nothing can be done now.
    Unavailable,
    /// Another node has to carry it out; nothing was done.
    NotOwner,
    /// Whether the write took effect is not known.
    UnknownOutcome,
    /// A transaction is open that has failed already.
    Aborted,
    /// A fault of this node.
    Internal,
}

/// Why a statement was not carried out.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct SqlError {
    /// What went wrong.
    pub kind: SqlErrorKind,
    /// What the caller is told.
    pub message: String,
    /// PostgreSQL's code for it, where it is another than the kind's.
    pub code: Option<&'static str>,
}

impl SqlError {
    /// An error with its message.
    pub fn new(kind: SqlErrorKind, message: impl Into<String>) -> Self {
        let (message, code) = (message.into(), None);
        Self {
            kind,
            message,
            code,
        }
    }

    /// The statement is wrong.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(SqlErrorKind::Invalid, message)
    }

    /// The statement asks for what is not there yet.
    pub fn unsupported(feature: impl std::fmt::Display) -> Self {
        let message = format!("{feature} is not supported yet");
        Self::new(SqlErrorKind::Unsupported, message)
    }

    /// The same error under another of PostgreSQL's codes.
    #[must_use]
    pub fn with_code(self, code: &'static str) -> Self {
        let code = Some(code);
        Self { code, ..self }
    }

    /// PostgreSQL's code.
    pub fn sqlstate(&self) -> &'static str {
        self.code.unwrap_or(match self.kind {
            SqlErrorKind::Invalid => "42000",
            SqlErrorKind::Unsupported => "0A000",
            SqlErrorKind::NotFound => "42P01",
            SqlErrorKind::Exists => "23505",
            SqlErrorKind::Forbidden => "42501",
            SqlErrorKind::Conflict => "40001",
            SqlErrorKind::Stale => "55000",
            SqlErrorKind::Timeout | SqlErrorKind::Cancelled => "57014",
            SqlErrorKind::Memory => "53200",
            SqlErrorKind::Overloaded => "53300",
            SqlErrorKind::Unavailable => "57P03",
            // what drivers take for a server that only reads, and go on to the next
            SqlErrorKind::NotOwner => "25006",
            SqlErrorKind::UnknownOutcome => "08007",
            SqlErrorKind::Aborted => "25P02",
            SqlErrorKind::Internal => "XX000",
        })
    }
}

impl From<ParserError> for SqlError {
    fn from(error: ParserError) -> Self {
        let message = match error {
            ParserError::TokenizerError(text) | ParserError::ParserError(text) => text,
            ParserError::RecursionLimitExceeded => "the statement is nested too deeply".to_owned(),
        };
        Self::invalid(format!("syntax error: {message}")).with_code("42601")
    }
}

impl From<SearchError> for SqlError {
    fn from(error: SearchError) -> Self {
        let kind = match error {
            SearchError::DeadlineExceeded => SqlErrorKind::Timeout,
            SearchError::Overloaded => SqlErrorKind::Overloaded,
            SearchError::Interrupted => SqlErrorKind::Unavailable,
            SearchError::Index(_) => SqlErrorKind::Internal,
            _ => SqlErrorKind::Invalid,
        };
        Self::new(kind, error.to_string())
    }
}

impl From<SqlError> for DataFusionError {
    fn from(error: SqlError) -> Self {
        Self::External(Box::new(error))
    }
}

impl From<DataFusionError> for SqlError {
    fn from(error: DataFusionError) -> Self {
        of_engine(&error)
    }
}

/// The root of an error of the query engine, without what its layers put around it.
fn of_engine(error: &DataFusionError) -> SqlError {
    use SqlErrorKind as Kind;
    let text = |text: &str| without_backtrace(text).into_owned();
    match error {
        DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => {
            of_engine(inner)
        }
        DataFusionError::Shared(inner) => of_engine(inner),
        DataFusionError::Collection(all) => match all.first() {
            Some(first) => of_engine(first),
            None => SqlError::new(Kind::Internal, "an error without a cause"),
        },
        DataFusionError::External(inner) => match inner.downcast_ref::<SqlError>() {
            Some(known) => SqlError {
                kind: known.kind,
                message: known.message.clone(),
                code: known.code,
            },
            None => match inner.downcast_ref::<DataFusionError>() {
                Some(inner) => of_engine(inner),
                None => SqlError::invalid(inner.to_string()),
            },
        },
        DataFusionError::SQL(parser, _) => SqlError::from((**parser).clone()),
        DataFusionError::NotImplemented(feature) => SqlError::new(Kind::Unsupported, text(feature)),
        DataFusionError::Plan(said) => {
            let missing = said.starts_with("table '") && said.contains("not found");
            let kind = if missing {
                Kind::NotFound
            } else {
                Kind::Invalid
            };
            SqlError::new(kind, text(said))
        }
        DataFusionError::SchemaError(inner, _) => {
            let code = match **inner {
                SchemaError::FieldNotFound { .. } => "42703",
                SchemaError::AmbiguousReference { .. } => "42702",
                _ => "42601",
            };
            SqlError::invalid(inner.to_string()).with_code(code)
        }
        DataFusionError::Execution(said) | DataFusionError::Configuration(said) => {
            SqlError::invalid(text(said))
        }
        DataFusionError::ArrowError(inner, _) => {
            SqlError::invalid(inner.to_string()).with_code("22000")
        }
        DataFusionError::ResourcesExhausted(said) => SqlError::new(
            Kind::Memory,
            format!(
                "the statement needs more memory than it may: {}",
                text(said)
            ),
        ),
        error => SqlError::new(Kind::Internal, text(&error.strip_backtrace())),
    }
}

fn without_backtrace(text: &str) -> Cow<'_, str> {
    let end = text.find("\n\nbacktrace:").unwrap_or(text.len());
    Cow::Borrowed(&text[..end])
}
