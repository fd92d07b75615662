//! [`Types`]: what is known of a namespace's attributes before a write's values are read.

use super::{Declared, Fault, declared::MAX_ATTRIBUTES};
use isobath_storage::model::{
    AttributeConfig, AttributeName, AttributeType, Control, Declaration, IdKind, Metric,
    ScalarType, Schema, Switch,
};
use std::{collections::BTreeMap, sync::Arc};

/// The attribute that holds a vector even where nothing says so.
const VECTOR: &str = "vector";

/// The most vector attributes of a namespace.
const MAX_VECTORS: usize = 2;

/// What is known of the attributes: the request's `schema` first, then the namespace's.
#[derive(Debug, Clone, Default)]
pub(crate) struct Types {
    declared: BTreeMap<AttributeName, Declared>,
    schema: Option<Arc<Schema>>,
    /// The request's `distance_metric`.
    metric: Option<Metric>,
}

impl Types {
    /// Fails where the request contradicts the namespace.
    pub(crate) fn new(
        declared: BTreeMap<AttributeName, Declared>,
        schema: Option<Arc<Schema>>,
        metric: Option<Metric>,
    ) -> Result<Self, Fault> {
        let types = Self {
            declared,
            schema,
            metric,
        };
        for (name, declared) in &types.declared {
            let fault = types.check(name, declared);
            fault.map_err(|fault| fault.under(name.as_str()).under("schema"))?;
        }
        Ok(types)
    }

    fn check(&self, name: &AttributeName, declared: &Declared) -> Result<(), Fault> {
        let current = self.current(name.as_str());
        if declared.drop {
            let id = Err(Fault::invalid("the id cannot be dropped"));
            return if name.is_id() { id } else { Ok(()) };
        }
        match (declared.ty, current) {
            (None, None) => Err(Fault::unfit("missing field `type`")),
            (Some(ty), Some(current)) if ty != current => Err(Fault::invalid(format!(
                "the type is {current} and cannot become {ty}"
            ))),
            (None, Some(current)) => declared.check(name, current),
            _ => Ok(()),
        }
    }

    /// The type that the namespace has for `name` now; none for what the request drops.
    fn current(&self, name: &str) -> Option<AttributeType> {
        if self.is_dropped(name) {
            return None;
        }
        let schema = self.schema.as_ref()?;
        if name == "id" {
            return Some(schema.id_kind?.attribute_type());
        }
        Some(schema.get(name)?.ty)
    }

    fn is_dropped(&self, name: &str) -> bool {
        self.declared
            .get(name)
            .is_some_and(|declared| declared.drop)
    }

    /// The type of `name`, where it is known.
    pub(crate) fn of(&self, name: &str) -> Option<AttributeType> {
        let declared = self.declared.get(name).and_then(|declared| declared.ty);
        declared.or_else(|| self.current(name))
    }

    /// Whether `name` holds vectors.
    pub(crate) fn is_vector(&self, name: &str) -> bool {
        self.of(name)
            .map_or(name == VECTOR, AttributeType::is_vector)
    }

    /// Whether filters may name `name`.
    pub(crate) fn is_filterable(&self, name: &str) -> bool {
        let current = self.schema.as_ref().filter(|_| !self.is_dropped(name));
        let current = current.and_then(|schema| schema.get(name));
        let mut switches = current.map_or_else(BTreeMap::new, |config| config.switches.clone());
        for (switch, on) in self
            .declared
            .get(name)
            .into_iter()
            .flat_map(|d| &d.switches)
        {
            switches.insert(*switch, on.clone());
        }
        let text = AttributeType::Scalar(ScalarType::String);
        let config = AttributeConfig {
            ty: self.of(name).unwrap_or(text),
            metric: None,
            switches,
        };
        config.is_filterable()
    }

    /// The kind of the ids, where it is known.
    pub(crate) fn id_kind(&self) -> Option<IdKind> {
        IdKind::from_attribute_type(self.of("id")?)
    }

