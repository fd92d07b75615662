//! [`SparseVector`]: a vector of which only some dimensions have a weight.

use arrow_array::{
    ArrayRef, Float16Array, ListArray, StructArray, UInt32Array,
    cast::AsArray,
    types::{Float16Type, UInt32Type},
};
use arrow_buffer::{NullBuffer, OffsetBuffer};
use arrow_schema::{DataType, Field, Fields};
use half::f16;
use std::sync::Arc;

use super::Value;

/// A vector of which only some dimensions have a weight. The dimensions rise; every weight is finite.
#[derive(Debug, Clone, PartialEq)]
pub struct SparseVector(Arc<[(u32, f16)]>);

impl SparseVector {
    /// The most dimensions with a weight.
    pub const MAX_WEIGHTS: usize = 1024;

    /// The vector of these dimensions; `None` where they do not rise, are too many, or a weight is not finite.
    pub fn new(weights: impl Into<Arc<[(u32, f16)]>>) -> Option<Self> {
        let weights = weights.into();
        let rising = weights.is_sorted_by(|(a, _), (b, _)| a < b);
        let finite = weights.iter().all(|(_, weight)| weight.is_finite());
        (rising && finite && weights.len() <= Self::MAX_WEIGHTS).then_some(Self(weights))
    }

    /// Dimensions with their weights; the dimensions rise.
    pub fn weights(&self) -> &[(u32, f16)] {
        &self.0
    }
}

/// The fields of one weight.
pub(super) fn fields() -> Fields {
    Fields::from(vec![
        Field::new("dim", DataType::UInt32, false),
        Field::new("weight", DataType::Float16, false),
    ])
}

/// The type of a column of sparse vectors: lists of dimensions with their weights.
pub(super) fn data_type() -> DataType {
    DataType::List(Arc::new(item()))
}

fn item() -> Field {
    Field::new("item", DataType::Struct(fields()), false)
}

/// The column of `values`; `None` where a value is neither null nor a sparse vector.
pub(super) fn from_values(values: &[Value]) -> Option<ArrayRef> {
    let (mut dims, mut weights, mut lengths) = (vec![], vec![], vec![]);
    for value in values {
        let vector: &[(u32, f16)] = match value {
            Value::Null => &[],
            Value::Sparse(vector) => vector.weights(),
            _ => return None,
        };
        lengths.push(vector.len());
        dims.extend(vector.iter().map(|(dim, _)| *dim));
        weights.extend(vector.iter().map(|(_, weight)| *weight));
    }
    let columns: Vec<ArrayRef> = vec![
        Arc::new(UInt32Array::from(dims)),
        Arc::new(Float16Array::from(weights)),
    ];
    let items = StructArray::try_new(fields(), columns, None).ok()?;
    let nulls: NullBuffer = values.iter().map(|value| !value.is_null()).collect();
    let offsets = OffsetBuffer::from_lengths(lengths);
    let array = ListArray::try_new(Arc::new(item()), offsets, Arc::new(items), Some(nulls));
    array.ok().map(|array| Arc::new(array) as ArrayRef)
}

/// The sparse vectors of a column; those of null rows are empty.
#[derive(Debug, Clone, Copy)]
pub struct SparseSlice<'a> {
    offsets: &'a [i32],
    dims: &'a [u32],
    weights: &'a [f16],
}

impl<'a> SparseSlice<'a> {
    /// Those of `array`, where it is a column of sparse vectors.
    pub(super) fn of(array: &'a ArrayRef) -> Option<Self> {
        let list = array.as_list_opt::<i32>()?;
        let items = list.values().as_struct_opt()?;
        let column = |at: usize| items.columns().get(at);
        Some(Self {
            offsets: list.value_offsets(),
            dims: column(0)?.as_primitive_opt::<UInt32Type>()?.values(),
            weights: column(1)?.as_primitive_opt::<Float16Type>()?.values(),
        })
    }

    /// The dimensions, rising, and their weights in `row`.
    #[inline]
    pub fn row(&self, row: usize) -> (&'a [u32], &'a [f16]) {
        let at = |row: usize| {
            let offset = self.offsets.get(row).copied().unwrap_or(0);
            usize::try_from(offset).unwrap_or(0)
        };
        let range = at(row)..at(row + 1);
        let (dims, weights) = (self.dims.get(range.clone()), self.weights.get(range));
        (dims.unwrap_or_default(), weights.unwrap_or_default())
    }
}

/// The non-null vector in `row`.
pub(super) fn value(array: &ArrayRef, row: usize) -> Value {
    let Some(slice) = SparseSlice::of(array) else {
        return Value::Null;
    };
    let (dims, weights) = slice.row(row);
    let weights: Vec<(u32, f16)> = dims.iter().copied().zip(weights.iter().copied()).collect();
    Value::Sparse(SparseVector(weights.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::Array;

    #[test]
    fn should_refuse_what_is_no_vector() {
        let (one, two) = (f16::ONE, f16::from_f32(2.0));
        assert!(SparseVector::new([(1, one), (7, two)]).is_some());
        assert!(SparseVector::new([]).is_some());
        assert!(SparseVector::new([(7, one), (1, two)]).is_none());
        assert!(SparseVector::new([(1, one), (1, two)]).is_none());
        assert!(SparseVector::new([(1, f16::INFINITY)]).is_none());
        let many: Vec<(u32, f16)> = (0..1025).map(|dim| (dim, one)).collect();
        assert!(SparseVector::new(many).is_none());
    }

    #[test]
    fn should_come_back_from_a_column() {
        let vector = |weights: &[(u32, f16)]| Value::Sparse(SparseVector::new(weights).unwrap());
        let values = [
            vector(&[(3, f16::ONE), (u32::MAX, f16::NEG_ONE)]),
            Value::Null,
            vector(&[]),
        ];
        let array = from_values(&values).unwrap();
        assert_eq!(*array.data_type(), data_type());
        let array = array.slice(1, 2);
        assert!(array.is_null(0));
        assert_eq!(value(&array, 1), values[2]);
        let slice = SparseSlice::of(&array).unwrap();
        assert_eq!(slice.row(9), (&[][..], &[][..]));
    }
}
