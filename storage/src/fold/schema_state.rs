//! [`SchemaState`]: everything known of a namespace but its rows.

use super::FoldError;
use crate::model::{
    AttributeConfig, AttributeName, AttributeType, Control, Declaration, Hlc, IdKind, Schema,
    Stamp, Switch,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Everything known of one attribute.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct AttributeState {
    /// The newest drop; it hides what is older.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dropped: Option<Stamp>,
    /// Declarations since then, oldest first: the oldest counts.
    #[serde(default, with = "stamped")]
    pub declared: BTreeMap<Stamp, Declaration>,
    /// Per switch the newest value since then.
    #[serde(default)]
    pub switches: BTreeMap<Switch, (Stamp, serde_json::Value)>,
}

impl AttributeState {
    fn drop_up_to(&mut self, stamp: Stamp) {
        self.declared.retain(|at, _| *at >= stamp);
        self.switches.retain(|_, (at, _)| *at > stamp);
    }

    /// The declaration that counts.
    pub fn declaration(&self) -> Option<&Declaration> {
        self.declared.values().next()
    }
}

/// Everything known of a namespace but its rows; merges like a row's state.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct SchemaState {
    /// The newest deletion of the namespace; every older mutation has vanished.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted: Option<Stamp>,
    /// The attributes, `id` among them.
    #[serde(default)]
    pub attributes: BTreeMap<AttributeName, AttributeState>,
    /// The newest policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<(Stamp, serde_json::Value)>,
}

impl SchemaState {
    /// Since when the namespace exists: the oldest declaration of its ids since its newest deletion.
    /// Every request that writes rows or creates the namespace declares them.
    pub fn created(&self) -> Option<Stamp> {
        self.attributes.get("id")?.declared.keys().next().copied()
    }

    /// Whether the namespace exists.
    pub fn exists(&self) -> bool {
        self.created().is_some()
    }

    /// Whether a mutation with this stamp has vanished with the namespace.
    pub fn is_deleted(&self, stamp: Stamp) -> bool {
        self.deleted.is_some_and(|deleted| stamp <= deleted)
    }

    /// The newest drop of an attribute.
    pub fn dropped(&self, attribute: &str) -> Option<Stamp> {
        self.attributes.get(attribute)?.dropped
    }

    /// Whether a drop of the attribute hides a value with this stamp.
    pub fn is_dropped(&self, attribute: &str, stamp: Stamp) -> bool {
        self.dropped(attribute)
            .is_some_and(|dropped| stamp <= dropped)
    }

    /// The type of an attribute that counts.
    pub(super) fn declared_type(&self, attribute: &str) -> Option<AttributeType> {
        Some(self.attributes.get(attribute)?.declaration()?.ty)
    }

    /// An attribute was declared.
    ///
    /// A request's declarations bear the stamp of its first mutation: where that deletes the namespace or
    /// drops the attribute, they come after it. Of equal declarations in one segment the first is kept: no
    /// other mutation's stamp can lie between them.
    pub fn declare(&mut self, stamp: Stamp, declaration: &Declaration) {
        if self.deleted.is_some_and(|deleted| stamp < deleted) {
            return;
        }
        let state = self
            .attributes
            .entry(declaration.attribute.clone())
            .or_default();
        let before = state.declared.range(..stamp).next_back();
        let known =
            before.is_some_and(|(at, known)| at.at(stamp.index) == stamp && known == declaration);
        if !known && state.dropped.is_none_or(|dropped| dropped <= stamp) {
            state
                .declared
                .entry(stamp)
                .or_insert_with(|| declaration.clone());
        }
    }

    /// Both states together.
    pub fn merge(&mut self, other: Self) {
        if let Some(deleted) = other.deleted {
            self.delete(deleted);
        }
        for (name, state) in other.attributes {
            if let Some(dropped) = state.dropped {
                self.drop_attribute(dropped, &name);
            }
            for (stamp, declaration) in state.declared {
                self.declare(stamp, &declaration);
            }
            for (switch, (stamp, value)) in state.switches {
                self.switch(stamp, &name, switch, &value);
            }
        }
        if let Some((stamp, policy)) = other.policy {
            self.set_policy(stamp, &policy);
        }
    }

