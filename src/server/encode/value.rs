//! [`ValueJson`]: one value of an answer as JSON.

use crate::server::decode::VectorEncoding;
use base64::{Engine, engine::general_purpose::STANDARD};
use isobath_storage::model::{Id, Value, VectorValue, format_datetime};
use serde::{Serialize, Serializer, ser::SerializeSeq};

/// An id as JSON: integers whole, never as floats.
#[derive(Debug, Clone, Copy)]
pub(crate) struct IdJson<'a>(pub(crate) &'a Id);

impl Serialize for IdJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Id::U64(n) => serializer.serialize_u64(*n),
            Id::Uuid(uuid) => serializer.collect_str(uuid),
            Id::Str(text) => serializer.serialize_str(text),
        }
    }
}

/// One value of an answer as JSON.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ValueJson<'a> {
    pub(crate) value: &'a Value,
    pub(crate) encoding: VectorEncoding,
}

impl Serialize for ValueJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.value {
            Value::Null => serializer.serialize_unit(),
            Value::Bool(b) => serializer.serialize_bool(*b),
            Value::Int(n) => serializer.serialize_i64(*n),
            Value::Uint(n) => serializer.serialize_u64(*n),
            Value::Float(n) => serializer.serialize_f64(*n),
            Value::String(text) => serializer.serialize_str(text),
            Value::Uuid(uuid) => serializer.collect_str(uuid),
            Value::Datetime(ms) => serializer.serialize_str(&format_datetime(*ms)),
            Value::Array(items) => {
                let encoding = self.encoding;
                let items = items.iter().map(|value| Self { value, encoding });
                serializer.collect_seq(items)
            }
            Value::Vector(vector) => self.vector(vector, serializer),
            Value::Sparse(vector) => {
                let weights = vector.weights().iter();
                serializer.collect_map(weights.map(|(dim, weight)| (dim, weight.to_f32())))
            }
        }
    }
}

impl ValueJson<'_> {
    fn vector<S: Serializer>(self, vector: &VectorValue, serializer: S) -> Result<S::Ok, S::Error> {
        if self.encoding == VectorEncoding::Base64 {
            let floats = vector.to_f32();
            let bytes: Vec<u8> = floats.iter().flat_map(|v| v.to_le_bytes()).collect();
            return serializer.serialize_str(&STANDARD.encode(bytes));
        }
        // Written as 32-bit floats, whose shortest decimals are those that the client sent.
        let mut seq = serializer.serialize_seq(Some(vector.dim()))?;
        match vector {
            VectorValue::F32(values) => values.iter().try_for_each(|v| seq.serialize_element(v))?,
            VectorValue::F16(values) => {
                let mut values = values.iter();
                values.try_for_each(|v| seq.serialize_element(&v.to_f32()))?;
            }
        }
        seq.end()
    }
}

/// Bytes of a value as they are counted to a client.
pub(crate) fn value_bytes(value: &Value) -> u64 {
    match value {
        Value::Null => 0,
        Value::Bool(_) => 1,
        Value::Int(_) | Value::Uint(_) | Value::Float(_) | Value::Datetime(_) => 8,
        Value::Uuid(_) => 16,
        Value::String(text) => text.len() as u64,
        Value::Array(items) => items.iter().map(value_bytes).sum(),
        Value::Sparse(vector) => vector.weights().len() as u64 * 6,
        Value::Vector(VectorValue::F32(values)) => values.len() as u64 * 4,
        Value::Vector(VectorValue::F16(values)) => values.len() as u64 * 2,
    }
}
