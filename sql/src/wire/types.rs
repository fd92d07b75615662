//! What PostgreSQL calls the types, and how it writes their values.

use crate::{SqlError, columns::SQL_TYPE};
use arrow_array::{
    Array, ArrayRef,
    cast::AsArray,
    types::{
        Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
        UInt8Type, UInt16Type, UInt32Type, UInt64Type,
    },
};
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_schema::{DataType, Field, TimeUnit};
use std::io::Write as _;
use uuid::Uuid;

/// PostgreSQL's numbers of types.
pub(crate) mod oid {
    pub(crate) const BOOL: u32 = 16;
    pub(crate) const BYTEA: u32 = 17;
    pub(crate) const INT8: u32 = 20;
    pub(crate) const INT2: u32 = 21;
    pub(crate) const INT4: u32 = 23;
    pub(crate) const TEXT: u32 = 25;
    pub(crate) const OID: u32 = 26;
    pub(crate) const FLOAT4: u32 = 700;
    pub(crate) const FLOAT8: u32 = 701;
    pub(crate) const UNKNOWN: u32 = 705;
    pub(crate) const VARCHAR: u32 = 1043;
    pub(crate) const BPCHAR: u32 = 1042;
    pub(crate) const DATE: u32 = 1082;
    pub(crate) const TIMESTAMP: u32 = 1114;
    pub(crate) const TIMESTAMPTZ: u32 = 1184;
    pub(crate) const NUMERIC: u32 = 1700;
    pub(crate) const UUID: u32 = 2950;
    /// Of the vectors of pgvector; extensions get numbers from here on.
    pub(crate) const VECTOR: u32 = 16_385;
    /// Of arrays of them.
    pub(crate) const VECTOR_ARRAY: u32 = 16_386;
}

/// Element types with their arrays.
const ARRAYS: [(u32, u32); 13] = [
    (oid::BOOL, 1000),
    (oid::INT2, 1005),
    (oid::INT4, 1007),
    (oid::TEXT, 1009),
    (oid::VARCHAR, 1015),
    (oid::INT8, 1016),
    (oid::FLOAT4, 1021),
    (oid::FLOAT8, 1022),
    (oid::TIMESTAMP, 1115),
    (oid::TIMESTAMPTZ, 1185),
    (oid::NUMERIC, 1231),
    (oid::UUID, 2951),
    (oid::VECTOR, oid::VECTOR_ARRAY),
];

/// Microseconds from 1970 to 2000, where PostgreSQL begins to count.
const EPOCH_MICROS: i64 = 946_684_800_000_000;
/// Days between the same.
const EPOCH_DAYS: i32 = 10_957;

/// The element type of an array's type.
pub(crate) fn element_of(array: u32) -> Option<u32> {
    ARRAYS
        .iter()
        .find(|(_, known)| *known == array)
        .map(|(element, _)| *element)
}

/// The type of arrays of an element type.
pub(crate) fn array_of(element: u32) -> Option<u32> {
    ARRAYS
        .iter()
        .find(|(known, _)| *known == element)
        .map(|(_, array)| *array)
}

/// The number of a column's type.
pub(crate) fn oid_of(field: &Field) -> u32 {
    match field.metadata().get(SQL_TYPE).map(String::as_str) {
        Some("uuid") => oid::UUID,
        Some("vector") => oid::VECTOR,
        _ => oid_of_type(field.data_type()),
    }
}

fn oid_of_type(ty: &DataType) -> u32 {
    match ty {
        DataType::Boolean => oid::BOOL,
        DataType::Int8 | DataType::UInt8 | DataType::Int16 => oid::INT2,
        DataType::UInt16 | DataType::Int32 => oid::INT4,
        DataType::UInt32 | DataType::Int64 | DataType::UInt64 => oid::INT8,
        DataType::Float16 | DataType::Float32 => oid::FLOAT4,
        DataType::Float64 => oid::FLOAT8,
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => oid::BYTEA,
        DataType::Date32 => oid::DATE,
        DataType::Timestamp(_, None) => oid::TIMESTAMP,
        DataType::Timestamp(_, Some(_)) => oid::TIMESTAMPTZ,
        DataType::Decimal128(..) | DataType::Decimal256(..) => oid::NUMERIC,
        DataType::FixedSizeList(item, _) if item.data_type().is_floating() => oid::VECTOR,
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            let element = oid_of_type(item.data_type());
            let array = ARRAYS.iter().find(|(known, _)| *known == element);
            array.map_or(oid::TEXT, |(_, array)| *array)
        }
        _ => oid::TEXT,
    }
}

