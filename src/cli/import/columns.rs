//! Arrow columns as the columns of a write request.

use super::batch::Column;
use anyhow::{Context as _, bail, ensure};
use arrow_array::{
    Array, ArrayRef, RecordBatch,
    cast::AsArray as _,
    types::{
        Float32Type, Float64Type, Int64Type, TimestampMillisecondType, UInt32Type, UInt64Type,
    },
};
use arrow_cast::cast;
use arrow_schema::{DataType, TimeUnit};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use isobath_storage::model::{AttributeType, ScalarType, VectorElement};
use serde_json::Value;
use std::{fmt::Write as _, sync::Arc};

/// Which columns of a file are what.
#[derive(Debug, Clone)]
pub(super) struct Naming {
    /// The column with the ids; becomes `id`.
    pub(super) id: String,
    /// Columns that are vectors whatever their type looks like.
    pub(super) vectors: Vec<String>,
    /// Columns to leave out.
    pub(super) exclude: Vec<String>,
}

impl Naming {
    /// The attribute that a column becomes; `None` where it is left out.
    pub(super) fn attribute<'a>(&'a self, column: &'a str) -> Option<&'a str> {
        let excluded = self.exclude.iter().any(|name| name == column);
        let name = if column == self.id { "id" } else { column };
        (!excluded).then_some(name)
    }

    /// Whether a column is a vector by its name.
    pub(super) fn is_vector(&self, column: &str) -> bool {
        column == "vector" || self.vectors.iter().any(|name| name == column)
    }
}

/// The columns of a batch, `id` among them.
pub(super) fn columns(batch: &RecordBatch, naming: &Naming) -> anyhow::Result<Vec<Column>> {
    let mut columns = Vec::with_capacity(batch.num_columns());
    for (field, array) in batch.schema().fields().iter().zip(batch.columns()) {
        let Some(name) = naming.attribute(field.name()) else {
            continue;
        };
        let column = column(name, array, naming.is_vector(field.name()))
            .with_context(|| format!("column `{}`", field.name()))?;
        columns.extend(column);
    }
    Ok(columns)
}

/// One column; nothing where all of its values are null by type.
fn column(name: &str, array: &ArrayRef, vector: bool) -> anyhow::Result<Option<Column>> {
    let (kind, json) = match array.data_type() {
        DataType::Null => return Ok(None),
        _ if name == "id" => ids(array)?,
        kind if vector || is_vector(kind) => vectors(array)?,
        DataType::Map(..) => sparse(array)?,
        kind if item(kind).is_some() => arrays(array)?,
        _ => {
            let (kind, values) = scalars(array)?;
            (Some(AttributeType::Scalar(kind)), list(&values))
        }
    };
    let name = name.to_owned();
    Ok(Some(Column { name, kind, json }))
}

/// The type of a list's items.
fn item(kind: &DataType) -> Option<&DataType> {
    match kind {
        DataType::List(field) | DataType::LargeList(field) | DataType::FixedSizeList(field, _) => {
            Some(field.data_type())
        }
        _ => None,
    }
}

/// Whether a column of this type can only be meant as vectors.
fn is_vector(kind: &DataType) -> bool {
    let item = item(kind);
    let fixed = matches!(kind, DataType::FixedSizeList(..));
    matches!(item, Some(DataType::Float16 | DataType::Float32))
        || (fixed && item == Some(&DataType::Float64))
}

/// Ids; a type needs saying only for UUIDs, which look like strings.
fn ids(array: &ArrayRef) -> anyhow::Result<(Option<AttributeType>, String)> {
    ensure!(array.null_count() == 0, "an id is null");
    let (kind, values) = scalars(array)?;
    let kind = match kind {
        ScalarType::Uuid => Some(AttributeType::Scalar(kind)),
        ScalarType::Int => {
            let negative = values.iter().find(|value| value.starts_with('-'));
            ensure!(
                negative.is_none(),
                "the id {} is negative",
                negative.map_or("", |v| v)
            );
            None
        }
        ScalarType::Uint | ScalarType::String => None,
        other => bail!("ids are integers, strings or UUIDs, not {}", other.as_str()),
    };
    Ok((kind, list(&values)))
}

/// Maps from dimensions to weights as objects.
fn sparse(array: &ArrayRef) -> anyhow::Result<(Option<AttributeType>, String)> {
    let maps = array.as_map();
    let mut rows = Vec::with_capacity(array.len());
    for row in 0..array.len() {
        if maps.is_null(row) {
            rows.push("null".to_owned());
            continue;
        }
        let entries = maps.value(row);
        let dims = cast(entries.column(0), &DataType::UInt32)?;
        let weights = cast(entries.column(1), &DataType::Float32)?;
        let (dims, weights) = (
            dims.as_primitive::<UInt32Type>(),
            weights.as_primitive::<Float32Type>(),
        );
        ensure!(
            dims.null_count() == 0 && weights.null_count() == 0,
            "the map of row {row} holds something else than dimensions with weights"
        );
        let pairs = dims.values().iter().zip(weights.values());
        let pairs: Vec<String> = pairs.map(|(d, w)| format!("\"{d}\":{w:?}")).collect();
        rows.push(format!("{{{}}}", pairs.join(",")));
    }
    Ok((Some(AttributeType::Sparse), list(&rows)))
}

