//! [`Schema`]: what the attributes of a namespace are.

use super::{AttributeName, AttributeType, FullText, IdKind, Metric, Switch};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
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
    pub switches: BTreeMap<Switch, Json>,
}

impl AttributeConfig {
    /// Whether `switch` is on: true, or with settings.
    pub fn is_on(&self, switch: Switch) -> bool {
        let value = self.switches.get(&switch);
        value.is_some_and(|value| !matches!(value, Json::Null | Json::Bool(false)))
    }

    /// Whether filters may name the attribute. Where the schema does not say, they may, unless it is
    /// searched in another way; a vector never is filtered.
    pub fn is_filterable(&self) -> bool {
        let switched = self.switches.get(&Switch::Filterable);
        let searched = [
            Switch::FullTextSearch,
            Switch::Regex,
            Switch::Glob,
            Switch::Fuzzy,
        ];
        let free = || !searched.into_iter().any(|switch| self.is_on(switch));
        self.ty.has_filters() && switched.and_then(Json::as_bool).unwrap_or_else(free)
    }

    /// How its text is searched, where it is.
    pub fn full_text(&self) -> Option<FullText> {
        let switched = self.switches.get(&Switch::FullTextSearch)?;
        FullText::from_json(switched).filter(|full_text| full_text.fits(self.ty))
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn should_be_filterable_unless_it_is_searched_in_another_way() {
        let config = |ty: &str, switches: &[(Switch, Json)]| AttributeConfig {
            ty: ty.parse().unwrap(),
            metric: None,
            switches: switches.iter().cloned().collect(),
        };
        let settings = serde_json::json!({"language": "english"});
        for (ty, switches, filterable) in [
            ("string", vec![], true),
            (
                "[]string",
                vec![(Switch::Filterable, Json::Bool(false))],
                false,
            ),
            ("string", vec![(Switch::FullTextSearch, settings)], false),
            ("string", vec![(Switch::Regex, Json::Bool(true))], false),
            ("string", vec![(Switch::Glob, Json::Bool(false))], true),
            (
                "string",
                vec![
                    (Switch::Glob, Json::Bool(true)),
                    (Switch::Filterable, Json::Bool(true)),
                ],
                true,
            ),
            ("[2]f32", vec![(Switch::Ann, Json::Bool(true))], false),
        ] {
            assert_eq!(
                config(ty, &switches).is_filterable(),
                filterable,
                "{switches:?}"
            );
        }
    }
}
