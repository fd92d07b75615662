//! An attribute's column from a column of an Arrow stream, as it lies there where its type fits.

use super::super::{Budget, Fault, limits::check_texts};
use arrow_array::{
    Array, ArrayRef, BooleanArray, FixedSizeListArray, ListArray,
    cast::AsArray,
    types::{Float16Type, Float32Type, Float64Type, TimestampMillisecondType},
};
use arrow_cast::{CastOptions, cast_with_options};
use arrow_schema::{DataType, Field, TimeUnit};
use isobath_storage::model::{
    AttributeName, AttributeType, Column, ScalarType, Value, VectorElement, parse_datetime,
};
use std::sync::Arc;
use uuid::Uuid;

/// The column of attribute `name`, of the `known` type or of that which the array's suggests; `None` where
/// it holds nothing.
pub(super) fn read(
    name: &AttributeName,
    array: &ArrayRef,
    known: Option<AttributeType>,
    is_vector: bool,
    filterable: bool,
    budget: &Budget,
) -> Result<Option<Column>, Fault> {
    if *array.data_type() == DataType::Null {
        return Ok(None);
    }
    let ty = match known {
        Some(ty) => ty,
        None => suggested(array, is_vector)?,
    };
    if !fits(ty, array.data_type()) {
        let text = format!("expected {ty}, got a column of {}", array.data_type());
        return Err(Fault::invalid(text));
    }
    let array = match ty {
        AttributeType::Vector { dim, element } => vectors(array, dim, element, budget)?,
        AttributeType::Scalar(item) if is_text(array.data_type()) && item != ScalarType::String => {
            texts(name, item, array, budget)?
        }
        AttributeType::Scalar(ScalarType::Datetime) => times(array, budget)?,
        AttributeType::Array(ScalarType::Datetime) => lists_of_times(array, budget)?,
        _ => converted(array, &ty.to_arrow(), budget)?,
    };
    let array = match ty {
        AttributeType::Scalar(ScalarType::Float) => without_nan(array)?,
        AttributeType::Array(ScalarType::Float) => only_finite(array)?,
        _ => array,
    };
    check_texts(&array, filterable)?;
    Ok(Some(Column {
        name: name.clone(),
        ty,
        array,
    }))
}

/// The type of a list's items.
fn item(ty: &DataType) -> Option<&DataType> {
    match ty {
        DataType::List(field) | DataType::LargeList(field) | DataType::FixedSizeList(field, _) => {
            Some(field.data_type())
        }
        _ => None,
    }
}

/// The attribute type that an array suggests.
fn suggested(array: &ArrayRef, is_vector: bool) -> Result<AttributeType, Fault> {
    let ty = array.data_type();
    let Some(item) = item(ty) else {
        return scalar(ty).map(AttributeType::Scalar);
    };
    let fixed = matches!(ty, DataType::FixedSizeList(..));
    let small = matches!(item, DataType::Float16 | DataType::Float32);
    if !(is_vector || small || (fixed && *item == DataType::Float64)) {
        return scalar(item).map(AttributeType::Array);
    }
    let element = match item {
        DataType::Float16 => VectorElement::F16,
        _ => VectorElement::F32,
    };
    let dim = dimension(array)?;
    let max = AttributeType::MAX_DIM;
    match u32::try_from(dim)
        .ok()
        .filter(|dim| (1..=max).contains(dim))
    {
        Some(dim) => Ok(AttributeType::Vector { dim, element }),
        None => Err(Fault::invalid(format!(
            "{dim} dimensions; a vector has 1 to {max}"
        ))),
    }
}

/// The dimension of the first vector.
fn dimension(array: &ArrayRef) -> Result<usize, Fault> {
    let first = (0..array.len()).find(|row| array.is_valid(*row));
    let dim = match (array.data_type(), first) {
        (DataType::FixedSizeList(_, size), _) => usize::try_from(*size).ok(),
        (DataType::List(_), Some(row)) => Some(array.as_list::<i32>().value(row).len()),
        (DataType::LargeList(_), Some(row)) => Some(array.as_list::<i64>().value(row).len()),
        _ => None,
    };
    dim.ok_or_else(|| Fault::invalid("no row has a vector; the schema must say its type"))
}

fn scalar(ty: &DataType) -> Result<ScalarType, Fault> {
    Ok(match ty {
        DataType::Boolean => ScalarType::Bool,
        DataType::UInt64 => ScalarType::Uint,
        ty if ty.is_integer() => ScalarType::Int,
        ty if ty.is_floating() => ScalarType::Float,
        DataType::Utf8 | DataType::LargeUtf8 => ScalarType::String,
        DataType::Date32 | DataType::Date64 | DataType::Timestamp(..) => ScalarType::Datetime,
        DataType::FixedSizeBinary(16) => ScalarType::Uuid,
        other => return Err(Fault::invalid(format!("no attribute type holds {other}"))),
    })
}