/// Vectors as base64 of little-endian 32-bit floats.
fn vectors(array: &ArrayRef) -> anyhow::Result<(Option<AttributeType>, String)> {
    let Some(item) = item(array.data_type()) else {
        bail!("{} is no list of numbers", array.data_type());
    };
    let element = match item {
        DataType::Float16 => VectorElement::F16,
        _ => VectorElement::F32,
    };
    let mut dim = None;
    let mut json = String::from("[");
    for row in 0..array.len() {
        json.push_str(if row == 0 { "" } else { "," });
        let Some(values) = list_value(array, row)? else {
            json.push_str("null");
            continue;
        };
        let values = cast(&values, &DataType::Float32)?;
        let values = values.as_primitive::<Float32Type>();
        ensure!(
            values.null_count() == 0,
            "the vector of row {row} has a null"
        );
        let expected = *dim.get_or_insert(values.len());
        ensure!(
            values.len() == expected,
            "the vector of row {row} has {} dimensions, others {expected}",
            values.len()
        );
        push_base64(&mut json, values.values());
    }
    json.push(']');
    let dim = dim.and_then(|dim| u32::try_from(dim).ok());
    let kind = dim.map(|dim| AttributeType::Vector { dim, element });
    Ok((kind, json))
}

/// Appends a vector in quotes.
pub(super) fn push_base64(json: &mut String, values: &[f32]) {
    let bytes: Vec<u8> = values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect();
    json.push('"');
    BASE64_STANDARD.encode_string(bytes, json);
    json.push('"');
}

/// The items of one row of any kind of list.
fn list_value(array: &ArrayRef, row: usize) -> anyhow::Result<Option<ArrayRef>> {
    if array.is_null(row) {
        return Ok(None);
    }
    Ok(Some(match array.data_type() {
        DataType::List(_) => array.as_list::<i32>().value(row),
        DataType::LargeList(_) => array.as_list::<i64>().value(row),
        DataType::FixedSizeList(..) => array.as_fixed_size_list().value(row),
        other => bail!("{other} is no list"),
    }))
}

/// Arrays of scalars.
fn arrays(array: &ArrayRef) -> anyhow::Result<(Option<AttributeType>, String)> {
    let mut kind = None;
    let mut rows = Vec::with_capacity(array.len());
    for row in 0..array.len() {
        rows.push(match list_value(array, row)? {
            None => "null".to_owned(),
            Some(values) => {
                let (item, values) = scalars(&values)?;
                kind = Some(AttributeType::Array(item));
                list(&values)
            }
        });
    }
    Ok((kind, list(&rows)))
}

/// Scalars and their type, each as JSON.
fn scalars(array: &ArrayRef) -> anyhow::Result<(ScalarType, Vec<String>)> {
    let (kind, canonical) = match array.data_type() {
        DataType::Boolean => (ScalarType::Bool, DataType::Boolean),
        DataType::UInt64 => (ScalarType::Uint, DataType::UInt64),
        kind if kind.is_integer() => (ScalarType::Int, DataType::Int64),
        kind if kind.is_floating() || kind.is_decimal() => (ScalarType::Float, DataType::Float64),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
            (ScalarType::String, DataType::Utf8)
        }
        DataType::Dictionary(_, value) if **value == DataType::Utf8 => {
            (ScalarType::String, DataType::Utf8)
        }
        DataType::Date32 | DataType::Date64 | DataType::Timestamp(..) => {
            let kind = DataType::Timestamp(TimeUnit::Millisecond, Some(Arc::from("+00:00")));
            (ScalarType::Datetime, kind)
        }
        DataType::FixedSizeBinary(16) => (ScalarType::Uuid, DataType::FixedSizeBinary(16)),
        other => bail!("no attribute type holds {other}; leave the column out with --exclude"),
    };
    let array = cast(array, &canonical)?;
    let values = (0..array.len()).map(|row| {
        if array.is_null(row) {
            return Ok("null".to_owned());
        }
        scalar(&array, row).with_context(|| format!("row {row}"))
    });
    Ok((kind, values.collect::<anyhow::Result<_>>()?))
}

/// One value of a canonical type as JSON.
fn scalar(array: &ArrayRef, row: usize) -> anyhow::Result<String> {
    Ok(match array.data_type() {
        DataType::Boolean => array.as_boolean().value(row).to_string(),
        DataType::Int64 => array.as_primitive::<Int64Type>().value(row).to_string(),
        DataType::UInt64 => array.as_primitive::<UInt64Type>().value(row).to_string(),
        DataType::Float64 => float(array.as_primitive::<Float64Type>().value(row))?,
        DataType::Timestamp(..) => {
            let times = array.as_primitive::<TimestampMillisecondType>();
            let time = times
                .value_as_datetime(row)
                .context("a time is out of range")?;
            format!("\"{}Z\"", time.format("%Y-%m-%dT%H:%M:%S%.3f"))
        }
        DataType::FixedSizeBinary(_) => {
            let bytes = array.as_fixed_size_binary().value(row);
            format!("\"{}\"", uuid::Uuid::from_slice(bytes)?)
        }
        _ => Value::from(array.as_string::<i32>().value(row)).to_string(),
    })
}

