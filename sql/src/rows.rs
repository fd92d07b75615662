//! [`JsonRows`]: rows as JSON objects, in bounded memory.

use crate::{SqlError, SqlErrorKind};
use arrow_array::{
    Array, ArrayRef, RecordBatch,
    cast::AsArray,
    types::{
        Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
        UInt8Type, UInt16Type, UInt32Type, UInt64Type,
    },
};
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_schema::DataType;
use std::fmt::Write;

/// Rows as JSON objects, written one after the other into one text, within a number of bytes.
#[derive(Debug)]
pub struct JsonRows {
    text: String,
    most: usize,
    rows: usize,
}

impl JsonRows {
    /// No rows yet; they may take `most` bytes.
    pub fn new(most: usize) -> Self {
        let text = String::from("[");
        Self {
            text,
            most,
            rows: 0,
        }
    }

    /// Adds the rows of a batch.
    pub fn push(&mut self, batch: &RecordBatch) -> Result<(), SqlError> {
        let names: Vec<String> = batch
            .schema()
            .fields()
            .iter()
            .map(|field| quoted(field.name()))
            .collect();
        for row in 0..batch.num_rows() {
            self.text.push_str(if self.rows == 0 { "{" } else { ",{" });
            self.rows += 1;
            for (at, (name, column)) in names.iter().zip(batch.columns()).enumerate() {
                if at > 0 {
                    self.text.push(',');
                }
                self.text.push_str(name);
                self.text.push(':');
                write_value(&mut self.text, column, row)?;
            }
            self.text.push('}');
            if self.text.len() > self.most {
                let said = format!(
                    "the answer has more than {} bytes: ask for fewer rows or columns at a time",
                    self.most
                );
                return Err(SqlError::new(SqlErrorKind::Memory, said));
            }
        }
        Ok(())
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// The array of the rows.
    pub fn finish(mut self) -> String {
        self.text.push(']');
        self.text
    }
}

/// A text in JSON's quotes.
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    write_text(&mut out, text);
    out
}

fn write_text(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if u32::from(c) < 0x20 => {
                // writing to a string does not fail
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

/// A number, or null where JSON has none for it.
fn write_float(out: &mut String, value: f64, shown: impl std::fmt::Debug) {
    if value.is_finite() {
        let _ = write!(out, "{shown:?}");
    } else {
        out.push_str("null");
    }
}

macro_rules! whole {
    ($out:expr, $array:expr, $row:expr, $ty:ty) => {{
        let _ = write!($out, "{}", $array.as_primitive::<$ty>().value($row));
    }};
}

fn write_value(out: &mut String, array: &ArrayRef, row: usize) -> Result<(), SqlError> {
    if array.is_null(row) {
        out.push_str("null");
        return Ok(());
    }
    match array.data_type() {
        DataType::Null => out.push_str("null"),
        DataType::Boolean => out.push_str(if array.as_boolean().value(row) {
            "true"
        } else {
            "false"
        }),
        DataType::Int8 => whole!(out, array, row, Int8Type),
        DataType::Int16 => whole!(out, array, row, Int16Type),
        DataType::Int32 => whole!(out, array, row, Int32Type),
        DataType::Int64 => whole!(out, array, row, Int64Type),
        DataType::UInt8 => whole!(out, array, row, UInt8Type),
        DataType::UInt16 => whole!(out, array, row, UInt16Type),
        DataType::UInt32 => whole!(out, array, row, UInt32Type),
        DataType::UInt64 => whole!(out, array, row, UInt64Type),
        DataType::Float16 => {
            let value = array.as_primitive::<Float16Type>().value(row).to_f32();
            write_float(out, f64::from(value), value);
        }
        DataType::Float32 => {
            let value = array.as_primitive::<Float32Type>().value(row);
            write_float(out, f64::from(value), value);
        }
        DataType::Float64 => {
            let value = array.as_primitive::<Float64Type>().value(row);
            write_float(out, value, value);
        }
        DataType::Utf8 => write_text(out, array.as_string::<i32>().value(row)),
        DataType::LargeUtf8 => write_text(out, array.as_string::<i64>().value(row)),
        DataType::Utf8View => write_text(out, array.as_string_view().value(row)),
        DataType::FixedSizeList(..) => write_list(out, &array.as_fixed_size_list().value(row))?,
        DataType::List(_) => write_list(out, &array.as_list::<i32>().value(row))?,
        DataType::LargeList(_) => write_list(out, &array.as_list::<i64>().value(row))?,
        DataType::Struct(fields) => {
            let columns = array.as_struct();
            out.push('{');
            for (at, (field, column)) in fields.iter().zip(columns.columns()).enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write_text(out, field.name());
                out.push(':');
                write_value(out, column, row)?;
            }
            out.push('}');
        }
        _ => write_text(out, &shown(array, row)?),
    }
    Ok(())
}

fn write_list(out: &mut String, items: &ArrayRef) -> Result<(), SqlError> {
    out.push('[');
    for row in 0..items.len() {
        if row > 0 {
            out.push(',');
        }
        write_value(out, items, row)?;
    }
    out.push(']');
    Ok(())
}

/// What JSON has no form for, as text: times, decimals, bytes.
fn shown(array: &ArrayRef, row: usize) -> Result<String, SqlError> {
    let fault = |error: arrow_schema::ArrowError| SqlError::invalid(error.to_string());
    let options = FormatOptions::default();
    let formatter = ArrayFormatter::try_new(array.as_ref(), &options).map_err(fault)?;
    formatter.value(row).try_to_string().map_err(fault)
}