    /// The namespace itself was changed. Records of a kind that is not applied yet are an error.
    pub fn control(&mut self, stamp: Stamp, control: &Control) -> Result<(), FoldError> {
        match control {
            // the request that creates a namespace declares its ids, and adopted rows lie in parts
            Control::Create | Control::Adopt { .. } => {}
            Control::Delete => self.delete(stamp),
            Control::Switch {
                attribute,
                switch,
                value,
            } => {
                self.switch(stamp, attribute, *switch, value);
            }
            Control::DropAttribute { attribute } => {
                self.drop_attribute(stamp, attribute);
            }
            Control::Policy { policy } => self.set_policy(stamp, policy),
            Control::Batch { .. } => return Err(FoldError::Unsupported("batch")),
            Control::Publish { .. } => return Err(FoldError::Unsupported("publish")),
        }
        Ok(())
    }

    fn delete(&mut self, stamp: Stamp) {
        if self.is_deleted(stamp) {
            return;
        }
        self.deleted = Some(stamp);
        for state in self.attributes.values_mut() {
            state.drop_up_to(stamp);
            state.dropped = state.dropped.filter(|dropped| *dropped > stamp);
        }
        self.attributes
            .retain(|_, state| *state != AttributeState::default());
        self.policy.take_if(|(at, _)| *at <= stamp);
    }

    fn set_policy(&mut self, stamp: Stamp, policy: &serde_json::Value) {
        let newer = self.policy.as_ref().is_none_or(|(at, _)| *at < stamp);
        if newer && !self.is_deleted(stamp) {
            self.policy = Some((stamp, policy.clone()));
        }
    }

    fn switch(
        &mut self,
        stamp: Stamp,
        attribute: &AttributeName,
        switch: Switch,
        value: &serde_json::Value,
    ) {
        if self.is_deleted(stamp) {
            return;
        }
        let state = self.attributes.entry(attribute.clone()).or_default();
        if state.dropped.is_some_and(|dropped| stamp <= dropped) {
            return;
        }
        let newer = state
            .switches
            .get(&switch)
            .is_none_or(|(at, _)| *at < stamp);
        if newer {
            state.switches.insert(switch, (stamp, value.clone()));
        }
    }

    fn drop_attribute(&mut self, stamp: Stamp, attribute: &AttributeName) {
        if self.is_deleted(stamp) {
            return;
        }
        let state = self.attributes.entry(attribute.clone()).or_default();
        if state.dropped.is_none_or(|dropped| dropped < stamp) {
            state.dropped = Some(stamp);
            state.drop_up_to(stamp);
        }
    }

    /// What a reader of the namespace sees.
    pub fn schema(&self) -> Schema {
        let mut schema = Schema::default();
        for (name, state) in &self.attributes {
            let Some(declaration) = state.declaration() else {
                continue;
            };
            if name.is_id() {
                schema.id_kind = IdKind::from_attribute_type(declaration.ty);
                continue;
            }
            let switches = state
                .switches
                .iter()
                .map(|(s, (_, value))| (*s, value.clone()));
            let config = AttributeConfig {
                ty: declaration.ty,
                metric: declaration.metric,
                switches: switches.collect(),
            };
            schema.attributes.insert(name.clone(), config);
        }
        schema
    }

    /// Forgets what no late mutation can change any more: every member log was seen past `stable`.
    pub fn settle(&mut self, stable: Hlc) {
        for state in self.attributes.values_mut() {
            let oldest = state.declared.keys().next().copied();
            state
                .declared
                .retain(|at, _| Some(*at) == oldest || at.hlc > stable);
            state.dropped = state.dropped.filter(|dropped| dropped.hlc > stable);
        }
        self.attributes
            .retain(|_, state| *state != AttributeState::default());
        self.deleted = self.deleted.filter(|deleted| deleted.hlc > stable);
    }
}

/// A map by stamp as a list of pairs: JSON has only text for keys.
mod stamped {
    use super::{BTreeMap, Declaration, Stamp};
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(
        map: &BTreeMap<Stamp, Declaration>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(map)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<BTreeMap<Stamp, Declaration>, D::Error> {
        let pairs: Vec<(Stamp, Declaration)> = Vec::deserialize(deserializer)?;
        Ok(pairs.into_iter().collect())
    }
}
