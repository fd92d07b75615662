//! [`Scalars`]: one attribute of many rows as plain values, whatever column holds it.

use arrow_array::{
    Array, BooleanArray, FixedSizeBinaryArray, Float64Array, Int64Array, StringArray,
    TimestampMillisecondArray, UInt64Array,
};
use arrow_buffer::{BooleanBuffer, NullBuffer};
use isobath_storage::model::{AttributeName, AttributeType, IdColumn, Rows};
use std::cmp::Ordering;
use uuid::Uuid;

/// One attribute of many rows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scalars<'a> {
    pub(super) values: Values<'a>,
    pub(super) nulls: Option<&'a NullBuffer>,
}

/// The values in row order; those of null rows mean nothing.
#[derive(Debug, Clone, Copy)]
pub(super) enum Values<'a> {
    /// Every row is null.
    Nothing,
    I64(&'a [i64]),
    U64(&'a [u64]),
    F64(&'a [f64]),
    Text(&'a StringArray),
    Binary(&'a FixedSizeBinaryArray),
    Uuids(&'a [Uuid]),
    Bools(&'a BooleanBuffer),
}

impl<'a> Scalars<'a> {
    /// The attribute of `rows` if its column is of type `ty`, else nulls.
    pub(super) fn of(rows: &'a Rows, attribute: &AttributeName, ty: AttributeType) -> Self {
        if attribute.is_id() {
            return Self::of_ids(rows.ids());
        }
        match rows.column(attribute.as_str()) {
            Some(column) if column.ty == ty => Self::of_array(&column.array),
            _ => Self::NULL,
        }
    }

    const NULL: Self = Self {
        values: Values::Nothing,
        nulls: None,
    };

    /// The ids.
    pub(super) fn of_ids(ids: &'a IdColumn) -> Self {
        let values = match ids {
            IdColumn::U64(ids) => Values::U64(ids),
            IdColumn::Uuid(ids) => Values::Uuids(ids),
            IdColumn::Str(ids) => Values::Text(ids),
        };
        Self {
            values,
            nulls: None,
        }
    }

    /// The values of an array of scalars; nulls where it is another one.
    pub(super) fn of_array(array: &'a dyn Array) -> Self {
        let any = array.as_any();
        let values = if let Some(a) = any.downcast_ref::<StringArray>() {
            Values::Text(a)
        } else if let Some(a) = any.downcast_ref::<Int64Array>() {
            Values::I64(a.values())
        } else if let Some(a) = any.downcast_ref::<UInt64Array>() {
            Values::U64(a.values())
        } else if let Some(a) = any.downcast_ref::<Float64Array>() {
            Values::F64(a.values())
        } else if let Some(a) = any.downcast_ref::<TimestampMillisecondArray>() {
            Values::I64(a.values())
        } else if let Some(a) = any.downcast_ref::<BooleanArray>() {
            Values::Bools(a.values())
        } else if let Some(a) = any.downcast_ref::<FixedSizeBinaryArray>() {
            Values::Binary(a)
        } else {
            return Self::NULL;
        };
        Self {
            values,
            nulls: array.nulls(),
        }
    }

    /// The value in `row`, which must be below the number of rows.
    pub(super) fn get(&self, row: usize) -> Scalar<'a> {
        if self.nulls.is_some_and(|nulls| nulls.is_null(row)) {
            return Scalar::Null;
        }
        match self.values {
            Values::Nothing => Scalar::Null,
            Values::I64(v) => Scalar::Whole(v[row].into()),
            Values::U64(v) => Scalar::Whole(v[row].into()),
            Values::F64(v) => Scalar::Float(v[row]),
            Values::Text(v) => Scalar::Text(v.value(row)),
            Values::Binary(v) => Scalar::Bytes(v.value(row)),
            Values::Uuids(v) => Scalar::Bytes(v[row].as_bytes()),
            Values::Bools(v) => Scalar::Bool(v.value(row)),
        }
    }
}

/// One value.
#[derive(Debug, Clone, Copy)]
pub(super) enum Scalar<'a> {
    Null,
    Bool(bool),
    Whole(i128),
    Float(f64),
    Text(&'a str),
    Bytes(&'a [u8]),
}

impl Scalar<'_> {
    /// Orders values of one attribute; null comes first.
    pub(super) fn compare(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Whole(a), Self::Whole(b)) => a.cmp(b),
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            // Minus zero is zero: `total_cmp` would tell them apart.
            (Self::Float(a), Self::Float(b)) => a.partial_cmp(b).unwrap_or(Ordering::Equal),
            (Self::Bytes(a), Self::Bytes(b)) => a.cmp(b),
            (Self::Bool(a), Self::Bool(b)) => a.cmp(b),
            _ => self.rank().cmp(&other.rank()),
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Null => 0,
            Self::Bool(_) => 1,
            Self::Whole(_) => 2,
            Self::Float(_) => 3,
            Self::Bytes(_) => 4,
            Self::Text(_) => 5,
        }
    }
}