    /// Whether the request says nothing about any attribute.
    pub(crate) fn is_silent(&self) -> bool {
        self.declared.is_empty()
    }

    /// The declarations of a write that uses the attributes `used` and ids of kind `ids`.
    pub(crate) fn declarations(
        &self,
        used: &BTreeMap<AttributeName, AttributeType>,
        ids: Option<IdKind>,
    ) -> Result<Vec<Declaration>, Fault> {
        let mut types = used.clone();
        for (name, declared) in &self.declared {
            if let (false, Some(ty)) = (declared.drop, self.of(name.as_str())) {
                types.insert(name.clone(), ty);
            }
        }
        self.check_number(&types)?;
        if let Some(kind) = ids {
            types.insert(AttributeName::id(), kind.attribute_type());
        }
        let declare = |(attribute, ty): (AttributeName, AttributeType)| {
            let metric = ty
                .is_vector()
                .then(|| self.metric(&attribute))
                .transpose()?;
            Ok(Declaration {
                attribute,
                ty,
                metric,
            })
        };
        types.into_iter().map(declare).collect()
    }

    /// Refuses more attributes, or more of them vectors, than a namespace may have.
    fn check_number(&self, types: &BTreeMap<AttributeName, AttributeType>) -> Result<(), Fault> {
        let stays = |name: &AttributeName| !self.declared.get(name).is_some_and(|d| d.drop);
        let attributes = self.schema.iter().flat_map(|schema| &schema.attributes);
        let known = || attributes.clone().filter(|(name, _)| stays(name));
        let is_known = |name: &AttributeName| self.current(name.as_str()).is_some() && stays(name);
        let new = types.iter();
        let mut new = new
            .filter(|(name, _)| !name.is_id() && !is_known(name))
            .peekable();
        if new.peek().is_none() {
            return Ok(());
        }
        let mut all = known().count();
        let mut vectors = known().filter(|(_, config)| config.ty.is_vector()).count();
        for (name, ty) in new {
            all += 1;
            vectors += usize::from(ty.is_vector());
            let text = if all > MAX_ATTRIBUTES {
                format!("a namespace has at most {MAX_ATTRIBUTES} attributes")
            } else if vectors > MAX_VECTORS {
                format!("a namespace has at most {MAX_VECTORS} vector attributes")
            } else {
                continue;
            };
            return Err(Fault::invalid(text).under(name.as_str()).under("schema"));
        }
        Ok(())
    }

    /// The distance of the vector attribute `name`.
    fn metric(&self, name: &AttributeName) -> Result<Metric, Fault> {
        let declared = self.declared.get(name).and_then(|declared| declared.metric);
        let asked = declared.or(self.metric);
        let schema = self.schema.as_ref();
        let schema = schema.filter(|_| !self.is_dropped(name.as_str()));
        let current = schema.and_then(|schema| schema.get(name.as_str())?.metric);
        match (asked, current) {
            (Some(asked), Some(current)) if asked != current => {
                let text = format!("attribute {name} has {current}, which cannot become {asked}");
                Err(Fault::invalid(text).under("distance_metric"))
            }
            (Some(metric), _) | (None, Some(metric)) => Ok(metric),
            (None, None) => {
                let text = format!("needed for attribute {name}, which has no distance yet");
                Err(Fault::invalid(text).under("distance_metric"))
            }
        }
    }

    /// The records that switch and drop what the request's `schema` says.
    pub(crate) fn controls(&self) -> Vec<Control> {
        let of_one = |(name, declared): (&AttributeName, &Declared)| {
            let drop = declared.drop.then(|| Control::DropAttribute {
                attribute: name.clone(),
            });
            let switch = |(switch, on): &(Switch, serde_json::Value)| Control::Switch {
                attribute: name.clone(),
                switch: *switch,
                value: on.clone(),
            };
            let switches: Vec<_> = declared.switches.iter().map(switch).collect();
            drop.into_iter().chain(switches)
        };
        self.declared.iter().flat_map(of_one).collect()
    }
}
