//! [`SearchError`]: why a query has no answer.

use crate::index::IndexError;
use isobath_storage::model::AttributeName;

/// Why a query has no answer.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// A filter that does not fit the schema.
    #[error("filter error in key `{attribute}`: {fault}")]
    Filter {
        /// The attribute that the filter names.
        attribute: AttributeName,
        /// What does not fit.
        fault: String,
    },
    /// A filter of filters of filters.
    #[error("filters are nested more than {max} deep")]
    FilterDepth {
        /// The deepest that is answered.
        max: usize,
    },
    /// A filter of too many conditions.
    #[error("a filter has at most {max} conditions; `In` takes any number of values")]
    FilterSize {
        /// The most that are answered.
        max: usize,
    },
    /// An order that does not fit the schema.
    #[error("invalid input for rank_by field {:?}: {fault}", attribute.as_str())]
    RankBy {
        /// The attribute that the order names.
        attribute: AttributeName,
        /// What does not fit.
        fault: String,
    },
    /// A text that is not given as its attribute is.
    #[error(
        "invalid input {input} for rank_by field {:?}, expecting {expected}",
        attribute.as_str()
    )]
    RankInput {
        /// The attribute that the order names.
        attribute: AttributeName,
        /// What was given, cut to a readable length.
        input: String,
        /// The type that is needed.
        expected: &'static str,
    },
    /// A part of the query that does not fit the schema.
    #[error("invalid input for {clause} field {:?}: {fault}", attribute.as_str())]
    Clause {
        /// The part of the query.
        clause: &'static str,
        /// The attribute that it names.
        attribute: AttributeName,
        /// What does not fit.
        fault: String,
    },
    /// More groups than an answer may have.
    #[error("group_by: the rows fall into more than {max} groups")]
    TooManyGroups {
        /// The most.
        max: usize,
    },
    /// Groups of very long values.
    #[error("group_by: the keys of the groups take more than {max} bytes")]
    GroupKeys {
        /// The most bytes.
        max: usize,
    },
    /// A predicate of the caller could not be evaluated.
    #[error("{0}")]
    Predicate(String),
    /// Which vector attribute is meant is not clear.
    #[error(
        "name the vector attribute: the schema has none, or several and none of them is `vector`"
    )]
    NoAttribute,
    /// The rows of the answer take more memory than they may.
    #[error("the answer would be too large: ask for fewer rows or attributes at a time")]
    AnswerSize,
    /// The time given for the query is over.
    #[error("the query's deadline passed before it was answered")]
    DeadlineExceeded,
    /// Too many queries wait already.
    #[error("too many queries are waiting: try again later")]
    Overloaded,
    /// The threads that search end, or one of them failed.
    #[error("the search was interrupted")]
    Interrupted,
    /// The index does not work.
    #[error("the index could not be searched")]
    Index(#[source] IndexError),
}

impl From<IndexError> for SearchError {
    fn from(error: IndexError) -> Self {
        match error {
            IndexError::Expired => Self::DeadlineExceeded,
            error => Self::Index(error),
        }
    }
}

impl SearchError {
    pub(super) fn filter(attribute: &AttributeName, fault: impl Into<String>) -> Self {
        Self::Filter {
            attribute: attribute.clone(),
            fault: fault.into(),
        }
    }

    pub(super) fn clause(
        clause: &'static str,
        attribute: &AttributeName,
        fault: impl Into<String>,
    ) -> Self {
        Self::Clause {
            clause,
            attribute: attribute.clone(),
            fault: fault.into(),
        }
    }

    pub(super) fn rank_by(attribute: &AttributeName, fault: impl Into<String>) -> Self {
        Self::RankBy {
            attribute: attribute.clone(),
            fault: fault.into(),
        }
    }
}
