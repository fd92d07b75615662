//! One array out of the buffers of a record batch.

use super::{FieldType, body::Body};
use crate::format::FormatError;
use crate::model::{AttributeType, ScalarType, VectorElement};
use arrow_array::{
    Array, ArrayRef, ArrowPrimitiveType, BinaryArray, BooleanArray, FixedSizeBinaryArray,
    FixedSizeListArray, ListArray, PrimitiveArray, StringArray, StructArray, types,
};
use arrow_buffer::{
    ArrowNativeType, BooleanBuffer, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer,
};
use arrow_schema::{DataType, Field};
use std::sync::Arc;

/// The next array: `rows` values of type `ty`.
pub(super) fn read(body: &mut Body, ty: FieldType, rows: usize) -> Result<ArrayRef, FormatError> {
    match ty {
        FieldType::Attribute(ty) => attribute(body, ty, rows),
        FieldType::U16 => {
            let nulls = body.start(rows)?;
            primitives::<types::UInt16Type>(body, rows, nulls).map(arc)
        }
        FieldType::U32 => {
            let nulls = body.start(rows)?;
            primitives::<types::UInt32Type>(body, rows, nulls).map(arc)
        }
        FieldType::Binary => {
            let nulls = body.start(rows)?;
            let offsets = offsets(body, rows)?;
            let bytes = body.buffer(last(&offsets))?;
            let array = BinaryArray::try_new(offsets, bytes, nulls);
            array.map(arc).map_err(FormatError::arrow(body.what))
        }
    }
}

fn attribute(body: &mut Body, ty: AttributeType, rows: usize) -> Result<ArrayRef, FormatError> {
    match ty {
        AttributeType::Scalar(ty) => scalars(body, ty, rows),
        AttributeType::Array(item) => {
            let nulls = body.start(rows)?;
            let offsets = offsets(body, rows)?;
            let items = scalars(body, item, last(&offsets))?;
            let field = Arc::new(Field::new("item", items.data_type().clone(), true));
            let array = ListArray::try_new(field, offsets, items, nulls);
            array.map(arc).map_err(FormatError::arrow(body.what))
        }
        AttributeType::Vector { dim, element } => vectors(body, dim, element, rows),
        AttributeType::Sparse => sparse_vectors(body, rows),
    }
}

/// Lists of dimensions with weights.
fn sparse_vectors(body: &mut Body, rows: usize) -> Result<ArrayRef, FormatError> {
    let nulls = body.start(rows)?;
    let offsets = offsets(body, rows)?;
    let count = last(&offsets);
    let item_nulls = body.start(count)?;
    let dim_nulls = body.start(count)?;
    let dims = arc(primitives::<types::UInt32Type>(body, count, dim_nulls)?);
    let weight_nulls = body.start(count)?;
    let weights = arc(primitives::<types::Float16Type>(body, count, weight_nulls)?);
    let DataType::List(field) = AttributeType::Sparse.to_arrow() else {
        return Err(body.corrupt("sparse vectors are lists"));
    };
    let DataType::Struct(fields) = field.data_type() else {
        return Err(body.corrupt("sparse vectors are lists of weights"));
    };
    let items = StructArray::try_new(fields.clone(), vec![dims, weights], item_nulls);
    let items = items.map_err(FormatError::arrow(body.what))?;
    let array = ListArray::try_new(field, offsets, arc(items), nulls);
    array.map(arc).map_err(FormatError::arrow(body.what))
}