/// Whether values of an Arrow type can be those of an attribute type.
fn fits(ty: AttributeType, arrow: &DataType) -> bool {
    match ty {
        AttributeType::Scalar(ty) => fits_scalar(ty, arrow),
        AttributeType::Array(ty) => item(arrow).is_some_and(|item| {
            // Texts in arrays are taken for nothing but texts.
            fits_scalar(ty, item) && (ty == ScalarType::String || !is_text(item))
        }),
        // They come as JSON only.
        AttributeType::Sparse => false,
        AttributeType::Vector { .. } => {
            item(arrow).is_some_and(|item| item.is_floating() || item.is_integer())
        }
    }
}

fn is_text(arrow: &DataType) -> bool {
    matches!(arrow, DataType::Utf8 | DataType::LargeUtf8)
}

fn fits_scalar(ty: ScalarType, arrow: &DataType) -> bool {
    let is_time = matches!(
        arrow,
        DataType::Date32 | DataType::Date64 | DataType::Timestamp(..)
    );
    match ty {
        ScalarType::String => is_text(arrow),
        ScalarType::Int | ScalarType::Uint => arrow.is_integer(),
        ScalarType::Float => arrow.is_integer() || arrow.is_floating(),
        ScalarType::Bool => *arrow == DataType::Boolean,
        ScalarType::Datetime => is_time || is_text(arrow),
        ScalarType::Uuid => *arrow == DataType::FixedSizeBinary(16) || is_text(arrow),
    }
}

/// The same values as an array of another type; fails where one does not fit.
fn converted(array: &ArrayRef, to: &DataType, budget: &Budget) -> Result<ArrayRef, Fault> {
    if array.data_type() == to {
        return Ok(Arc::clone(array));
    }
    budget.take(array.get_array_memory_size().saturating_mul(2))?;
    let exact = CastOptions {
        safe: false,
        ..CastOptions::default()
    };
    let cast = cast_with_options(array, to, &exact);
    cast.map_err(|e| Fault::invalid(e.to_string()))
}

/// What texts say: UUIDs or times.
fn texts(
    name: &AttributeName,
    item: ScalarType,
    array: &ArrayRef,
    budget: &Budget,
) -> Result<ArrayRef, Fault> {
    let array = converted(array, &DataType::Utf8, budget)?;
    budget.take(array.len().saturating_mul(size_of::<Value>()))?;
    let array = array.as_string::<i32>();
    let value = |row| {
        if array.is_null(row) {
            return Ok(Value::Null);
        }
        let text = array.value(row);
        let value = match item {
            ScalarType::Datetime => parse_datetime(text).map(Value::Datetime),
            _ => text.parse::<Uuid>().ok().map(Value::Uuid),
        };
        value.ok_or_else(|| Fault::invalid(format!("not a {}", item.as_str())).at(row))
    };
    let values = (0..array.len())
        .map(value)
        .collect::<Result<Vec<_>, Fault>>()?;
    let column = Column::from_values(name.clone(), AttributeType::Scalar(item), &values);
    let column = column.ok_or_else(|| Fault::invalid(format!("not {}", item.as_str())));
    Ok(column?.array)
}

/// Times in milliseconds; those without a zone are UTC.
fn times(array: &ArrayRef, budget: &Budget) -> Result<ArrayRef, Fault> {
    let zone = DataType::Timestamp(TimeUnit::Millisecond, Some("+00:00".into()));
    let array = converted(array, &zone, budget)?;
    let times = array.as_primitive::<TimestampMillisecondType>().clone();
    Ok(Arc::new(times.with_timezone("UTC")))
}

fn lists_of_times(array: &ArrayRef, budget: &Budget) -> Result<ArrayRef, Fault> {
    let item = item(array.data_type()).cloned().unwrap_or(DataType::Null);
    let item = Field::new("item", item, true);
    let array = converted(array, &DataType::List(Arc::new(item)), budget)?;
    let (_, offsets, items, nulls) = array.as_list::<i32>().clone().into_parts();
    let items = times(&items, budget)?;
    let field = Arc::new(Field::new("item", items.data_type().clone(), true));
    let lists = ListArray::try_new(field, offsets, items, nulls);
    lists
        .map(|lists| Arc::new(lists) as ArrayRef)
        .map_err(|e| Fault::invalid(e.to_string()))
}

