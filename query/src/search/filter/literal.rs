//! What a literal accepts in the domain of a column, without rounding.

use super::predicate::{Accepts, Set};
use crate::search::Comparison;
use isobath_storage::model::{ScalarType, Value, parse_datetime};
use std::{
    ops::Bound::{self, Excluded, Included, Unbounded},
    sync::Arc,
};
use uuid::Uuid;

/// The values of a column of type `ty` that compare so with `value`; `None` where the two do not compare.
pub(super) fn accepts(ty: ScalarType, comparison: Comparison, value: &Value) -> Option<Accepts> {
    Some(match ty {
        ScalarType::Int | ScalarType::Uint => Accepts::Whole(whole(comparison, Number::of(value)?)),
        ScalarType::Float => Accepts::Float(float(comparison, Number::of(value)?)),
        ScalarType::Datetime => Accepts::Whole(range(comparison, datetime(value)?)),
        ScalarType::String => Accepts::Text(range(comparison, text(value)?)),
        ScalarType::Uuid => Accepts::Bytes(range(comparison, uuid(value)?)),
        ScalarType::Bool => Accepts::Bool(range(comparison, bool(value)?)),
    })
}

/// The values of a column of type `ty` that equal one of `values`, none of them null; else the first value
/// that does not compare.
pub(super) fn accepts_any<'a>(ty: ScalarType, values: &[&'a Value]) -> Result<Accepts, &'a Value> {
    Ok(match ty {
        ScalarType::Int | ScalarType::Uint => {
            let numbers = each(values, Number::of)?;
            Accepts::Whole(Set::of(
                numbers.iter().filter_map(Number::as_whole).collect(),
            ))
        }
        ScalarType::Float => {
            let numbers = each(values, Number::of)?;
            Accepts::Float(Set::of(
                numbers.iter().filter_map(Number::as_float).collect(),
            ))
        }
        ScalarType::Datetime => Accepts::Whole(Set::of(each(values, datetime)?)),
        ScalarType::String => Accepts::Text(Set::of(each(values, text)?)),
        ScalarType::Uuid => Accepts::Bytes(Set::of(each(values, uuid)?)),
        ScalarType::Bool => Accepts::Bool(Set::of(each(values, bool)?)),
    })
}

fn each<'a, T>(values: &[&'a Value], read: fn(&Value) -> Option<T>) -> Result<Vec<T>, &'a Value> {
    values.iter().map(|v| read(v).ok_or(*v)).collect()
}

/// Datetimes may also be given as text, like UUIDs.
fn datetime(value: &Value) -> Option<i128> {
    match value {
        Value::Datetime(ms) => Some((*ms).into()),
        Value::String(text) => Some(parse_datetime(text)?.into()),
        _ => None,
    }
}

fn text(value: &Value) -> Option<Arc<str>> {
    match value {
        Value::String(text) => Some(Arc::clone(text)),
        _ => None,
    }
}

/// UUIDs may also be given as text: a filter is written before its attribute's type is known.
fn uuid(value: &Value) -> Option<[u8; 16]> {
    match value {
        Value::Uuid(uuid) => Some(uuid.into_bytes()),
        Value::String(text) => Some(Uuid::try_parse(text).ok()?.into_bytes()),
        _ => None,
    }
}

fn bool(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(value) => Some(*value),
        _ => None,
    }
}

/// A number as it was written.
#[derive(Debug, Clone, Copy)]
enum Number {
    Whole(i128),
    /// Not whole, so below 2⁵³ in size.
    Broken(f64),
}

impl Number {
    fn of(value: &Value) -> Option<Self> {
        Some(match value {
            Value::Int(n) => Self::Whole((*n).into()),
            Value::Uint(n) => Self::Whole((*n).into()),
            #[expect(
                clippy::cast_possible_truncation,
                reason = "what saturates is beyond any column"
            )]
            Value::Float(f) if f.fract() == 0.0 => Self::Whole(*f as i128),
            Value::Float(f) if f.is_finite() => Self::Broken(*f),
            _ => return None,
        })
    }

    fn as_whole(&self) -> Option<i128> {
        match self {
            Self::Whole(n) => Some(*n),
            Self::Broken(_) => None,
        }
    }

    fn as_float(&self) -> Option<f64> {
        match self {
            Self::Whole(n) => Some(nearest(*n)).filter(|f| back(*f) == *n),
            Self::Broken(f) => Some(*f),
        }
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "the caller looks at what was lost"
)]
fn nearest(whole: i128) -> f64 {
    whole as f64
}

#[expect(clippy::cast_possible_truncation, reason = "the float is whole")]
fn back(float: f64) -> i128 {
    float as i128
}

/// The integers that compare so with a number.
fn whole(comparison: Comparison, number: Number) -> Set<i128> {
    match number {
        Number::Whole(n) => range(comparison, n),
        Number::Broken(f) => beside(
            comparison,
            Included(back(f.floor())),
            Excluded(back(f.floor())),
        ),
    }
}

/// The floats that compare so with a number.
fn float(comparison: Comparison, number: Number) -> Set<f64> {
    let n = match number {
        Number::Broken(f) => return range(comparison, f),
        Number::Whole(n) => n,
    };
    let f = nearest(n);
    match back(f).cmp(&n) {
        std::cmp::Ordering::Equal => range(comparison, f),
        std::cmp::Ordering::Less => beside(comparison, Included(f), Excluded(f)),
        std::cmp::Ordering::Greater => beside(comparison, Excluded(f), Included(f)),
    }
}

/// What compares so with a value of the domain.
fn range<T: PartialOrd + Clone>(comparison: Comparison, value: T) -> Set<T> {
    match comparison {
        Comparison::Eq | Comparison::NotEq => Set::of(vec![value]),
        Comparison::Lt => Set::Range(Unbounded, Excluded(value)),
        Comparison::Lte => Set::Range(Unbounded, Included(value)),
        Comparison::Gt => Set::Range(Excluded(value), Unbounded),
        Comparison::Gte => Set::Range(Included(value), Unbounded),
    }
}

/// What compares so with a value that lies between two of the domain: `last` ends those below it, `first`
/// starts those above.
fn beside<T: PartialOrd>(comparison: Comparison, last: Bound<T>, first: Bound<T>) -> Set<T> {
    match comparison {
        Comparison::Eq | Comparison::NotEq => Set::OneOf(vec![]),
        Comparison::Lt | Comparison::Lte => Set::Range(Unbounded, last),
        Comparison::Gt | Comparison::Gte => Set::Range(first, Unbounded),
    }
}
