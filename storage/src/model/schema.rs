//! [`Schema`]: what the attributes of a namespace are.

use super::{AttributeName, AttributeType, IdKind, Metric, Switch};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One attribute as a reader of the namespace sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttributeConfig {
    /// The type; never changes while the attribute is not dropped.
    #[serde(rename = "type")]
    pub ty: AttributeType,
    /// The distance of a vector attribute; never changes either.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric: Option<Metric>,
    /// What was switched on or off, each by its newest record.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub switches: BTreeMap<Switch, serde_json::Value>,
}

/// The visible attributes of a namespace.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Schema {
    /// The kind of the ids, once a row or a record declared it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id_kind: Option<IdKind>,
    /// The attributes but `id`, by name.
    #[serde(default)]
    pub attributes: BTreeMap<AttributeName, AttributeConfig>,
}

impl Schema {
    /// The attribute `name`.
    pub fn get(&self, name: &str) -> Option<&AttributeConfig> {
        self.attributes.get(name)
    }

    /// The vector attributes.
    pub fn vectors(&self) -> impl Iterator<Item = (&AttributeName, &AttributeConfig)> {
        self.attributes
            .iter()
            .filter(|(_, config)| config.ty.is_vector())
    }
}
