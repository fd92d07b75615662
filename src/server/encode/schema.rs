//! [`schema_json`] and [`metadata_json`]: a namespace's attributes and facts as JSON.

use crate::server::engine::Metadata;
use isobath_storage::model::{
    AttributeConfig, AttributeType, Metric, Schema, Switch, format_datetime,
};
use serde_json::{Map, Value, json};

/// The schema as its own resource: what an attribute does not have is null.
pub(crate) fn schema_json(schema: &Schema) -> Value {
    let mut json = Map::new();
    if let Some(kind) = schema.id_kind {
        let id =
            json!({"type": kind.attribute_type(), "filterable": null, "full_text_search": null});
        json.insert("id".into(), id);
    }
    for (name, config) in &schema.attributes {
        let mut attribute = json!({
            "type": config.ty,
            "filterable": filterable(config),
            "full_text_search": config.full_text(),
        });
        if config.ty.is_vector() {
            attribute["ann"] = ann(config).into();
        }
        add_patterns(config, &mut attribute);
        if config.ty == AttributeType::Sparse {
            attribute["sparse_knn"] = sparse_knn();
        }
        json.insert(name.to_string(), attribute);
    }
    json.into()
}

/// The schema among the metadata: what an attribute does not have is left out.
fn terse_schema_json(schema: &Schema) -> Value {
    let mut json = Map::new();
    if let Some(kind) = schema.id_kind {
        json.insert("id".into(), json!({"type": kind.attribute_type()}));
    }
    for (name, config) in &schema.attributes {
        let mut attribute = json!({"type": config.ty});
        if let Some(filterable) = filterable(config) {
            attribute["filterable"] = filterable.into();
        }
        if let Some(full_text) = config.full_text() {
            attribute["full_text_search"] = json!(full_text);
        }
        if let (true, Some(metric)) = (ann(config), config.metric) {
            attribute["ann"] = json!({"distance_metric": metric});
        }
        add_patterns(config, &mut attribute);
        if config.ty == AttributeType::Sparse {
            attribute["sparse_knn"] = sparse_knn();
        }
        json.insert(name.to_string(), attribute);
    }
    json.into()
}

/// Whether filters may name the attribute; `None` for vectors, which they never may.
fn filterable(config: &AttributeConfig) -> Option<bool> {
    config.ty.has_filters().then(|| config.is_filterable())
}

/// Adds the kinds of patterns that are switched on.
fn add_patterns(config: &AttributeConfig, attribute: &mut Value) {
    for switch in [Switch::Regex, Switch::Glob] {
        if config.is_on(switch) {
            attribute[switch.to_string()] = true.into();
        }
    }
}

/// How sparse vectors are compared.
fn sparse_knn() -> Value {
    json!({"distance_metric": Metric::DotProduct})
}

/// Whether the attribute gets an index for approximate search.
fn ann(config: &AttributeConfig) -> bool {
    config.ty.is_vector() && config.switches.get(&Switch::Ann) != Some(&Value::Bool(false))
}

/// Facts about a namespace. Clients compare the whole object: no member may be added, but for those that
/// a policy asks for.
pub(crate) fn metadata_json(metadata: &Metadata) -> Value {
    let index = if metadata.unindexed_rows == 0 {
        json!({"status": "up-to-date"})
    } else {
        json!({
            "status": "updating",
            "unindexed_bytes": metadata.unindexed_bytes,
            "unindexed_rows": metadata.unindexed_rows,
        })
    };
    let time = |ms: u64| format_datetime(i64::try_from(ms).unwrap_or(i64::MAX));
    let mut json = json!({
        "schema": terse_schema_json(&metadata.schema),
        "approx_row_count": metadata.approx_row_count,
        "approx_logical_bytes": metadata.approx_logical_bytes,
        "created_at": time(metadata.created_at_ms),
        "updated_at": time(metadata.updated_at_ms),
        "last_write_at": time(metadata.last_write_at_ms),
        "encryption": {"mode": "default"},
        "index": index,
    });
    if let Some(pinning) = metadata.policy.pinning {
        json["pinning"] = json!({"replicas": pinning.replicas});
    }
    if metadata.policy.read_only {
        json["read_only"] = true.into();
    }
    json
}
