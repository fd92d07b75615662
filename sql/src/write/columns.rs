//! Rows of a query as columns of a table.

use crate::{Parameter, SqlError, functions::vector, wire};
use arrow_array::{
    Array, ArrayRef, Float64Array, StringArray,
    builder::{FixedSizeBinaryBuilder, ListBuilder, StringBuilder},
    cast::AsArray,
    types::{Float64Type, UInt64Type},
};
use arrow_cast::{CastOptions, cast_with_options};
use arrow_schema::{DataType, TimeUnit};
use half::f16;
use isobath_storage::model::{
    AttributeName, AttributeType, Column, Id, IdColumn, IdKind, ScalarType, Value, VectorElement,
    VectorValue,
};
use std::{collections::HashSet, sync::Arc};
use uuid::Uuid;

/// Values beyond what their type holds are refused, not turned to null.
const STRICT: CastOptions<'static> = CastOptions {
    safe: false,
    format_options: arrow_cast::display::FormatOptions::new(),
};

/// The ids in a column of a query, each once.
pub(crate) fn ids(kind: IdKind, array: &ArrayRef) -> Result<IdColumn, SqlError> {
    if array.null_count() > 0 || array.data_type().is_null() {
        let said = "null value in column \"id\" violates not-null constraint";
        return Err(SqlError::invalid(said).with_code("23502"));
    }
    let ids: Vec<Id> = match kind {
        IdKind::Uint => {
            let array = cast_number(array, &DataType::UInt64)?;
            let ids = array.as_primitive::<UInt64Type>().values().iter();
            ids.map(|id| Id::U64(*id)).collect()
        }
        IdKind::String => {
            let array = cast(array, &DataType::Utf8)?;
            let ids = array.as_string::<i32>().iter().flatten();
            ids.map(text_id).collect::<Result<_, _>>()?
        }
        IdKind::Uuid => {
            let array = cast(array, &DataType::Utf8)?;
            let ids = array.as_string::<i32>().iter().flatten();
            ids.map(|text| Ok(Id::Uuid(uuid(text)?)))
                .collect::<Result<_, SqlError>>()?
        }
    };
    let mut seen = HashSet::with_capacity(ids.len());
    if let Some(twice) = ids.iter().find(|id| !seen.insert(*id)) {
        let said = format!("id {twice} occurs twice in one statement");
        return Err(SqlError::invalid(said).with_code("23505"));
    }
    let column = IdColumn::from_ids(kind, &ids);
    column.ok_or_else(|| SqlError::invalid("ids of several kinds"))
}

fn text_id(text: &str) -> Result<Id, SqlError> {
    let most = Id::MAX_BYTES;
    if text.len() > most {
        let said = format!("an id has at most {most} bytes, this one {}", text.len());
        return Err(SqlError::invalid(said).with_code("22001"));
    }
    Ok(Id::Str(text.into()))
}

fn uuid(text: &str) -> Result<Uuid, SqlError> {
    let fault = |_| SqlError::invalid(format!("invalid input syntax for type uuid: {text:?}"));
    Uuid::parse_str(text).map_err(|e| fault(e).with_code("22P02"))
}

/// The values of an attribute.
pub(crate) fn column(
    name: &AttributeName,
    ty: AttributeType,
    array: &ArrayRef,
) -> Result<Column, SqlError> {
    let array = values(ty, array).map_err(|error| SqlError {
        message: format!("column {:?}: {}", name.as_str(), error.message),
        ..error
    })?;
    let name = name.clone();
    Ok(Column { name, ty, array })
}

fn values(ty: AttributeType, array: &ArrayRef) -> Result<ArrayRef, SqlError> {
    let target = ty.to_arrow();
    if array.data_type().is_null() {
        return Ok(arrow_array::new_null_array(&target, array.len()));
    }
    match ty {
        AttributeType::Scalar(scalar) => scalars(scalar, array),
        AttributeType::Array(ScalarType::Uuid) => {
            Err(SqlError::unsupported("writing arrays of uuid"))
        }
        AttributeType::Array(_) if *array.data_type() == DataType::Utf8 => {
            let array = cast(&lists_of(array.as_string::<i32>())?, &target)?;
            check_floats(array.as_list::<i32>().values())?;
            Ok(array)
        }
        AttributeType::Array(_) => {
            if !matches!(
                array.data_type(),
                DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(..)
            ) {
                let said = format!("is of type {ty} but the value is {}", array.data_type());
                return Err(SqlError::invalid(said).with_code("42804"));
            }
            let array = cast(array, &target)?;
            check_floats(array.as_list::<i32>().values())?;
            Ok(array)
        }
        AttributeType::Vector { dim, element } => vectors(dim, element, array),
        AttributeType::Sparse => Err(SqlError::unsupported("writing sparse vectors")),
    }
}

