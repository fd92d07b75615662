//! [`Declared`]: what a request's `schema` says about one attribute.

use super::{Fault, Fields, full_text::read_full_text};
use isobath_storage::model::{
    AttributeName, AttributeType, FullText, IdKind, Metric, ScalarType, Switch, Tokenizer,
};
use serde_json::{Value, value::RawValue};
use std::collections::BTreeMap;

/// The most attributes that a request may name.
pub(crate) const MAX_ATTRIBUTES: usize = 1024;

/// What a request's `schema` says about one attribute.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Declared {
    /// Its type.
    pub(crate) ty: Option<AttributeType>,
    /// The distance of a vector attribute.
    pub(crate) metric: Option<Metric>,
    /// What is switched on or off, or to which settings.
    pub(crate) switches: Vec<(Switch, Value)>,
    /// The attribute is dropped.
    pub(crate) drop: bool,
}

/// The attributes of a request's `schema`.
pub(crate) fn read_schema(json: &RawValue) -> Result<BTreeMap<AttributeName, Declared>, Fault> {
    let mut declared = BTreeMap::new();
    for (name, value) in Fields::of(json)?.into_members() {
        let attribute = parse_name(&name)?;
        let entry = Declared::read(&attribute, value).map_err(|fault| fault.under(&name))?;
        declared.insert(attribute, entry);
    }
    if declared.len() > MAX_ATTRIBUTES {
        let text = format!("more than {MAX_ATTRIBUTES} attributes");
        return Err(Fault::invalid(text));
    }
    Ok(declared)
}

/// The attribute called `name`.
pub(crate) fn parse_name(name: &str) -> Result<AttributeName, Fault> {
    name.parse().map_err(|e| Fault::invalid(format!("{e}")))
}

/// The type called `name`.
fn parse_type(name: &str) -> Result<AttributeType, Fault> {
    name.parse().map_err(|e| {
        if name.starts_with("[][") {
            Fault::not_yet(&format!("the attribute type {name:?}"))
        } else {
            Fault::invalid(format!("{e}"))
        }
    })
}

impl Declared {
    fn read(name: &AttributeName, json: &RawValue) -> Result<Self, Fault> {
        let declared = if json.get().starts_with('"') {
            let ty: String = serde_json::from_str(json.get()).map_err(|e| Fault::of_json(&e))?;
            Self {
                ty: Some(parse_type(&ty)?),
                ..Self::default()
            }
        } else {
            Self::read_config(Fields::of(json)?)?
        };
        if let Some(ty) = declared.ty {
            declared.check(name, ty)?;
        }
        Ok(declared)
    }

    fn read_config(mut fields: Fields<'_>) -> Result<Self, Fault> {
        let mut declared = Self::default();
        if let Some(drop) = fields.take::<bool>("drop")? {
            declared.drop = drop;
            fields.finish()?;
            let rule = Fault::invalid("must be true").under("drop");
            return if drop { Ok(declared) } else { Err(rule) };
        }
        if let Some(ty) = fields.take::<String>("type")? {
            declared.ty = Some(parse_type(&ty).map_err(|fault| fault.under("type"))?);
        }
        if let Some(filterable) = fields.take::<bool>("filterable")? {
            declared
                .switches
                .push((Switch::Filterable, filterable.into()));
        }
        if let Some(ann) = fields.take_raw("ann") {
            declared.read_ann(ann).map_err(|fault| fault.under("ann"))?;
        }
        for switch in [Switch::Regex, Switch::Glob] {
            if let Some(on) = fields.take::<bool>(&switch.to_string())? {
                declared.switches.push((switch, on.into()));
            }
        }
        if let Some(full_text) = fields.read("full_text_search", read_full_text)? {
            declared.switches.push((Switch::FullTextSearch, full_text));
        }
        fields.refuse(&["fuzzy", "embed"])?;
        fields.read("sparse_knn", |json| declared.check_sparse_knn(json))?;
        fields.finish()?;
        Ok(declared)
    }

    /// Sparse vectors are always compared by their dot product: there is nothing to set.
    fn check_sparse_knn(&self, json: &RawValue) -> Result<(), Fault> {
        if self.ty.is_some_and(|ty| ty != AttributeType::Sparse) {
            return Err(Fault::invalid("needs the type {}f16"));
        }
        let mut fields = Fields::of(json)?;
        let metric = fields.take::<Metric>("distance_metric")?;
        fields.finish()?;
        if metric == Some(Metric::DotProduct) {
            return Ok(());
        }
        Err(Fault::invalid("expected `dot_product`").under("distance_metric"))
    }

    /// Reads `ann`: on, off, or its settings.
    fn read_ann(&mut self, json: &RawValue) -> Result<(), Fault> {
        let on = match json.get() {
            "true" => true,
            "false" => false,
            _ => {
                let mut fields = Fields::of(json)?;
                self.metric = fields.take::<Metric>("distance_metric")?;
                fields.refuse(&["late_interaction"])?;
                fields.finish()?;
                true
            }
        };
        self.switches.push((Switch::Ann, on.into()));
        Ok(())
    }