/// Bytes of a value of a type; -1 where they vary.
pub(crate) fn size_of_type(oid: u32) -> i16 {
    match oid {
        oid::BOOL => 1,
        oid::INT2 => 2,
        oid::INT4 | oid::FLOAT4 | oid::DATE => 4,
        oid::INT8 | oid::FLOAT8 | oid::TIMESTAMP | oid::TIMESTAMPTZ => 8,
        oid::UUID => 16,
        _ => -1,
    }
}

/// What belongs to a type: the dimension of a vector.
pub(crate) fn modifier_of(field: &Field) -> i32 {
    match field.data_type() {
        DataType::FixedSizeList(_, dim) if oid_of(field) == oid::VECTOR => *dim,
        _ => -1,
    }
}

/// Whether values of a type can be written in PostgreSQL's binary form.
pub(crate) fn has_binary(oid: u32) -> bool {
    let plain = |oid| {
        matches!(
            oid,
            oid::BOOL
                | oid::INT2
                | oid::INT4
                | oid::INT8
                | oid::FLOAT4
                | oid::FLOAT8
                | oid::TEXT
                | oid::UUID
                | oid::DATE
                | oid::TIMESTAMP
                | oid::TIMESTAMPTZ
                | oid::VECTOR
                | oid::BYTEA
        )
    };
    plain(oid) || element_of(oid).is_some_and(plain)
}

/// Writes the value in `row` in the form of `format`; whether there is one.
pub(crate) fn write_value(
    out: &mut Vec<u8>,
    array: &ArrayRef,
    row: usize,
    (oid, format): (u32, i16),
) -> Result<bool, SqlError> {
    if array.is_null(row) || array.data_type().is_null() {
        return Ok(false);
    }
    if format == 1 {
        write_binary(out, array, row, oid)?;
    } else {
        write_text(out, array, row, oid)?;
    }
    Ok(true)
}

macro_rules! primitive {
    ($array:expr, $row:expr, $ty:ty) => {
        $array.as_primitive::<$ty>().value($row)
    };
}

/// The whole number in a row; `None` where it is none, or too large for PostgreSQL.
fn whole(array: &ArrayRef, row: usize) -> Option<i64> {
    Some(match array.data_type() {
        DataType::Int8 => primitive!(array, row, Int8Type).into(),
        DataType::Int16 => primitive!(array, row, Int16Type).into(),
        DataType::Int32 => primitive!(array, row, Int32Type).into(),
        DataType::Int64 => primitive!(array, row, Int64Type),
        DataType::UInt8 => primitive!(array, row, UInt8Type).into(),
        DataType::UInt16 => primitive!(array, row, UInt16Type).into(),
        DataType::UInt32 => primitive!(array, row, UInt32Type).into(),
        DataType::UInt64 => i64::try_from(primitive!(array, row, UInt64Type)).ok()?,
        _ => return None,
    })
}

fn float(array: &ArrayRef, row: usize) -> Option<f64> {
    Some(match array.data_type() {
        DataType::Float16 => primitive!(array, row, Float16Type).to_f64(),
        DataType::Float32 => primitive!(array, row, Float32Type).into(),
        DataType::Float64 => primitive!(array, row, Float64Type),
        _ => return None,
    })
}

fn string(array: &ArrayRef, row: usize) -> Option<&str> {
    Some(match array.data_type() {
        DataType::Utf8 => array.as_string::<i32>().value(row),
        DataType::LargeUtf8 => array.as_string::<i64>().value(row),
        DataType::Utf8View => array.as_string_view().value(row),
        _ => return None,
    })
}

fn bytes(array: &ArrayRef, row: usize) -> Option<&[u8]> {
    Some(match array.data_type() {
        DataType::Binary => array.as_binary::<i32>().value(row),
        DataType::LargeBinary => array.as_binary::<i64>().value(row),
        DataType::BinaryView => array.as_binary_view().value(row),
        _ => return None,
    })
}

