//! [`Refusal`]: why the owner does not take a write.

use crate::server::CopyKind;
use isobath_query::search::SearchError;
use isobath_storage::{
    fold::FoldError,
    model::{AttributeName, AttributeType, Id, IdKind, Metric, Namespace},
};

/// Why the owner does not take a write; nothing of it is applied.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The write wants the namespace to exist.
    #[error("namespace '{0}' was not found")]
    NotFound(Namespace),
    /// An attribute has another type.
    #[error(
        "attribute {name} has type {known}, the write gives it {given}; a type cannot be changed"
    )]
    Type {
        /// The attribute.
        name: AttributeName,
        /// Its type.
        known: AttributeType,
        /// The type in the write.
        given: AttributeType,
    },
    /// The namespace's ids are of another kind.
    #[error("the ids of this namespace are of type {known}, the write has ids of type {given}")]
    Ids {
        /// Their kind.
        known: IdKind,
        /// The kind in the write.
        given: AttributeType,
    },
    /// A vector attribute has another metric.
    #[error(
        "attribute {name} has distance_metric {known}, the write gives it {given}; it cannot be changed"
    )]
    Metric {
        /// The attribute.
        name: AttributeName,
        /// Its metric.
        known: Metric,
        /// The metric in the write.
        given: Metric,
    },
    /// The namespace takes no writes.
    #[error("namespace '{0}' is read-only: its metadata say `read_only: true`")]
    ReadOnly(Namespace),
    /// The write fills a namespace that has rows already.
    #[error(
        "{}: namespace '{namespace}' has rows already; name one that is empty",
        kind.field()
    )]
    NotEmpty {
        /// What fills it.
        kind: CopyKind,
        /// The namespace.
        namespace: Namespace,
    },
    /// Others wrote while the write was prepared that stands on what was before.
    #[error("others wrote while the state of `as_of` was read: try again")]
    Overtaken,
    /// The namespace is taking over the parts of another; when it has, it takes writes again.
    #[error("namespace '{0}' is taking over the rows of another namespace at this moment")]
    Adopting(Namespace),
    /// The same write was taken before, and whether this one repeats it cannot be told.
    #[error(
        "a write like this one, which depends on what rows hold, was taken before; whether this is its repeat \
         is unknown: read the rows, and write under an Idempotency-Key to have repeats recognised"
    )]
    Unknown,
    /// A filter or condition that does not fit the schema.
    #[error("{0}")]
    Filter(SearchError),
    /// Rows were changed that the write stands on.
    #[error("the rows were changed by others meanwhile: try again")]
    Changed,
    /// A row is there already that the write inserts.
    #[error("duplicate key value violates unique constraint: id {0} already exists")]
    Exists(Id),
    /// A namespace is there already that the write makes.
    #[error("namespace '{0}' already exists")]
    NamespaceExists(Namespace),
    /// The rows could not be gathered.
    #[error("the rows of the write could not be gathered")]
    Fold(#[from] FoldError),
    /// The first write of a vector attribute does not say how far apart vectors are.
    #[error("distance_metric is required for the first write of vector attribute {0}")]
    NoMetric(AttributeName),
}

impl From<SearchError> for Refusal {
    fn from(error: SearchError) -> Self {
        Self::Filter(error)
    }
}
