//! [`Batch`]: rows in the columnar shape of a write request.

use bytes::Bytes;
use isobath_storage::model::{AttributeType, Metric};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// One attribute of a batch.
#[derive(Debug)]
pub(super) struct Column {
    /// The attribute's name.
    pub(super) name: String,
    /// Its type, where the file tells.
    pub(super) kind: Option<AttributeType>,
    /// The values as a JSON array.
    pub(super) json: String,
}

/// What is said about every batch of an import.
#[derive(Debug, Clone, Default)]
pub(super) struct WriteShape {
    /// Attributes whose type the namespace knows already.
    pub(super) known: BTreeSet<String>,
    /// The metric of vectors that are new to the namespace.
    pub(super) metric: Option<Metric>,
}

/// The body of the write of some columns, `id` among them.
pub(super) fn body(columns: &[Column], shape: &WriteShape) -> Bytes {
    let size: usize = columns
        .iter()
        .map(|c| c.json.len() + c.name.len() + 8)
        .sum();
    let mut text = String::with_capacity(size + 256);
    text.push_str("{\"upsert_columns\":{");
    for (i, column) in columns.iter().enumerate() {
        if i > 0 {
            text.push(',');
        }
        text.push_str(&Value::from(column.name.as_str()).to_string());
        text.push(':');
        text.push_str(&column.json);
    }
    text.push('}');
    let new = |column: &&Column| !shape.known.contains(&column.name);
    let schema: Map<String, Value> = columns.iter().filter(new).filter_map(declaration).collect();
    if !schema.is_empty() {
        text.push_str(",\"schema\":");
        text.push_str(&Value::from(schema).to_string());
    }
    if let Some(metric) = shape.metric {
        text.push_str(",\"distance_metric\":");
        text.push_str(&Value::from(metric.as_str()).to_string());
    }
    text.push('}');
    Bytes::from(text)
}

/// What a request's `schema` says about a column.
fn declaration(column: &Column) -> Option<(String, Value)> {
    let kind = column.kind?;
    let name = kind.to_string();
    let value = if kind.is_vector() {
        json!({ "type": name, "ann": true })
    } else {
        Value::from(name)
    };
    Some((column.name.clone(), value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn should_declare_only_what_is_new() {
        let column = |name: &str, kind: &str, json: &str| Column {
            name: name.to_owned(),
            kind: kind.parse().ok(),
            json: json.to_owned(),
        };
        let columns = [
            column("id", "", "[1]"),
            column("a\"b", "int", "[2]"),
            column("old", "string", "[\"x\"]"),
            column("v", "[1]f16", "[\"AACAPw==\"]"),
        ];
        let shape = WriteShape {
            known: BTreeSet::from(["old".to_owned()]),
            metric: Some(Metric::DotProduct),
        };
        let body: Value = serde_json::from_slice(&body(&columns, &shape)).unwrap();
        let expected = json!({
            "upsert_columns": {"id": [1], "a\"b": [2], "old": ["x"], "v": ["AACAPw=="]},
            "schema": {"a\"b": "int", "v": {"type": "[1]f16", "ann": true}},
            "distance_metric": "dot_product",
        });
        assert_eq!(body, expected);
    }
}
