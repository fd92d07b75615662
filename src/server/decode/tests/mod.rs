//! Bodies of requests, decoded as a whole; whatever they are, decoding ends with a command or a fault.

mod query;
mod write;

use super::*;
use isobath_storage::model::{AttributeConfig, Metric, Mutation, Rows, Schema, Value, VectorValue};
use proptest::prelude::*;
use std::sync::Arc;

const MEMORY: usize = 1 << 20;

fn schema(attributes: &[(&str, &str)], metric: Option<Metric>) -> Arc<Schema> {
    let config = |ty: &str| AttributeConfig {
        ty: ty.parse().unwrap(),
        metric: metric.filter(|_| ty.ends_with("f32") || ty.ends_with("f16")),
        switches: std::collections::BTreeMap::new(),
    };
    let attributes = attributes.iter();
    Arc::new(Schema {
        id_kind: None,
        attributes: attributes
            .map(|(name, ty)| (name.parse().unwrap(), config(ty)))
            .collect(),
    })
}

fn upsert(write: &DecodedWrite) -> &Rows {
    match write.command.mutations.as_slice() {
        [Mutation::Upsert(rows)] => rows,
        other => panic!("{other:?}"),
    }
}

/// JSON that resembles requests: names that mean something, values of every kind.
fn json() -> impl Strategy<Value = serde_json::Value> {
    let word = prop::sample::select(vec![
        "id",
        "vector",
        "a",
        "And",
        "Or",
        "Not",
        "Eq",
        "In",
        "Contains",
        "AnyLt",
        "Glob",
        "Regex",
        "[a",
        "ANN",
        "kNN",
        "asc",
        "desc",
        "$dims",
        "type",
        "filterable",
        "glob",
        "ann",
        "drop",
        "$ref_new",
        "filters",
        "patch",
        "uuid",
        "[2]f32",
        "[]int",
        "string",
        "strong",
        "level",
        "token",
        "AAAAPwAAAMA=",
        "upsert_rows",
        "Count",
        "total",
        "2024-01-01",
        "cosine_distance",
    ]);
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<u64>().prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        (0u8..4).prop_map(Into::into),
        word.clone().prop_map(Into::into),
        "\\PC{0,8}".prop_map(Into::into),
    ];
    leaf.prop_recursive(5, 64, 6, move |inner| {
        let members = prop::collection::vec((word.clone(), inner.clone()), 0..6);
        prop_oneof![
            prop::collection::vec(inner, 0..6).prop_map(Into::into),
            members.prop_map(|m| {
                let m = m.into_iter().map(|(name, value)| (name.to_owned(), value));
                serde_json::Value::Object(m.collect())
            }),
        ]
    })
}

const WRITE_FIELDS: [&str; 10] = [
    "upsert_rows",
    "upsert_columns",
    "patch_rows",
    "patch_columns",
    "deletes",
    "schema",
    "create_namespace",
    "upsert_condition",
    "delete_by_filter",
    "patch_by_filter",
];
const QUERY_FIELDS: [&str; 10] = [
    "rank_by",
    "filters",
    "limit",
    "top_k",
    "offset",
    "aggregate_by",
    "include_attributes",
    "consistency",
    "queries",
    "vector_encoding",
];

proptest! {
    #[test]
    fn should_take_any_bytes(body: Vec<u8>) {
        prop_assert!(decode_write(&body, None, Allowance::Bytes(MEMORY)).is_err());
        prop_assert!(decode_schema(&body, None, Allowance::Bytes(MEMORY)).is_err());
        decode_query(&body).ok();
        decode_recall(&body).ok();
    }

    #[test]
    fn should_name_the_field_of_any_json(
        field in prop::sample::select(WRITE_FIELDS.to_vec()),
        value in json(),
    ) {
        let body = serde_json::json!({field: value, "distance_metric": "dot_product"});
        let current = Some(schema(&[("a", "[]int")], None));
        let decoded = decode_write(body.to_string().as_bytes(), current, Allowance::Bytes(MEMORY));
        if let Err(fault) = decoded {
            let text = fault.to_string();
            let silent = value.is_null() || value == serde_json::json!([]) || value == serde_json::json!({});
            prop_assert!(silent || text.starts_with(field) || text.starts_with("distance_metric") , "{text}");
        }
    }

    #[test]
    fn should_name_the_field_of_any_query(
        field in prop::sample::select(QUERY_FIELDS.to_vec()),
        value in json(),
    ) {
        let body = serde_json::json!({field: value});
        if let Err(fault) = decode_query(body.to_string().as_bytes()) {
            prop_assert!(fault.to_string().starts_with(field), "{fault}");
        }
    }

    #[test]
    fn should_read_the_vectors_that_it_is_given(
        vectors in prop::collection::vec(prop::collection::vec(-1e6f32..1e6, 3), 1..20),
    ) {
        use base64::{Engine, engine::general_purpose::STANDARD};
        let encode = |(at, vector): (usize, &Vec<f32>)| {
            let bytes: Vec<u8> = vector.iter().flat_map(|v| v.to_le_bytes()).collect();
            if at % 2 == 0 { serde_json::json!(vector) } else { STANDARD.encode(bytes).into() }
        };
        let column: Vec<_> = vectors.iter().enumerate().map(encode).collect();
        let ids: Vec<_> = (0..vectors.len()).collect();
        let body = serde_json::json!({
            "upsert_columns": {"id": ids, "vector": column},
            "distance_metric": "dot_product",
        });
        let write = decode_write(body.to_string().as_bytes(), None, Allowance::Bytes(MEMORY)).unwrap();
        let rows = upsert(&write);
        for (row, vector) in vectors.into_iter().enumerate() {
            let found = rows.value(row, "vector");
            prop_assert_eq!(found, Value::Vector(VectorValue::F32(vector.into())));
        }
    }
}
