//! [`NamespaceDigest`] and [`StateDigest`]: names for what readers see.
//!
//! ```text
//! row        hash(id, value of each attribute of the schema, in the order of their names)
//! namespace  hash(schema, rows by id)
//! state      hash(name and namespace, by name)
//! ```
//!
//! No stamps and no tombstones, and nothing of how rows are laid out: equal version vectors, equal digests. Rows come
//! in any order and any pieces; of each its id and its hash are kept until the namespace is done.

use crate::model::{Column, ContentHash, Id, Namespace, Rows, Schema, Value, VectorValue};

/// Names the visible schema and rows of a namespace.
pub fn digest(schema: &Schema, rows: &Rows) -> ContentHash {
    let mut digest = NamespaceDigest::default();
    digest.add(schema, rows, 0..rows.len());
    digest.finish(schema)
}

/// The digest of a namespace on its way.
#[derive(Debug, Default)]
pub struct NamespaceDigest {
    rows: Vec<(Id, [u8; 32])>,
}

impl NamespaceDigest {
    /// Adds these of `rows`, each below their number, as a reader under `schema` sees them: a value of another type
    /// is null.
    pub fn add(&mut self, schema: &Schema, rows: &Rows, picks: impl IntoIterator<Item = usize>) {
        let columns: Vec<Option<&Column>> = schema
            .attributes
            .iter()
            .map(|(name, config)| rows.column(name.as_str()).filter(|c| c.ty == config.ty))
            .collect();
        for row in picks {
            let id = rows.ids().get(row);
            let mut hasher = Hasher(blake3::Hasher::new());
            hasher.value(&id.clone().into());
            for column in &columns {
                hasher.value(&column.map_or(Value::Null, |column| column.value(row)));
            }
            self.rows.push((id, *hasher.0.finalize().as_bytes()));
        }
    }

    /// How many rows were added.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether no row was added.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The digest of the rows that were added, each once.
    pub fn finish(mut self, schema: &Schema) -> ContentHash {
        self.rows.sort_unstable();
        let mut hasher = Hasher(blake3::Hasher::new());
        hasher.text(&serde_json::to_string(schema).unwrap_or_default());
        for (_, row) in &self.rows {
            hasher.0.update(row);
        }
        ContentHash(*hasher.0.finalize().as_bytes())
    }
}

/// The digest of all namespaces on its way.
#[derive(Debug, Default)]
pub struct StateDigest(Hasher);

impl StateDigest {
    /// Adds a namespace that exists; they come by name.
    pub fn add(&mut self, namespace: &Namespace, digest: ContentHash) {
        self.0.text(namespace.as_str());
        self.0.bytes(b'h', &digest.0);
    }

    /// The digest of the namespaces that were added.
    pub fn finish(self) -> ContentHash {
        ContentHash(*self.0.0.finalize().as_bytes())
    }
}

/// Hashes values so that no two sequences of values look alike: each behind its kind and length.
#[derive(Debug, Default)]
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