/// Arrays that come as PostgreSQL's text, `{a,b}`.
fn lists_of(texts: &StringArray) -> Result<ArrayRef, SqlError> {
    let mut lists = ListBuilder::new(StringBuilder::new());
    for text in texts {
        let Some(text) = text else {
            lists.append_null();
            continue;
        };
        for item in wire::items_of(text)? {
            match item {
                Parameter::Text(item) => lists.values().append_value(item),
                _ => lists.values().append_null(),
            }
        }
        lists.append(true);
    }
    Ok(Arc::new(lists.finish()))
}

fn scalars(ty: ScalarType, array: &ArrayRef) -> Result<ArrayRef, SqlError> {
    let target = AttributeType::Scalar(ty).to_arrow();
    match ty {
        ScalarType::Int | ScalarType::Uint => cast_number(array, &target),
        ScalarType::Float => {
            let array = cast(array, &target)?;
            check_floats(&array)?;
            Ok(array)
        }
        ScalarType::Uuid => {
            let texts = cast(array, &DataType::Utf8)?;
            let mut uuids = FixedSizeBinaryBuilder::with_capacity(texts.len(), 16);
            for text in texts.as_string::<i32>() {
                match text {
                    None => uuids.append_null(),
                    Some(text) => {
                        let fault = |e: arrow_schema::ArrowError| SqlError::invalid(e.to_string());
                        uuids.append_value(uuid(text)?.as_bytes()).map_err(fault)?;
                    }
                }
            }
            Ok(Arc::new(uuids.finish()))
        }
        ScalarType::Datetime => {
            if array.data_type().is_numeric() {
                let said = "is of type datetime but the value is a number";
                return Err(SqlError::invalid(said).with_code("42804"));
            }
            // text without an offset is UTC
            cast(
                array,
                &DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into())),
            )
        }
        ScalarType::String | ScalarType::Bool => cast(array, &target),
    }
}

fn cast(array: &ArrayRef, target: &DataType) -> Result<ArrayRef, SqlError> {
    let cast = cast_with_options(array, target, &STRICT);
    cast.map_err(|error| SqlError::invalid(error.to_string()).with_code("22P02"))
}

/// Whole numbers: fractions are rounded as PostgreSQL rounds them.
fn cast_number(array: &ArrayRef, target: &DataType) -> Result<ArrayRef, SqlError> {
    if array.data_type().is_floating() {
        let floats = cast(array, &DataType::Float64)?;
        let rounded = floats.as_primitive::<Float64Type>().iter();
        let rounded = rounded.map(|value| value.map(f64::round_ties_even));
        let rounded: ArrayRef = Arc::new(rounded.collect::<Float64Array>());
        return cast(&rounded, target);
    }
    cast(array, target)
}

fn check_floats(array: &ArrayRef) -> Result<(), SqlError> {
    let Some(floats) = array.as_primitive_opt::<Float64Type>() else {
        return Ok(());
    };
    match floats.iter().flatten().find(|value| !value.is_finite()) {
        None => Ok(()),
        Some(value) => {
            Err(SqlError::invalid(format!("{value} is no finite number")).with_code("22003"))
        }
    }
}

fn vectors(dim: u32, element: VectorElement, array: &ArrayRef) -> Result<ArrayRef, SqlError> {
    let mut values = Vec::with_capacity(array.len());
    for row in 0..array.len() {
        let vector = vector::row_of(array, row)?;
        values.push(match vector {
            None => Value::Null,
            Some(vector) if vector.len() != dim as usize => {
                let said = format!("expected {dim} dimensions, not {}", vector.len());
                return Err(SqlError::invalid(said).with_code("22000"));
            }
            Some(vector) => Value::Vector(of_element(vector, element)?),
        });
    }
    let ty = AttributeType::Vector { dim, element };
    let column = Column::from_values(AttributeName::id(), ty, &values);
    let column = column.ok_or_else(|| SqlError::invalid("the vectors make no column"))?;
    Ok(column.array)
}

fn of_element(vector: Vec<f32>, element: VectorElement) -> Result<VectorValue, SqlError> {
    if element == VectorElement::F32 {
        return Ok(VectorValue::F32(vector.into()));
    }
    let halves: Vec<f16> = vector.into_iter().map(f16::from_f32).collect();
    if halves.iter().any(|value| !value.is_finite()) {
        let said = "a dimension is beyond what 16 bits hold";
        return Err(SqlError::invalid(said).with_code("22003"));
    }
    Ok(VectorValue::F16(halves.into()))
}