    /// Refuses settings that an attribute of type `ty` does not have.
    pub(super) fn check(&self, name: &AttributeName, ty: AttributeType) -> Result<(), Fault> {
        let refuse = |text: String| Err(Fault::invalid(text));
        if name.is_id() && IdKind::from_attribute_type(ty).is_none() {
            return refuse(format!("an id is uint, uuid or string, not {ty}"));
        }
        let has = |switch, on: bool| self.switches.contains(&(switch, on.into()));
        if has(Switch::Ann, true) && !ty.is_vector() {
            return refuse(format!("`ann` needs a vector, not {ty}"));
        }
        if has(Switch::Filterable, true) && !ty.has_filters() {
            return refuse("a vector is not filterable".into());
        }
        let text = [
            AttributeType::Scalar(ScalarType::String),
            AttributeType::Array(ScalarType::String),
        ];
        let patterns = [Switch::Regex, Switch::Glob];
        let pattern = patterns.into_iter().find(|switch| has(*switch, true));
        if let Some(switch) = pattern.filter(|_| !text.contains(&ty)) {
            return refuse(format!("`{switch}` needs string or []string, not {ty}"));
        }
        self.check_full_text(ty)
    }

    /// Refuses full-text search of an attribute of type `ty` that has none.
    fn check_full_text(&self, ty: AttributeType) -> Result<(), Fault> {
        for (switch, value) in &self.switches {
            let full_text =
                FullText::from_json(value).filter(|_| *switch == Switch::FullTextSearch);
            let Some(full_text) = full_text.filter(|full_text| !full_text.fits(ty)) else {
                continue;
            };
            let needs = if full_text.tokenizer == Tokenizer::PreTokenizedArray {
                "the tokenizer `pre_tokenized_array` needs []string"
            } else {
                "`full_text_search` needs string or []string"
            };
            return Err(Fault::invalid(format!("{needs}, not {ty}")));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<BTreeMap<AttributeName, Declared>, Fault> {
        read_schema(&RawValue::from_string(json.into()).unwrap())
    }

    #[test]
    fn should_read_types_and_settings() {
        let schema = read(
            r#"{"id":"uuid","a":{"type":"[]int","filterable":false,"full_text_search":null},
                "path":{"type":"string","glob":true,"regex":false},
                "v":{"type":"[3]f16","ann":{"distance_metric":"dot_product"}},"old":{"drop":true}}"#,
        )
        .unwrap();
        assert_eq!(schema["id"].ty, Some("uuid".parse().unwrap()));
        assert_eq!(schema["a"].switches, [(Switch::Filterable, false.into())]);
        let patterns = [(Switch::Regex, false.into()), (Switch::Glob, true.into())];
        assert_eq!(schema["path"].switches, patterns);
        assert_eq!(schema["v"].metric, Some(Metric::DotProduct));
        assert!(schema["old"].drop);
    }

    #[test]
    fn should_name_the_attribute_and_the_fault() {
        for (json, text) in [
            (r#"{"a":"int8"}"#, "a: unknown attribute type \"int8\""),
            (
                r#"{"a":{"type":"string","fuzzy":true}}"#,
                "a: fuzzy is not supported yet",
            ),
            (
                r#"{"a":{"type":"[]int","glob":true}}"#,
                "a: `glob` needs string or []string, not []int",
            ),
            (
                r#"{"a":"[][2]f16"}"#,
                "a: the attribute type \"[][2]f16\" is not supported yet",
            ),
            (
                r#"{"a":{"type":"[2]f16","sparse_knn":{"distance_metric":"dot_product"}}}"#,
                "a.sparse_knn: needs the type {}f16",
            ),
            (
                r#"{"a":{"type":"{}f16","sparse_knn":{"distance_metric":"cosine_distance"}}}"#,
                "a.sparse_knn.distance_metric: expected `dot_product`",
            ),
            (
                r#"{"a":{"type":"int","ann":true}}"#,
                "a: `ann` needs a vector, not int",
            ),
            (
                r#"{"id":"float"}"#,
                "id: an id is uint, uuid or string, not float",
            ),
            (
                r#"{"a":{"type":"string","full_text_search":{"b":2}}}"#,
                "a.full_text_search.b: expected a number between 0 and 1",
            ),
            (
                r#"{"a":{"type":"int","full_text_search":true}}"#,
                "a: `full_text_search` needs string or []string, not int",
            ),
            (r#"{"a":{"drop":false}}"#, "a.drop: must be true"),
            (r#"{"a":{"colour":1}}"#, "a: unknown field `colour`"),
            (r#"{"a":7}"#, "a: invalid type: integer `7`, expected a map"),
        ] {
            assert_eq!(read(json).unwrap_err().to_string(), text);
        }
    }
}
