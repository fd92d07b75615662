//! Arrays out of [`Value`]s.

use super::{AttributeType, ScalarType, Value, VectorElement, VectorValue};
use arrow_array::{
    Array, ArrayRef, ArrowPrimitiveType, BooleanArray, FixedSizeListArray, Float16Array,
    Float32Array, Float64Array, Int64Array, ListArray, StringArray, TimestampMillisecondArray,
    UInt64Array,
    builder::FixedSizeBinaryBuilder,
    cast::AsArray,
    types::{Float16Type, Float32Type},
};
use arrow_buffer::{NullBuffer, OffsetBuffer};
use arrow_schema::{ArrowError, DataType, Field};
use half::f16;
use std::sync::Arc;

/// The array of `values` as a column of type `ty`; `None` where a value is of another type.
pub(super) fn from_values(ty: AttributeType, values: &[Value]) -> Option<ArrayRef> {
    match ty {
        AttributeType::Scalar(ty) => scalars(ty, &values.iter().collect::<Vec<_>>()),
        AttributeType::Array(ty) => arrays(ty, values),
        AttributeType::Vector { dim, element } => vectors(dim as usize, element, values),
        AttributeType::Sparse => super::sparse::from_values(values),
    }
}

/// Collects what `get` reads, null for null; `None` where it reads nothing.
fn collect<T, A: FromIterator<Option<T>>>(
    values: &[&Value],
    get: impl Fn(&Value) -> Option<T>,
) -> Option<A> {
    let read = |value: &&Value| match value {
        Value::Null => Some(None),
        value => get(value).map(Some),
    };
    values.iter().map(read).collect()
}

macro_rules! getter {
    ($variant:ident) => {
        |value| {
            if let Value::$variant(v) = value {
                Some(v.clone())
            } else {
                None
            }
        }
    };
}

fn scalars(ty: ScalarType, values: &[&Value]) -> Option<ArrayRef> {
    Some(match ty {
        ScalarType::String => {
            Arc::new(collect::<_, StringArray>(values, getter!(String))?) as ArrayRef
        }
        ScalarType::Int => Arc::new(collect::<_, Int64Array>(values, getter!(Int))?),
        ScalarType::Uint => Arc::new(collect::<_, UInt64Array>(values, getter!(Uint))?),
        ScalarType::Float => Arc::new(collect::<_, Float64Array>(values, getter!(Float))?),
        ScalarType::Bool => Arc::new(collect::<_, BooleanArray>(values, getter!(Bool))?),
        ScalarType::Datetime => {
            let array: TimestampMillisecondArray = collect(values, getter!(Datetime))?;
            Arc::new(array.with_timezone("UTC"))
        }
        ScalarType::Uuid => {
            let mut array = FixedSizeBinaryBuilder::with_capacity(values.len(), 16);
            for value in values {
                match value {
                    Value::Null => array.append_null(),
                    Value::Uuid(uuid) => array.append_value(uuid.as_bytes()).ok()?,
                    _ => return None,
                }
            }
            Arc::new(array.finish())
        }
    })
}

fn arrays(ty: ScalarType, values: &[Value]) -> Option<ArrayRef> {
    let (mut items, mut lengths) = (vec![], vec![]);
    for value in values {
        match value {
            Value::Null => lengths.push(0),
            Value::Array(array) => {
                lengths.push(array.len());
                items.extend(array.iter());
            }
            _ => return None,
        }
    }
    let items = scalars(ty, &items)?;
    let field = Arc::new(Field::new("item", items.data_type().clone(), true));
    let nulls: NullBuffer = values.iter().map(|value| !value.is_null()).collect();
    let offsets = OffsetBuffer::from_lengths(lengths);
    ListArray::try_new(field, offsets, items, Some(nulls))
        .ok()
        .map(|a| Arc::new(a) as ArrayRef)
}

fn vectors(dim: usize, element: VectorElement, values: &[Value]) -> Option<ArrayRef> {
    let (mut full, mut half): (Vec<f32>, Vec<f16>) = (vec![], vec![]);
    for value in values {
        match (value, element) {
            (Value::Null, VectorElement::F32) => full.resize(full.len() + dim, 0.0),
            (Value::Null, VectorElement::F16) => half.resize(half.len() + dim, f16::ZERO),
            (Value::Vector(VectorValue::F32(v)), VectorElement::F32) if v.len() == dim => {
                full.extend_from_slice(v);
            }
            (Value::Vector(VectorValue::F16(v)), VectorElement::F16) if v.len() == dim => {
                half.extend_from_slice(v);
            }
            _ => return None,
        }
    }
    let nulls: NullBuffer = values.iter().map(|value| !value.is_null()).collect();
    let (ty, items): (DataType, ArrayRef) = match element {
        VectorElement::F32 => (DataType::Float32, Arc::new(Float32Array::from(full))),
        VectorElement::F16 => (DataType::Float16, Arc::new(Float16Array::from(half))),
    };
    let field = Arc::new(Field::new("item", ty, false));
    let array = FixedSizeListArray::try_new(field, i32::try_from(dim).ok()?, items, Some(nulls));
    array.ok().map(|a| Arc::new(a) as ArrayRef)
}

/// The vectors that `picks` names as (array, row), in that order, each copied as a whole.
pub(super) fn pick_vectors(
    dim: u32,
    element: VectorElement,
    arrays: &[ArrayRef],
    picks: &[(usize, usize)],
) -> Result<ArrayRef, ArrowError> {
    let nulls: NullBuffer = picks
        .iter()
        .map(|(array, row)| arrays[*array].is_valid(*row))
        .collect();
    let nulls = (nulls.null_count() > 0).then_some(nulls);
    let items: ArrayRef = match element {
        VectorElement::F32 => Arc::new(Float32Array::from(picked::<Float32Type>(
            dim, arrays, picks,
        ))),
        VectorElement::F16 => Arc::new(Float16Array::from(picked::<Float16Type>(
            dim, arrays, picks,
        ))),
    };
    let field = Arc::new(Field::new("item", element.to_arrow(), false));
    let dim = i32::try_from(dim).unwrap_or(i32::MAX);
    Ok(Arc::new(FixedSizeListArray::try_new(
        field, dim, items, nulls,
    )?))
}

fn picked<T: ArrowPrimitiveType>(
    dim: u32,
    arrays: &[ArrayRef],
    picks: &[(usize, usize)],
) -> Vec<T::Native> {
    let dim = dim as usize;
    let slices: Vec<(usize, &[T::Native])> = arrays
        .iter()
        .map(|array| {
            let list = array.as_fixed_size_list();
            (
                list.offset(),
                &list.values().as_primitive::<T>().values()[..],
            )
        })
        .collect();
    let mut items = Vec::with_capacity(picks.len() * dim);
    for (array, row) in picks {
        let (offset, values) = slices[*array];
        let from = (offset + row) * dim;
        items.extend_from_slice(&values[from..from + dim]);
    }
    items
}