fn items(array: &ArrayRef, row: usize) -> Option<ArrayRef> {
    Some(match array.data_type() {
        DataType::List(_) => array.as_list::<i32>().value(row),
        DataType::LargeList(_) => array.as_list::<i64>().value(row),
        DataType::FixedSizeList(..) => array.as_fixed_size_list().value(row),
        _ => return None,
    })
}

/// Microseconds since 1970.
fn micros(array: &ArrayRef, row: usize) -> Option<i64> {
    let DataType::Timestamp(unit, _) = array.data_type() else {
        return None;
    };
    let raw = arrow_cast::cast(array, &DataType::Int64).ok()?;
    let value = raw.as_primitive::<Int64Type>().value(row);
    match unit {
        TimeUnit::Second => value.checked_mul(1_000_000),
        TimeUnit::Millisecond => value.checked_mul(1_000),
        TimeUnit::Microsecond => Some(value),
        TimeUnit::Nanosecond => Some(value.div_euclid(1_000)),
    }
}

fn too_large() -> SqlError {
    SqlError::invalid("the number is too large for bigint: cast it to text").with_code("22003")
}

fn write_text(out: &mut Vec<u8>, array: &ArrayRef, row: usize, oid: u32) -> Result<(), SqlError> {
    // writing to memory does not fail
    if let Some(text) = string(array, row) {
        out.extend_from_slice(text.as_bytes());
    } else if array.data_type().is_integer() {
        let value = whole(array, row).ok_or_else(too_large)?;
        drop(write!(out, "{value}"));
    } else if let Some(value) = float(array, row) {
        write_float(out, value, array, row);
    } else if *array.data_type() == DataType::Boolean {
        out.push(if array.as_boolean().value(row) {
            b't'
        } else {
            b'f'
        });
    } else if let Some(bytes) = bytes(array, row) {
        out.extend_from_slice(b"\\x");
        for byte in bytes {
            drop(write!(out, "{byte:02x}"));
        }
    } else if let Some(items) = items(array, row) {
        write_items(out, &items, oid)?;
    } else if let Some(micros) = micros(array, row) {
        let text = isobath_storage::model::format_datetime(micros.div_euclid(1_000));
        let (date, time) = text.split_at_checked(10).unwrap_or((&text, ""));
        let time = time.trim_start_matches('T').trim_end_matches('Z');
        let zone = if oid == oid::TIMESTAMPTZ { "+00" } else { "" };
        drop(write!(out, "{date} {time}{zone}"));
    } else {
        out.extend_from_slice(shown(array, row)?.as_bytes());
    }
    Ok(())
}

fn write_float(out: &mut Vec<u8>, value: f64, array: &ArrayRef, row: usize) {
    let written = match array.data_type() {
        _ if value.is_nan() => write!(out, "NaN"),
        _ if value.is_infinite() => {
            write!(out, "{}Infinity", if value < 0.0 { "-" } else { "" })
        }
        DataType::Float32 => write!(out, "{}", primitive!(array, row, Float32Type)),
        _ => write!(out, "{value}"),
    };
    drop(written);
}

/// A vector as `[1,2]`, another array as `{1,2}`.
fn write_items(out: &mut Vec<u8>, items: &ArrayRef, oid: u32) -> Result<(), SqlError> {
    let is_vector = oid == oid::VECTOR;
    let element = element_of(oid).unwrap_or(oid::TEXT);
    out.push(if is_vector { b'[' } else { b'{' });
    for row in 0..items.len() {
        if row > 0 {
            out.push(b',');
        }
        if items.is_null(row) {
            out.extend_from_slice(b"NULL");
            continue;
        }
        let start = out.len();
        write_text(out, items, row, element)?;
        if !is_vector && string(items, row).is_some() {
            quote(out, start);
        }
    }
    out.push(if is_vector { b']' } else { b'}' });
    Ok(())
}

