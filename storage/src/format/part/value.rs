//! [`Value`] ⇄ bytes: a number for its kind, then its content.

use super::WHAT;
use crate::format::{
    FormatError,
    cursor::{Cursor, Put},
};
use crate::model::{SparseVector, Value, VectorValue};
use half::f16;
use uuid::Uuid;

pub(super) fn put(out: &mut Vec<u8>, value: &Value) -> Result<(), FormatError> {
    match value {
        Value::Null => out.put_u8(0),
        Value::Bool(value) => {
            out.put_u8(1);
            out.put_u8((*value).into());
        }
        Value::Int(value) => {
            out.put_u8(2);
            out.extend_from_slice(&value.to_le_bytes());
        }
        Value::Uint(value) => {
            out.put_u8(3);
            out.put_u64(*value);
        }
        Value::Float(value) => {
            out.put_u8(4);
            out.put_u64(value.to_bits());
        }
        Value::String(text) => {
            out.put_u8(5);
            out.put_text(WHAT, text)?;
        }
        Value::Uuid(uuid) => {
            out.put_u8(6);
            out.extend_from_slice(uuid.as_bytes());
        }
        Value::Datetime(value) => {
            out.put_u8(7);
            out.extend_from_slice(&value.to_le_bytes());
        }
        Value::Array(items) => {
            out.put_u8(8);
            out.put_count(WHAT, items.len())?;
            for item in items.iter() {
                put(out, item)?;
            }
        }
        Value::Vector(vector) => put_vector(out, vector)?,
        Value::Sparse(vector) => {
            out.put_u8(11);
            out.put_count(WHAT, vector.weights().len())?;
            for (dim, weight) in vector.weights() {
                out.extend_from_slice(&dim.to_le_bytes());
                out.extend_from_slice(&weight.to_le_bytes());
            }
        }
    }
    Ok(())
}

fn put_vector(out: &mut Vec<u8>, vector: &VectorValue) -> Result<(), FormatError> {
    match vector {
        VectorValue::F32(values) => {
            out.put_u8(9);
            out.put_count(WHAT, values.len())?;
            out.extend(values.iter().flat_map(|v| v.to_le_bytes()));
        }
        VectorValue::F16(values) => {
            out.put_u8(10);
            out.put_count(WHAT, values.len())?;
            out.extend(values.iter().flat_map(|v| v.to_le_bytes()));
        }
    }
    Ok(())
}

pub(super) fn take(fields: &mut Cursor<'_>) -> Result<Value, FormatError> {
    match fields.u8()? {
        8 => {
            let count = fields.count(1)?;
            let items = (0..count).map(|_| {
                let kind = fields.u8()?;
                scalar(kind, fields)
            });
            Ok(Value::Array(items.collect::<Result<_, _>>()?))
        }
        9 => {
            let count = fields.count(4)?;
            let values = (0..count).map(|_| fields.array().map(f32::from_le_bytes));
            Ok(Value::Vector(VectorValue::F32(
                values.collect::<Result<_, _>>()?,
            )))
        }
        10 => {
            let count = fields.count(2)?;
            let values = (0..count).map(|_| fields.array().map(f16::from_le_bytes));
            Ok(Value::Vector(VectorValue::F16(
                values.collect::<Result<_, _>>()?,
            )))
        }
        11 => {
            let count = fields.count(6)?;
            let weights = (0..count).map(|_| {
                let dim = fields.array().map(u32::from_le_bytes)?;
                Ok((dim, fields.array().map(f16::from_le_bytes)?))
            });
            let weights: Vec<_> = weights.collect::<Result<_, FormatError>>()?;
            let vector = SparseVector::new(weights);
            let corrupt = || FormatError::corrupt(WHAT, "a sparse vector that is none");
            vector.map(Value::Sparse).ok_or_else(corrupt)
        }
        kind => scalar(kind, fields),
    }
}

/// A value that is neither array nor vector.
fn scalar(kind: u8, fields: &mut Cursor<'_>) -> Result<Value, FormatError> {
    Ok(match kind {
        0 => Value::Null,
        1 => Value::Bool(fields.u8()? != 0),
        2 => Value::Int(i64::from_le_bytes(fields.array()?)),
        3 => Value::Uint(fields.u64()?),
        4 => Value::Float(f64::from_bits(fields.u64()?)),
        5 => Value::String(fields.text()?.into()),
        6 => Value::Uuid(Uuid::from_bytes(fields.array()?)),
        7 => Value::Datetime(i64::from_le_bytes(fields.array()?)),
        kind => {
            return Err(FormatError::corrupt(
                WHAT,
                format!("value kind {kind} is not known"),
            ));
        }
    })
}
