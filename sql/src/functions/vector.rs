//! Vectors as SQL writes them: text, lists and fixed-size lists.

use arrow_array::{
    Array, ArrayRef, Float32Array,
    cast::AsArray,
    types::{Float16Type, Float32Type},
};
use arrow_schema::{DataType, Field};
use datafusion::{
    common::{Result, ScalarValue, plan_err},
    error::DataFusionError,
};
use isobath_storage::model::AttributeType;
use std::sync::Arc;

/// The most dimensions that a literal may have.
pub(crate) const MAX_DIM: usize = AttributeType::MAX_DIM as usize;

/// The type of vectors of `dim` dimensions that are no column: their items may be null to the type system.
pub(crate) fn vector_type(dim: usize) -> DataType {
    let dim = i32::try_from(dim).unwrap_or(i32::MAX);
    DataType::FixedSizeList(Arc::new(Field::new("item", DataType::Float32, false)), dim)
}

/// The type of vectors whose dimension is not known.
pub(crate) fn any_vector_type() -> DataType {
    DataType::List(Arc::new(Field::new_list_field(DataType::Float32, true)))
}

/// The number of dimensions of a type of vectors, where the type tells.
pub(crate) fn dim_of(ty: &DataType) -> Option<usize> {
    match ty {
        DataType::FixedSizeList(item, dim)
            if matches!(item.data_type(), DataType::Float32 | DataType::Float16) =>
        {
            usize::try_from(*dim).ok()
        }
        _ => None,
    }
}

/// Whether values of a type may be vectors: lists of numbers.
pub(crate) fn is_vector_like(ty: &DataType) -> bool {
    match ty {
        DataType::FixedSizeList(item, _) | DataType::List(item) | DataType::LargeList(item) => {
            item.data_type().is_numeric() || item.data_type().is_null()
        }
        _ => false,
    }
}

/// The vector that a text like `[1,2.5,-3e2]` is.
pub(crate) fn parse_vector(text: &str) -> Result<Vec<f32>> {
    let shown: String = text.chars().take(60).collect();
    let inner = text
        .trim()
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let Some(inner) = inner else {
        return plan_err!("invalid input syntax for type vector: \"{shown}\"");
    };
    let mut values = vec![];
    for item in inner.split(',') {
        let Ok(value) = item.trim().parse::<f32>() else {
            return plan_err!("invalid input syntax for type vector: \"{shown}\"");
        };
        if values.len() == MAX_DIM {
            return plan_err!("a vector has at most {MAX_DIM} dimensions");
        }
        values.push(value);
    }
    check_finite(&values)?;
    Ok(values)
}

/// Refuses what is no number.
pub(crate) fn check_finite(values: &[f32]) -> Result<()> {
    match values.iter().find(|value| !value.is_finite()) {
        None => Ok(()),
        Some(value) if value.is_nan() => plan_err!("NaN not allowed in vector"),
        Some(_) => plan_err!("infinite value not allowed in vector"),
    }
}

/// The vector that a value is; `None` for null.
pub(crate) fn vector_of(value: &ScalarValue) -> Result<Option<Vec<f32>>> {
    if value.is_null() {
        return Ok(None);
    }
    match value {
        ScalarValue::Utf8(Some(text))
        | ScalarValue::Utf8View(Some(text))
        | ScalarValue::LargeUtf8(Some(text)) => parse_vector(text).map(Some),
        ScalarValue::FixedSizeList(list) => row_of(list.as_ref(), 0),
        ScalarValue::List(list) => row_of(list.as_ref(), 0),
        ScalarValue::LargeList(list) => row_of(list.as_ref(), 0),
        other => plan_err!("expected a vector, not {}", other.data_type()),
    }
}

/// The vector in `row` of an array of vectors or texts; `None` where it is null.
pub(crate) fn row_of(array: &dyn Array, row: usize) -> Result<Option<Vec<f32>>> {
    if array.is_null(row) {
        return Ok(None);
    }
    let items = match array.data_type() {
        DataType::FixedSizeList(..) => array.as_fixed_size_list().value(row),
        DataType::List(_) => array.as_list::<i32>().value(row),
        DataType::LargeList(_) => array.as_list::<i64>().value(row),
        DataType::Utf8 => return parse_vector(array.as_string::<i32>().value(row)).map(Some),
        DataType::LargeUtf8 => return parse_vector(array.as_string::<i64>().value(row)).map(Some),
        DataType::Utf8View => return parse_vector(array.as_string_view().value(row)).map(Some),
        other => return plan_err!("expected a vector, not {other}"),
    };
    floats(&items).map(Some)
}

/// Numbers as 32-bit floats.
fn floats(items: &ArrayRef) -> Result<Vec<f32>> {
    if items.null_count() > 0 {
        return plan_err!("a vector must not contain nulls");
    }
    let values = match items.data_type() {
        DataType::Float32 => items.as_primitive::<Float32Type>().values().to_vec(),
        DataType::Float16 => {
            let halves = items.as_primitive::<Float16Type>().values();
            halves.iter().map(|value| value.to_f32()).collect()
        }
        _ => {
            let cast = arrow_cast::cast(items, &DataType::Float32)?;
            if cast.null_count() > items.null_count() {
                return plan_err!("a vector must hold numbers");
            }
            cast.as_primitive::<Float32Type>().values().to_vec()
        }
    };
    check_finite(&values)?;
    Ok(values)
}

/// A vector as a value of its fixed-size type.
pub(crate) fn scalar(values: Vec<f32>) -> Result<ScalarValue> {
    let dim = i32::try_from(values.len()).map_err(|e| DataFusionError::External(Box::new(e)))?;
    let field = Arc::new(Field::new("item", DataType::Float32, false));
    let items = Arc::new(Float32Array::from(values));
    let list = arrow_array::FixedSizeListArray::try_new(field, dim, items, None)?;
    Ok(ScalarValue::FixedSizeList(Arc::new(list)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn should_read_vectors_and_nothing_else() {
        assert_eq!(parse_vector(" [1, 2.5,-3e2] ").unwrap(), [1.0, 2.5, -300.0]);
        for (text, fault) in [
            ("hello", "invalid input syntax for type vector: \"hello\""),
            ("[]", "invalid input syntax"),
            ("[1,,2]", "invalid input syntax"),
            ("[1,NaN]", "NaN not allowed in vector"),
            ("[1e99]", "infinite value not allowed in vector"),
        ] {
            let error = parse_vector(text).unwrap_err().to_string();
            assert!(error.contains(fault), "{text}: {error}");
        }
    }
}