/// NaN is how data frames write that a value is missing.
fn without_nan(array: ArrayRef) -> Result<ArrayRef, Fault> {
    let floats = array.as_primitive::<Float64Type>();
    let valid = |row: &usize| floats.is_valid(*row);
    if let Some(row) = (0..floats.len())
        .filter(valid)
        .find(|row| floats.value(*row).is_infinite())
    {
        return Err(Fault::invalid("an infinite number cannot be stored").at(row));
    }
    if !floats.values().iter().any(|value| value.is_nan()) {
        return Ok(array);
    }
    let nan: BooleanArray = floats
        .values()
        .iter()
        .map(|value| Some(value.is_nan()))
        .collect();
    let cleared = arrow_select::nullif::nullif(&array, &nan);
    cleared.map_err(|e| Fault::invalid(e.to_string()))
}

fn only_finite(array: ArrayRef) -> Result<ArrayRef, Fault> {
    let items = array.as_list::<i32>().values();
    let floats = items.as_primitive::<Float64Type>();
    if floats.values().iter().all(|value| value.is_finite()) {
        return Ok(array);
    }
    Err(Fault::invalid("an array holds a number that is not finite"))
}

/// Vectors of `dim` dimensions; the values are taken as they lie where they are of the right type.
fn vectors(
    array: &ArrayRef,
    dim: u32,
    element: VectorElement,
    budget: &Budget,
) -> Result<ArrayRef, Fault> {
    let size = i32::try_from(dim).unwrap_or(i32::MAX);
    let DataType::FixedSizeList(field, _) = (AttributeType::Vector { dim, element }).to_arrow()
    else {
        return Err(Fault::invalid("vectors are lists of fixed size"));
    };
    check_lengths(array, dim as usize)?;
    let fixed = if matches!(array.data_type(), DataType::FixedSizeList(..)) {
        Arc::clone(array)
    } else {
        let bytes = array.len().saturating_mul(dim as usize).saturating_mul(8);
        budget.take(bytes)?;
        let item = item(array.data_type()).cloned().unwrap_or(DataType::Null);
        let item = Field::new("item", item, true);
        converted(
            array,
            &DataType::FixedSizeList(Arc::new(item), size),
            budget,
        )?
    };
    let list = fixed.as_fixed_size_list();
    let from = list.offset().saturating_mul(dim as usize);
    let items = list
        .values()
        .slice(from, list.len().saturating_mul(dim as usize));
    if items.null_count() > 0
        && (0..list.len()).any(|row| list.is_valid(row) && list.value(row).null_count() > 0)
    {
        return Err(Fault::invalid("a vector has a null"));
    }
    let items = converted(&items, field.data_type(), budget)?;
    let items = arrow_array::make_array(
        items
            .to_data()
            .into_builder()
            .nulls(None)
            .build()
            .map_err(|e| Fault::invalid(e.to_string()))?,
    );
    check_finite(&items, list, dim as usize)?;
    let made = FixedSizeListArray::try_new(field, size, items, list.nulls().cloned());
    made.map(|array| Arc::new(array) as ArrayRef)
        .map_err(|e| Fault::invalid(e.to_string()))
}

/// Every vector has the same number of dimensions.
fn check_lengths(array: &ArrayRef, dim: usize) -> Result<(), Fault> {
    let length = |row| match array.data_type() {
        DataType::List(_) => array.as_list::<i32>().value(row).len(),
        DataType::LargeList(_) => array.as_list::<i64>().value(row).len(),
        DataType::FixedSizeList(_, size) => usize::try_from(*size).unwrap_or(0),
        _ => 0,
    };
    let wrong = (0..array.len()).find(|row| array.is_valid(*row) && length(*row) != dim);
    match wrong {
        Some(row) => {
            let text = format!("expected {dim} dimensions, found {}", length(row));
            Err(Fault::invalid(text).at(row))
        }
        None => Ok(()),
    }
}

fn check_finite(items: &ArrayRef, list: &FixedSizeListArray, dim: usize) -> Result<(), Fault> {
    let wrong = if *items.data_type() == DataType::Float16 {
        let items = items.as_primitive::<Float16Type>().values();
        wrong_row(list, |row| {
            items[row * dim..][..dim].iter().all(|v| v.is_finite())
        })
    } else {
        let items = items.as_primitive::<Float32Type>().values();
        wrong_row(list, |row| {
            items[row * dim..][..dim].iter().all(|v| v.is_finite())
        })
    };
    match wrong {
        Some(row) => Err(Fault::invalid("a vector holds a number that is not finite").at(row)),
        None => Ok(()),
    }
}

fn wrong_row(list: &FixedSizeListArray, is_right: impl Fn(usize) -> bool) -> Option<usize> {
    (0..list.len()).find(|row| list.is_valid(*row) && !is_right(*row))
}