/// Puts what stands from `start` on into an array's quotes.
fn quote(out: &mut Vec<u8>, start: usize) {
    let text = out.split_off(start);
    out.push(b'"');
    for byte in text {
        if matches!(byte, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(byte);
    }
    out.push(b'"');
}

fn shown(array: &ArrayRef, row: usize) -> Result<String, SqlError> {
    let fault = |error: arrow_schema::ArrowError| SqlError::invalid(error.to_string());
    let options = FormatOptions::default();
    let formatter = ArrayFormatter::try_new(array.as_ref(), &options).map_err(fault)?;
    formatter.value(row).try_to_string().map_err(fault)
}

fn write_binary(out: &mut Vec<u8>, array: &ArrayRef, row: usize, oid: u32) -> Result<(), SqlError> {
    let unfit = || SqlError::unsupported("the binary form of this type");
    match oid {
        oid::BOOL => out.push(u8::from(array.as_boolean().value(row))),
        oid::INT2 | oid::INT4 | oid::INT8 => {
            let value = whole(array, row).ok_or_else(too_large)?.to_be_bytes();
            let size = usize::try_from(size_of_type(oid)).unwrap_or(8);
            out.extend_from_slice(&value[8 - size..]);
        }
        oid::FLOAT4 => {
            let value = float(array, row).ok_or_else(unfit)?;
            out.extend_from_slice(&to_f32(value).to_be_bytes());
        }
        oid::FLOAT8 => {
            out.extend_from_slice(&float(array, row).ok_or_else(unfit)?.to_be_bytes());
        }
        oid::DATE => {
            let days = arrow_cast::cast(array, &DataType::Int32);
            let days = days
                .map_err(|_| unfit())?
                .as_primitive::<Int32Type>()
                .value(row);
            out.extend_from_slice(&days.saturating_sub(EPOCH_DAYS).to_be_bytes());
        }
        oid::TIMESTAMP | oid::TIMESTAMPTZ => {
            let micros = micros(array, row).ok_or_else(unfit)?;
            out.extend_from_slice(&micros.saturating_sub(EPOCH_MICROS).to_be_bytes());
        }
        oid::UUID => {
            let uuid = string(array, row).and_then(|text| Uuid::parse_str(text).ok());
            out.extend_from_slice(uuid.ok_or_else(unfit)?.as_bytes());
        }
        oid::BYTEA => out.extend_from_slice(bytes(array, row).ok_or_else(unfit)?),
        oid::VECTOR => {
            let items = items(array, row).ok_or_else(unfit)?;
            let dim = u16::try_from(items.len()).map_err(|_| unfit())?;
            out.extend_from_slice(&dim.to_be_bytes());
            out.extend_from_slice(&[0, 0]);
            for row in 0..items.len() {
                let value = float(&items, row).ok_or_else(unfit)?;
                out.extend_from_slice(&to_f32(value).to_be_bytes());
            }
        }
        oid::TEXT => write_text(out, array, row, oid)?,
        other => {
            let element = element_of(other).ok_or_else(unfit)?;
            let items = items(array, row).ok_or_else(unfit)?;
            write_binary_items(out, &items, element)?;
        }
    }
    Ok(())
}

fn write_binary_items(out: &mut Vec<u8>, items: &ArrayRef, element: u32) -> Result<(), SqlError> {
    let length = |length: usize| i32::try_from(length).unwrap_or(i32::MAX).to_be_bytes();
    let dimensions = i32::from(!items.is_empty());
    out.extend_from_slice(&dimensions.to_be_bytes());
    out.extend_from_slice(&i32::from(items.null_count() > 0).to_be_bytes());
    out.extend_from_slice(&element.to_be_bytes());
    if dimensions == 0 {
        return Ok(());
    }
    out.extend_from_slice(&length(items.len()));
    out.extend_from_slice(&1i32.to_be_bytes());
    let mut value = vec![];
    for row in 0..items.len() {
        value.clear();
        if items.is_null(row) {
            out.extend_from_slice(&(-1i32).to_be_bytes());
            continue;
        }
        write_binary(&mut value, items, row, element)?;
        out.extend_from_slice(&length(value.len()));
        out.extend_from_slice(&value);
    }
    Ok(())
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the value was a 32-bit float, or is to become one"
)]
fn to_f32(value: f64) -> f32 {
    value as f32
}
