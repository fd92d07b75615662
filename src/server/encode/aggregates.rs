//! [`AggregatesJson`] and [`GroupsJson`]: what aggregates came to, as JSON.

use super::value::ValueJson;
use crate::server::decode::VectorEncoding;
use isobath_query::search::{AggregateValue, Group, Query};
use serde::{Serialize, Serializer, ser::SerializeMap};

/// Aggregates by label.
#[derive(Debug)]
pub(super) struct AggregatesJson<'a>(pub(super) &'a [(String, AggregateValue)]);

impl Serialize for AggregatesJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (label, value) in self.0 {
            map.serialize_entry(label, &NumberJson(*value))?;
        }
        map.end()
    }
}

/// Whole numbers as such, whatever their size.
struct NumberJson(AggregateValue);

impl Serialize for NumberJson {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            AggregateValue::Whole(n) => match i64::try_from(n) {
                Ok(n) => serializer.serialize_i64(n),
                Err(_) => serializer.serialize_i128(n),
            },
            AggregateValue::Float(f) => serializer.serialize_f64(f),
        }
    }
}

/// One object a group: its key and its aggregates, by label.
#[derive(Debug)]
pub(super) struct GroupsJson<'a> {
    pub(super) groups: &'a [Group],
    pub(super) query: &'a Query,
}

impl Serialize for GroupsJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let query = self.query;
        let groups = self.groups.iter().map(|group| GroupJson { group, query });
        serializer.collect_seq(groups)
    }
}

struct GroupJson<'a> {
    group: &'a Group,
    query: &'a Query,
}

impl Serialize for GroupJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        let keys = self.query.group_by.iter().flat_map(|by| &by.keys);
        for ((label, _), value) in keys.zip(&self.group.key) {
            let encoding = VectorEncoding::Float;
            map.serialize_entry(label, &ValueJson { value, encoding })?;
        }
        for ((label, _), value) in self.query.aggregates.iter().zip(&self.group.aggregates) {
            map.serialize_entry(label, &NumberJson(*value))?;
        }
        map.end()
    }
}