fn scalars(body: &mut Body, ty: ScalarType, rows: usize) -> Result<ArrayRef, FormatError> {
    let nulls = body.start(rows)?;
    Ok(match ty {
        ScalarType::String => return strings(body, rows, nulls),
        ScalarType::Int => arc(primitives::<types::Int64Type>(body, rows, nulls)?),
        ScalarType::Uint => arc(primitives::<types::UInt64Type>(body, rows, nulls)?),
        ScalarType::Float => arc(primitives::<types::Float64Type>(body, rows, nulls)?),
        ScalarType::Datetime => {
            let array = primitives::<types::TimestampMillisecondType>(body, rows, nulls)?;
            arc(array.with_timezone("UTC"))
        }
        ScalarType::Bool => {
            let bits = body.buffer(rows.div_ceil(8))?;
            arc(BooleanArray::new(BooleanBuffer::new(bits, 0, rows), nulls))
        }
        ScalarType::Uuid => {
            let values = body.buffer(width(body, rows, 16)?)?;
            let array = FixedSizeBinaryArray::try_new_with_len(16, values, nulls, rows);
            arc(array.map_err(FormatError::arrow(body.what))?)
        }
    })
}

fn strings(
    body: &mut Body,
    rows: usize,
    nulls: Option<NullBuffer>,
) -> Result<ArrayRef, FormatError> {
    let offsets = offsets(body, rows)?;
    let text = body.buffer(last(&offsets))?;
    let array = StringArray::try_new(offsets, text, nulls);
    array.map(arc).map_err(FormatError::arrow(body.what))
}

fn vectors(
    body: &mut Body,
    dim: u32,
    element: VectorElement,
    rows: usize,
) -> Result<ArrayRef, FormatError> {
    let nulls = body.start(rows)?;
    let values = width(body, rows, dim as usize)?;
    let item_nulls = body.start(values)?;
    let items = match element {
        VectorElement::F32 => arc(primitives::<types::Float32Type>(body, values, item_nulls)?),
        VectorElement::F16 => arc(primitives::<types::Float16Type>(body, values, item_nulls)?),
    };
    let data_type = AttributeType::Vector { dim, element }.to_arrow();
    let DataType::FixedSizeList(field, size) = data_type else {
        return Err(body.corrupt("vectors are lists of fixed size"));
    };
    let array = FixedSizeListArray::try_new(field, size, items, nulls);
    array.map(arc).map_err(FormatError::arrow(body.what))
}

fn primitives<T: ArrowPrimitiveType>(
    body: &mut Body,
    values: usize,
    nulls: Option<NullBuffer>,
) -> Result<PrimitiveArray<T>, FormatError> {
    let bytes = body.buffer(width(body, values, size_of::<T::Native>())?)?;
    PrimitiveArray::try_new(aligned(bytes), nulls).map_err(FormatError::arrow(body.what))
}

/// The `rows + 1` offsets of a column of lists or texts: not negative, rising from any start.
fn offsets(body: &mut Body, rows: usize) -> Result<OffsetBuffer<i32>, FormatError> {
    if rows == 0 {
        body.buffer(0)?;
        return Ok(OffsetBuffer::new_empty());
    }
    let bytes = body.buffer(width(body, rows + 1, 4)?)?;
    let offsets: ScalarBuffer<i32> = aligned(bytes);
    if offsets[0] < 0 || offsets.windows(2).any(|pair| pair[0] > pair[1]) {
        return Err(body.corrupt("offsets that do not rise"));
    }
    Ok(OffsetBuffer::new(offsets))
}

/// How many items the offsets cover.
fn last(offsets: &OffsetBuffer<i32>) -> usize {
    offsets
        .last()
        .and_then(|end| usize::try_from(*end).ok())
        .unwrap_or(0)
}

/// `count` items of `size` as one length.
fn width(body: &Body, count: usize, size: usize) -> Result<usize, FormatError> {
    count
        .checked_mul(size)
        .ok_or_else(|| body.corrupt("more values than memory can hold"))
}

/// The values of `bytes`; copied only where they are not aligned in memory.
fn aligned<T: ArrowNativeType>(bytes: Buffer) -> ScalarBuffer<T> {
    let bytes = if bytes.as_ptr().align_offset(align_of::<T>()) == 0 {
        bytes
    } else {
        Buffer::from_slice_ref(&*bytes)
    };
    ScalarBuffer::from(bytes)
}

fn arc(array: impl Array + 'static) -> ArrayRef {
    Arc::new(array)
}
