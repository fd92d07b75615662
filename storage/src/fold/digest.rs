//! [`digest`]: names what a reader of a namespace sees.

use crate::model::{ContentHash, Rows, Schema, Value, VectorValue};

/// Names the visible schema and rows, which must be sorted by id: no stamps, no tombstones.
pub fn digest(schema: &Schema, rows: &Rows) -> ContentHash {
    let mut hasher = Hasher(blake3::Hasher::new());
    hasher.text(&serde_json::to_string(schema).unwrap_or_default());
    for (row, id) in rows.ids().iter().enumerate() {
        hasher.value(&id.into());
        for name in schema.attributes.keys() {
            hasher.value(&rows.value(row, name.as_str()));
        }
    }
    ContentHash(*hasher.0.finalize().as_bytes())
}

/// Hashes values so that no two sequences of values look alike: each behind its kind and length.
struct Hasher(blake3::Hasher);

impl Hasher {
    fn bytes(&mut self, kind: u8, bytes: &[u8]) {
        self.0.update(&[kind]);
        self.0.update(&(bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
    }

    fn text(&mut self, text: &str) {
        self.bytes(b's', text.as_bytes());
    }

    fn value(&mut self, value: &Value) {
        match value {
            Value::Null => self.bytes(b'n', &[]),
            Value::Bool(value) => self.bytes(b'b', &[(*value).into()]),
            Value::Int(value) => self.bytes(b'i', &value.to_le_bytes()),
            Value::Uint(value) => self.bytes(b'u', &value.to_le_bytes()),
            Value::Float(value) => self.bytes(b'f', &value.to_bits().to_le_bytes()),
            Value::String(text) => self.text(text),
            Value::Uuid(uuid) => self.bytes(b'x', uuid.as_bytes()),
            Value::Datetime(value) => self.bytes(b'd', &value.to_le_bytes()),
            Value::Array(items) => {
                self.bytes(b'a', &(items.len() as u64).to_le_bytes());
                items.iter().for_each(|item| self.value(item));
            }
            Value::Vector(VectorValue::F32(values)) => {
                let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
                self.bytes(b'v', &bytes);
            }
            Value::Sparse(vector) => {
                let weights = vector.weights().iter();
                let bytes: Vec<u8> = weights
                    .flat_map(|(dim, weight)| {
                        dim.to_le_bytes().into_iter().chain(weight.to_le_bytes())
                    })
                    .collect();
                self.bytes(b'p', &bytes);
            }
            Value::Vector(VectorValue::F16(values)) => {
                let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
                self.bytes(b'h', &bytes);
            }
        }
    }
}
