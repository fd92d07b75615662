//! [`Oracle`]: what a query must find, row by row.

use super::{
    patterns::{REGEXES, glob_matches},
    sample::Set,
};
use crate::search::{Comparison, Direction, Filter, Pattern, Syntax};
use isobath_storage::model::{AttributeName, Id, Value, VectorValue};
use std::{cmp::Ordering, collections::BTreeMap};

/// All visible rows by id.
pub(super) struct Oracle {
    rows: BTreeMap<u64, BTreeMap<&'static str, Value>>,
}

impl Oracle {
    pub(super) fn new(sets: &[Set]) -> Self {
        let mut rows = BTreeMap::new();
        for set in sets {
            for (id, row) in set.rows.iter().filter(|(_, row)| !row.hidden) {
                let mut values = row.values.clone();
                if set.retyped {
                    values.remove("i");
                }
                values.insert("id", Value::Uint(*id));
                rows.insert(*id, values);
            }
        }
        Self { rows }
    }

    pub(super) fn get(&self, id: u64, attribute: &AttributeName) -> Value {
        self.rows[&id]
            .get(attribute.as_str())
            .cloned()
            .unwrap_or_default()
    }

    pub(super) fn by_id(&self, filter: Option<&Filter>) -> Vec<Id> {
        self.ordered(&[], filter)
    }

    pub(super) fn ordered(
        &self,
        order: &[(AttributeName, Direction)],
        filter: Option<&Filter>,
    ) -> Vec<Id> {
        let mut ids = self.passing(filter);
        ids.sort_by(|a, b| {
            let key = |(attribute, direction): &(AttributeName, Direction)| {
                let order = compare(&self.get(*a, attribute), &self.get(*b, attribute));
                if *direction == Direction::Descending {
                    order.reverse()
                } else {
                    order
                }
            };
            let mut keys = order.iter().map(key);
            keys.find(|order| order.is_ne()).unwrap_or(a.cmp(b))
        });
        ids.into_iter().map(Id::U64).collect()
    }

    pub(super) fn nearest(&self, vector: &[f32], filter: Option<&Filter>) -> Vec<(Id, f32)> {
        let distance = |id: &u64| match self.rows[id].get("v") {
            Some(Value::Vector(VectorValue::F32(v))) => Some(
                v.iter()
                    .zip(vector)
                    .map(|(a, b)| (a - b) * (a - b))
                    .sum::<f32>(),
            ),
            _ => None,
        };
        let with = |id: u64| distance(&id).map(|distance| (Id::U64(id), distance));
        let mut near: Vec<_> = self.passing(filter).into_iter().filter_map(with).collect();
        near.sort_by(|a, b| a.1.total_cmp(&b.1).then_with(|| a.0.cmp(&b.0)));
        near
    }

    pub(super) fn passing(&self, filter: Option<&Filter>) -> Vec<u64> {
        let passes = |id: &u64| filter.is_none_or(|filter| self.passes(*id, filter));
        self.rows.keys().copied().filter(passes).collect()
    }

    fn passes(&self, id: u64, filter: &Filter) -> bool {
        match filter {
            Filter::And(filters) => filters.iter().all(|f| self.passes(id, f)),
            Filter::Or(filters) => filters.iter().any(|f| self.passes(id, f)),
            Filter::Not(filter) => !self.passes(id, filter),
            Filter::Compare {
                attribute,
                comparison,
                value,
            } => holds(*comparison, &self.get(id, attribute), value),
            Filter::In {
                attribute,
                values,
                negated,
            } => {
                let found = self.get(id, attribute);
                let is = |found: &Value| values.iter().any(|value| compare(found, value).is_eq());
                let is_in = match &found {
                    Value::Array(items) => items.iter().any(|item| !item.is_null() && is(item)),
                    found => is(found),
                };
                is_in != *negated
            }
            Filter::Contains {
                attribute,
                value,
                negated,
                ..
            } => {
                let wanted = match value {
                    Value::Array(values) => values.to_vec(),
                    value => vec![value.clone()],
                };
                let is = |item: &Value| wanted.iter().any(|value| compare(item, value).is_eq());
                self.any_item(id, attribute, is) != *negated
            }
            Filter::AnyElement {
                attribute,
                comparison,
                value,
            } => {
                !value.is_null()
                    && self.any_item(id, attribute, |item| holds(*comparison, item, value))
            }
            Filter::Matches {
                attribute,
                pattern,
                negated,
            } => {
                let matches = |item: &Value| match item {
                    Value::String(text) => matches(pattern, text),
                    other => panic!("{other:?} is no text"),
                };
                self.any_item(id, attribute, matches) != *negated
            }
            Filter::Tokens { .. } => panic!("the sample has no full-text search"),
        }
    }

    /// Whether an element of an array, or a single value, passes; null never does.
    fn any_item(
        &self,
        id: u64,
        attribute: &AttributeName,
        passes: impl Fn(&Value) -> bool,
    ) -> bool {
        let items = match self.get(id, attribute) {
            Value::Array(items) => items.to_vec(),
            value => vec![value],
        };
        items.iter().any(|item| !item.is_null() && passes(item))
    }
}

fn matches(pattern: &Pattern, text: &str) -> bool {
    let glob = &pattern.text;
    match pattern.syntax {
        Syntax::Glob => glob_matches(glob, text, false),
        Syntax::CaseInsensitiveGlob => glob_matches(glob, text, true),
        Syntax::Regex => {
            let found = REGEXES.iter().find(|(regex, _)| *regex == &**glob);
            found.unwrap().1(text)
        }
    }
}

fn holds(comparison: Comparison, a: &Value, b: &Value) -> bool {
    let order = compare(a, b);
    match comparison {
        Comparison::Eq => order.is_eq(),
        Comparison::NotEq => order.is_ne(),
        Comparison::Lt => order.is_lt(),
        Comparison::Lte => order.is_le(),
        Comparison::Gt => order.is_gt(),
        Comparison::Gte => order.is_ge(),
    }
}

/// Null first; numbers by what they stand for.
pub(super) fn compare(a: &Value, b: &Value) -> Ordering {
    if let (Some(a), Some(b)) = (quarters(a), quarters(b)) {
        return a.cmp(&b);
    }
    match (a, b) {
        (Value::Null, Value::Null) => Ordering::Equal,
        (Value::Null, _) => Ordering::Less,
        (_, Value::Null) => Ordering::Greater,
        (Value::String(a), Value::String(b)) => a.cmp(b),
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        (Value::Uuid(a), Value::Uuid(b)) => a.cmp(b),
        (Value::Datetime(a), Value::Datetime(b)) => a.cmp(b),
        (Value::Array(a), Value::Array(b)) => {
            let mut items = a.iter().zip(b.iter()).map(|(a, b)| compare(a, b));
            items
                .find(|order| order.is_ne())
                .unwrap_or(a.len().cmp(&b.len()))
        }
        _ => panic!("{a:?} and {b:?} do not compare"),
    }
}

/// Four times a number, which is whole for every number of the sample.
#[expect(clippy::cast_possible_truncation, reason = "the sample ends at 2^64")]
pub(super) fn quarters(value: &Value) -> Option<i128> {
    match value {
        Value::Int(n) => Some(i128::from(*n) * 4),
        Value::Uint(n) => Some(i128::from(*n) * 4),
        Value::Float(f) => Some((f * 4.0) as i128),
        _ => None,
    }
}