/// A float as JSON; NaN is how data frames write that a value is missing.
fn float(value: f64) -> anyhow::Result<String> {
    ensure!(!value.is_infinite(), "an infinite number cannot be stored");
    Ok(if value.is_nan() {
        "null".to_owned()
    } else {
        Value::from(value).to_string()
    })
}

/// Values as a JSON array.
fn list(values: &[String]) -> String {
    let mut json = String::with_capacity(values.iter().map(|value| value.len() + 1).sum());
    json.push('[');
    for (i, value) in values.iter().enumerate() {
        // Writing to a string cannot fail.
        let _ = write!(json, "{}{value}", if i == 0 { "" } else { "," });
    }
    json.push(']');
    json
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::{
        DictionaryArray, FixedSizeListArray, Float16Array, Float64Array, Int32Array, Int64Array,
        ListArray, StringArray, TimestampMicrosecondArray,
        builder::{Float32Builder, MapBuilder, StringBuilder},
        types::Int32Type,
    };
    use arrow_schema::Field;
    use half::f16;

    fn one(name: &str, array: impl Array + 'static, vector: bool) -> (Option<String>, Value) {
        let column = column(name, &(Arc::new(array) as ArrayRef), vector);
        let column = column.unwrap().unwrap();
        let kind = column.kind.map(|kind| kind.to_string());
        (kind, serde_json::from_str(&column.json).unwrap())
    }

    fn is(kind: &str, json: &str) -> (Option<String>, Value) {
        (Some(kind.to_owned()), serde_json::from_str(json).unwrap())
    }

    #[test]
    fn should_write_scalars_with_their_types() {
        let ints = Int32Array::from(vec![Some(1), None]);
        assert_eq!(one("a", ints, false), is("int", "[1,null]"));
        let floats = Float64Array::from(vec![0.1, f64::NAN]);
        assert_eq!(one("a", floats, false), is("float", "[0.1,null]"));
        let words: DictionaryArray<Int32Type> = ["x\"", "y"].into_iter().collect();
        assert_eq!(one("a", words, false), is("string", r#"["x\"","y"]"#));
        let times = TimestampMicrosecondArray::from(vec![1_500_000]);
        let expected = is("datetime", r#"["1970-01-01T00:00:01.500Z"]"#);
        assert_eq!(one("a", times, false), expected);
    }

    #[test]
    fn should_take_maps_for_sparse_vectors() {
        let mut maps = MapBuilder::new(None, StringBuilder::new(), Float32Builder::new());
        maps.keys().append_value("7");
        maps.values().append_value(0.5);
        maps.append(true).unwrap();
        maps.append(false).unwrap();
        let expected = is("{}f16", r#"[{"7":0.5},null]"#);
        assert_eq!(one("terms", maps.finish(), false), expected);
    }

    #[test]
    fn should_keep_half_vectors_half() {
        let values = Float16Array::from(vec![f16::ONE, f16::NEG_ONE, f16::ZERO, f16::ONE]);
        let field = Arc::new(Field::new("item", DataType::Float16, true));
        let array = FixedSizeListArray::new(field, 2, Arc::new(values), None);
        let expected = is("[2]f16", r#"["AACAPwAAgL8=","AAAAAAAAgD8="]"#);
        assert_eq!(one("v", array, false), expected);
    }

    #[test]
    fn should_tell_lists_from_vectors() {
        let rows = || vec![Some(vec![Some(1), Some(2)]), None];
        let list = ListArray::from_iter_primitive::<Int64Type, _, _>(rows());
        assert_eq!(one("a", list, false), is("[]int", "[[1,2],null]"));
        let list = ListArray::from_iter_primitive::<Int64Type, _, _>(rows());
        assert_eq!(
            one("a", list, true),
            is("[2]f32", r#"["AACAPwAAAEA=",null]"#)
        );
    }

    #[test]
    fn should_name_what_cannot_be_stored() {
        let uneven = vec![Some(vec![Some(1)]), Some(vec![Some(1), Some(2)])];
        let list = ListArray::from_iter_primitive::<Int64Type, _, _>(uneven);
        let list: ArrayRef = Arc::new(list);
        let error = column("v", &list, true).unwrap_err().to_string();
        assert!(
            error.contains("row 1 has 2 dimensions, others 1"),
            "{error}"
        );
        let ids: ArrayRef = Arc::new(Int64Array::from(vec![3, -4]));
        let error = column("id", &ids, false).unwrap_err().to_string();
        assert!(error.contains("-4"), "{error}");
        let floats: ArrayRef = Arc::new(Float64Array::from(vec![f64::INFINITY]));
        let error = format!("{:#}", column("f", &floats, false).unwrap_err());
        assert!(error.contains("row 0: an infinite number"), "{error}");
        let ids: ArrayRef = Arc::new(StringArray::from(vec![Some("a"), None]));
        assert!(column("id", &ids, false).is_err());
    }
}
