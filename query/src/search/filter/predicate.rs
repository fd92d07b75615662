//! [`Predicate`]: a filter whose values are of the types of their attributes.

use super::matcher::Matcher;
use crate::search::{scalars::Scalar, text::TokenTest};
use isobath_storage::model::{AttributeName, AttributeType};
use std::{
    borrow::Borrow,
    cmp::Ordering,
    ops::{Bound, RangeBounds},
    sync::Arc,
};

/// A filter bound to a schema. Every row passes it or does not; null is a value like others.
///
/// Its `Debug` text says all that it depends on but the rows.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::search) enum Predicate {
    /// The same for every row.
    Always(bool),
    /// All of them.
    All(Vec<Predicate>),
    /// At least one of them.
    Any(Vec<Predicate>),
    /// Not so.
    Not(Box<Predicate>),
    /// By the values of one attribute.
    Column(ColumnTest),
    /// By the text of one attribute.
    Tokens(TokenTest),
}

/// Which values of one attribute pass.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::search) struct ColumnTest {
    pub(super) attribute: AttributeName,
    pub(super) ty: AttributeType,
    /// Whether a missing value passes.
    pub(super) null: bool,
    /// Which other values pass.
    pub(super) value: ValueTest,
}

/// Which values pass.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum ValueTest {
    /// All or none.
    Always(bool),
    /// Scalars that are, or are not, accepted.
    Scalar { accepts: Accepts, negated: bool },
    /// Arrays of which an element is, or none is, accepted.
    AnyElement { accepts: Accepts, negated: bool },
    /// Arrays whose elements are, or are not, accepted one by one; `None` accepts null.
    Array {
        items: Vec<Option<Accepts>>,
        negated: bool,
    },
}

/// Which scalars are accepted, in the domain of the column.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Accepts {
    Whole(Set<i128>),
    Float(Set<f64>),
    Text(Set<Arc<str>>),
    Bytes(Set<[u8; 16]>),
    Bool(Set<bool>),
    /// Texts that match.
    Pattern(Matcher),
}

impl Accepts {
    /// Whether `value` equals what is accepted; patterns are not for single values.
    pub(super) fn contains(&self, value: &Scalar<'_>) -> bool {
        match (self, value) {
            (Self::Whole(set), Scalar::Whole(n)) => set.contains(n),
            (Self::Float(set), Scalar::Float(n)) => set.contains(n),
            (Self::Text(set), Scalar::Text(text)) => set.contains(*text),
            (Self::Bytes(set), Scalar::Bytes(bytes)) => set.contains(*bytes),
            (Self::Bool(set), Scalar::Bool(value)) => set.contains(value),
            _ => false,
        }
    }
}

/// Values of an ordered domain.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Set<T> {
    Range(Bound<T>, Bound<T>),
    /// These, sorted.
    OneOf(Vec<T>),
}

impl<T: PartialOrd> Set<T> {
    /// Exactly `values`.
    pub(super) fn of(mut values: Vec<T>) -> Self {
        values.sort_by(order);
        values.dedup();
        Self::OneOf(values)
    }

    /// Whether `value` is among them.
    #[inline]
    pub(super) fn contains<Q: PartialOrd + ?Sized>(&self, value: &Q) -> bool
    where
        T: Borrow<Q>,
    {
        match self {
            Self::Range(low, high) => {
                let low = low.as_ref().map(Borrow::borrow);
                let high = high.as_ref().map(Borrow::borrow);
                RangeBounds::contains(&(low, high), value)
            }
            Self::OneOf(values) => match values.as_slice() {
                [one] => one.borrow() == value,
                values => values
                    .binary_search_by(|probe| order(probe.borrow(), value))
                    .is_ok(),
            },
        }
    }
}

fn order<Q: PartialOrd + ?Sized>(a: &Q, b: &Q) -> Ordering {
    a.partial_cmp(b).unwrap_or(Ordering::Less)
}
