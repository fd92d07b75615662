//! Rows of answers as Arrow columns.

use anyhow::Context as _;
use arrow_array::RecordBatch;
use arrow_json::{ReaderBuilder, reader::Decoder};
use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use isobath_storage::model::{AttributeType, ScalarType};
use serde_json::{Map, Value, value::RawValue};
use std::sync::Arc;

/// The columns of a namespace with this schema: the id first, then the others by name.
pub(super) fn schema(attributes: &Map<String, Value>) -> anyhow::Result<SchemaRef> {
    let mut fields = Vec::with_capacity(attributes.len());
    for (name, config) in attributes {
        let kind = config.get("type").unwrap_or(config).as_str();
        let kind: AttributeType = kind
            .context("it has no type")
            .and_then(|kind| Ok(kind.parse()?))
            .with_context(|| format!("attribute `{name}`"))?;
        fields.push(Field::new(name, column_type(kind), name != "id"));
    }
    fields.sort_by(|a, b| (a.name() != "id", a.name()).cmp(&(b.name() != "id", b.name())));
    Ok(Arc::new(Schema::new(fields)))
}

/// The type of a column: UUIDs as text, as they are everywhere outside, and times with an offset
/// instead of a zone's name, which the decoder would need a table of zones for.
fn column_type(kind: AttributeType) -> DataType {
    let scalar = |kind| match kind {
        ScalarType::Uuid => DataType::Utf8,
        ScalarType::Datetime => DataType::Timestamp(TimeUnit::Millisecond, Some("+00:00".into())),
        other => AttributeType::Scalar(other).to_arrow(),
    };
    match kind {
        AttributeType::Scalar(kind) => scalar(kind),
        AttributeType::Array(kind) => {
            DataType::List(Arc::new(Field::new("item", scalar(kind), true)))
        }
        vector @ AttributeType::Vector { .. } => vector.to_arrow(),
        AttributeType::Sparse => sparse_type(),
    }
}

/// The type of a column of sparse vectors: maps from dimensions, as text, to weights.
fn sparse_type() -> DataType {
    let entries = vec![
        Field::new("keys", DataType::Utf8, false),
        Field::new("values", DataType::Float32, true),
    ];
    let entries = Field::new("entries", DataType::Struct(entries.into()), false);
    DataType::Map(Arc::new(entries), false)
}

/// A decoder of up to `rows` rows at a time into such columns.
pub(super) fn decoder(schema: &SchemaRef, rows: usize) -> anyhow::Result<Decoder> {
    let builder = ReaderBuilder::new(Arc::clone(schema)).with_batch_size(rows);
    Ok(builder.build_decoder()?)
}

/// Rows as columns.
pub(super) fn decode(decoder: &mut Decoder, rows: &[Box<RawValue>]) -> anyhow::Result<RecordBatch> {
    for row in rows {
        let mut text = row.get().as_bytes();
        while !text.is_empty() {
            let read = decoder.decode(text)?;
            text = &text[read..];
        }
    }
    decoder.flush()?.context("no rows")
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::{Array as _, cast::AsArray as _, types::UInt64Type};
    use half::f16;
    use serde_json::json;

    #[test]
    fn should_turn_sparse_vectors_into_maps() {
        let attributes = json!({"id": "uint", "terms": "{}f16"});
        let schema = schema(attributes.as_object().unwrap()).unwrap();
        let row = json!({"id": 1, "terms": {"7": 0.5, "9": -2.0}});
        let raw = [RawValue::from_string(row.to_string()).unwrap()];
        let batch = decode(&mut decoder(&schema, 1).unwrap(), &raw).unwrap();
        let entries = batch.column(1).as_map().value(0);
        assert_eq!(entries.column(0).as_string::<i32>().value(1), "9");
        let weights = entries.column(1);
        let weights = weights.as_primitive::<arrow_array::types::Float32Type>();
        assert_eq!(weights.values(), &[0.5, -2.0]);
    }

    #[test]
    fn should_turn_rows_into_columns_of_the_schema() {
        let attributes = json!({
            "vector": {"type": "[2]f16", "ann": true},
            "id": {"type": "uint"},
            "tags": {"type": "[]string"},
            "at": {"type": "datetime"},
            "who": "uuid",
        });
        let schema = schema(attributes.as_object().unwrap()).unwrap();
        let names: Vec<&str> = schema.fields().iter().map(|f| f.name().as_str()).collect();
        assert_eq!(names, ["id", "at", "tags", "vector", "who"]);
        let rows = [
            json!({"id": u64::MAX, "vector": [0.5, -2], "tags": ["a", "b"], "at": "2026-01-02T03:04:05.006Z"}),
            json!({"id": 1, "who": "0192f5d0-0000-7000-8000-000000000000"}),
        ];
        let raw = rows.map(|row| RawValue::from_string(row.to_string()).unwrap());
        let batch = decode(&mut decoder(&schema, 2).unwrap(), &raw).unwrap();
        let ids = batch.column(0).as_primitive::<UInt64Type>();
        assert_eq!(ids.values(), &[u64::MAX, 1]);
        let vectors = batch.column(3).as_fixed_size_list();
        assert!(vectors.is_null(1));
        let first = vectors.value(0);
        let first = first.as_primitive::<arrow_array::types::Float16Type>();
        assert_eq!(first.values(), &[f16::from_f32(0.5), f16::from_f32(-2.0)]);
        assert!(batch.column(1).is_null(1) && batch.column(4).is_null(0));
    }
}
