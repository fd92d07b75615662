//! [`Groups`]: the groups that rows fall into.

use super::{
    KeyColumn, Member,
    key::{decode, encode},
    running::Running,
};
use crate::search::{Group, GroupBy, GroupKey, SearchError, matching::Matching};
use isobath_storage::model::{AttributeName, AttributeType, IdKind, ScalarType, Schema, Value};
use std::collections::HashMap;

/// The most groups of one query.
const MAX_GROUPS: usize = 10_000;
/// The most bytes of their keys.
const MAX_KEY_BYTES: usize = 64 << 20;

/// The groups that rows fall into, by their keys.
#[derive(Debug)]
pub(super) struct Groups {
    keys: Vec<Key>,
    numbers: HashMap<Box<[u8]>, u32>,
    /// Of the keys of all groups.
    bytes: usize,
    /// Holds the key of one row.
    scratch: Vec<u8>,
}

/// One part of a group's key.
#[derive(Debug)]
struct Key {
    attribute: AttributeName,
    ty: AttributeType,
    /// What a value of the key is.
    scalar: ScalarType,
    /// Each different element of the attribute is a value; else the attribute is.
    each: bool,
}

impl Groups {
    /// Checks what is grouped by against the schema.
    pub(super) fn bind(by: &GroupBy, schema: &Schema) -> Result<Self, SearchError> {
        let key = |(_, key): &(String, GroupKey)| {
            let (attribute, each) = match key {
                GroupKey::Value(attribute) => (attribute, false),
                GroupKey::EachElement(attribute) => (attribute, true),
            };
            let fault = |text: String| SearchError::clause("group_by", attribute, text);
            let ty = if attribute.is_id() {
                schema.id_kind.unwrap_or(IdKind::Uint).attribute_type()
            } else {
                let config = schema.get(attribute.as_str());
                let missing = || fault("the schema has no such attribute".into());
                config.ok_or_else(missing)?.ty
            };
            let scalar = match ty {
                AttributeType::Scalar(scalar) => scalar,
                AttributeType::Array(item) if each => item,
                AttributeType::Array(_) => {
                    let text = "an array is grouped by its elements: \
                        {\"label\": [\"ForEachUnique\", \"attribute\"]}";
                    return Err(fault(text.into()));
                }
                _ => return Err(fault(format!("values of type {ty} are no keys"))),
            };
            Ok(Key {
                attribute: attribute.clone(),
                ty,
                scalar,
                each,
            })
        };
        Ok(Self {
            keys: by.keys.iter().map(key).collect::<Result<_, _>>()?,
            numbers: HashMap::new(),
            bytes: 0,
            scratch: vec![],
        })
    }

    /// How many groups there are.
    pub(super) fn len(&self) -> usize {
        self.numbers.len()
    }

    /// The values of the keys in the rows of `set`.
    pub(super) fn columns<'a>(&self, set: &Matching<'a>) -> Vec<KeyColumn<'a>> {
        let column = |key: &Key| KeyColumn::of(&set.set.rows, &key.attribute, key.ty);
        self.keys.iter().map(column).collect()
    }

    /// Appends `row` as a member of each of its groups.
    pub(super) fn add(
        &mut self,
        columns: &[KeyColumn<'_>],
        row: u32,
        members: &mut Vec<Member>,
    ) -> Result<(), SearchError> {
        if self.keys.iter().any(|key| key.each) {
            for key in self.combinations(columns, row)? {
                let group = self.number(&key)?;
                members.push(Member { row, group });
            }
            return Ok(());
        }
        let mut key = std::mem::take(&mut self.scratch);
        key.clear();
        for column in columns {
            column.encode(row, &mut key);
        }
        let group = self.number(&key)?;
        self.scratch = key;
        members.push(Member { row, group });
        Ok(())
    }

    /// The keys of a row that may have several.
    fn combinations(
        &self,
        columns: &[KeyColumn<'_>],
        row: u32,
    ) -> Result<Vec<Vec<u8>>, SearchError> {
        let mut out: Vec<Vec<u8>> = vec![vec![]];
        for (key, column) in self.keys.iter().zip(columns) {
            if !key.each {
                for start in &mut out {
                    column.encode(row, start);
                }
                continue;
            }
            let mut values: Vec<Vec<u8>> = vec![];
            for element in column.elements(row).into_iter().flatten() {
                let mut value = vec![];
                encode(element, &mut value);
                // A missing element is none.
                values.extend((value != [0]).then_some(value));
            }
            values.sort_unstable();
            values.dedup();
            if out.len().saturating_mul(values.len()) > MAX_GROUPS {
                return Err(too_many());
            }
            let with = |start: &Vec<u8>| -> Vec<_> {
                let end = |value: &Vec<u8>| [start.as_slice(), value].concat();
                values.iter().map(end).collect()
            };
            out = out.iter().flat_map(with).collect();
        }
        Ok(out)
    }

    /// The number of the group with this key.
    fn number(&mut self, key: &[u8]) -> Result<u32, SearchError> {
        if let Some(number) = self.numbers.get(key) {
            return Ok(*number);
        }
        self.bytes += key.len();
        if self.numbers.len() >= MAX_GROUPS {
            return Err(too_many());
        }
        if self.bytes > MAX_KEY_BYTES {
            return Err(SearchError::GroupKeys { max: MAX_KEY_BYTES });
        }
        let number = u32::try_from(self.numbers.len()).unwrap_or(u32::MAX);
        self.numbers.insert(key.into(), number);
        Ok(number)
    }

    /// The first `limit` groups by key, with what the aggregates came to.
    pub(super) fn finish(
        self,
        limit: usize,
        running: &[Running],
    ) -> Result<Vec<Group>, SearchError> {
        let mut groups: Vec<(Box<[u8]>, u32)> = self.numbers.into_iter().collect();
        groups.sort_unstable();
        groups.truncate(limit);
        let group = |(key, number): (Box<[u8]>, u32)| {
            let mut key = &*key;
            let values = self.keys.iter().map(|k| decode(k.scalar, &mut key));
            let key: Vec<Value> = values.collect();
            let aggregates = running.iter().map(|r| r.value(number as usize));
            Ok(Group {
                key,
                aggregates: aggregates.collect::<Result<_, _>>()?,
            })
        };
        groups.into_iter().map(group).collect()
    }
}

fn too_many() -> SearchError {
    SearchError::TooManyGroups { max: MAX_GROUPS }
}
