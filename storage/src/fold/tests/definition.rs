//! What a set of mutations means, word for word: slow, and without any state.

use super::history::Item;
use crate::model::{
    AttributeName, AttributeType, Control, Id, IdKind, Mutation, Request, Stamp, Value,
};
use std::collections::{BTreeMap, BTreeSet};

/// One mutation of one row, or of the namespace.
enum Fact<'a> {
    Upsert(Id, BTreeMap<AttributeName, Value>),
    Set(Id, AttributeName, Value),
    Dim(Id, AttributeName, u32, f32),
    Delete(Id),
    Declare(&'a AttributeName, AttributeType),
    Drop(&'a AttributeName),
    DeleteNamespace,
}

type Facts<'a> = Vec<(Stamp, Fact<'a>)>;

fn facts(history: &[Item]) -> Facts<'_> {
    let mut facts = vec![];
    for (header, block) in history {
        for request in &block.requests {
            let stamp = header.stamp(request.first_index);
            for d in &request.declarations {
                facts.push((stamp, Fact::Declare(&d.attribute, d.ty)));
            }
            of_request(&mut facts, stamp, request);
        }
    }
    facts
}

fn of_request<'a>(facts: &mut Facts<'a>, first: Stamp, request: &'a Request) {
    let mut next = first.index..;
    for mutation in &request.mutations {
        for row in 0..mutation.len() {
            let stamp = first.at(next.next().unwrap());
            match mutation {
                Mutation::Upsert(rows) => {
                    let values = rows
                        .columns()
                        .iter()
                        .map(|c| (c.name.clone(), c.value(row)));
                    facts.push((stamp, Fact::Upsert(rows.ids().get(row), values.collect())));
                }
                Mutation::Patch(mask, rows) => {
                    let id = rows.ids().get(row);
                    let set = rows
                        .columns()
                        .iter()
                        .filter(|c| mask.is_set(c.name.as_str(), row));
                    facts.extend(set.map(|column| {
                        let (name, value) = (column.name.clone(), column.value(row));
                        (stamp, Fact::Set(id.clone(), name, value))
                    }));
                }
                Mutation::SparsePatch(patches) => {
                    let patch = &patches[row];
                    facts.extend(patch.dims.iter().map(|(dim, value)| {
                        let attribute = patch.attribute.clone();
                        (stamp, Fact::Dim(patch.id.clone(), attribute, *dim, *value))
                    }));
                }
                Mutation::Delete(ids) => facts.push((stamp, Fact::Delete(ids.get(row)))),
                Mutation::Control(Control::Delete) => facts.push((stamp, Fact::DeleteNamespace)),
                Mutation::Control(Control::DropAttribute { attribute }) => {
                    facts.push((stamp, Fact::Drop(attribute)));
                }
                Mutation::Control(_) => {}
            }
        }
    }
}

/// The newest stamp of the facts that `pick` knows.
fn newest(facts: &Facts<'_>, pick: impl Fn(&Fact<'_>) -> bool) -> Option<Stamp> {
    facts
        .iter()
        .filter(|(_, fact)| pick(fact))
        .map(|(stamp, _)| *stamp)
        .max()
}

/// Everything but what vanished with the namespace, by stamp.
fn standing(history: &[Item]) -> Facts<'_> {
    let mut facts = facts(history);
    let deleted = newest(&facts, |fact| matches!(fact, Fact::DeleteNamespace));
    facts.retain(|(stamp, _)| deleted.is_none_or(|deleted| *stamp >= deleted));
    facts.sort_by_key(|(stamp, _)| *stamp);
    facts
}

fn dropped(facts: &Facts<'_>, name: &AttributeName) -> Option<Stamp> {
    newest(facts, |fact| matches!(fact, Fact::Drop(n) if *n == name))
}

/// The types that count: the oldest since the newest drop.
fn types(facts: &Facts<'_>) -> BTreeMap<AttributeName, AttributeType> {
    let mut types = BTreeMap::new();
    for (stamp, fact) in facts {
        if let Fact::Declare(name, ty) = fact
            && dropped(facts, name).is_none_or(|dropped| *stamp >= dropped)
        {
            types.entry((*name).clone()).or_insert(*ty);
        }
    }
    types
}

fn live(facts: &Facts<'_>) -> BTreeMap<Id, Stamp> {
    let ids = facts.iter().filter_map(|(_, fact)| match fact {
        Fact::Upsert(id, _) => Some(id),
        _ => None,
    });
    let ids: BTreeSet<&Id> = ids.collect();
    ids.into_iter()
        .filter_map(|id| {
            let upsert = newest(facts, |fact| matches!(fact, Fact::Upsert(i, _) if i == id))?;
            let delete = newest(facts, |fact| matches!(fact, Fact::Delete(i) if i == id));
            (delete.is_none_or(|delete| upsert > delete)).then(|| (id.clone(), upsert))
        })
        .collect()
}

/// The newest value of an attribute of a live row, of whatever type.
fn value(facts: &Facts<'_>, id: &Id, upsert: Stamp, name: &AttributeName) -> Value {
    let dropped = dropped(facts, name);
    let mut value = Value::Null;
    for (stamp, fact) in facts {
        if *stamp < upsert || dropped.is_some_and(|dropped| *stamp < dropped) {
            continue;
        }
        match fact {
            Fact::Upsert(i, values) if i == id => {
                value = values.get(name).cloned().unwrap_or_default();
            }
            Fact::Set(i, n, set) if i == id && n == name => value = set.clone(),
            Fact::Dim(i, n, dim, set) if i == id && n == name => {
                if let Value::Vector(vector) = &value {
                    value = Value::Vector(vector.with_dims([(*dim, *set)]));
                }
            }
            _ => {}
        }
    }
    value
}

/// The rows that a reader sees, without their nulls.
pub(super) fn rows(history: &[Item]) -> BTreeMap<Id, BTreeMap<String, Value>> {
    let facts = standing(history);
    let types = types(&facts);
    let kind = types
        .get("id")
        .and_then(|ty| IdKind::from_attribute_type(*ty));
    let rows = live(&facts)
        .into_iter()
        .filter(|(id, _)| Some(id.kind()) == kind);
    rows.map(|(id, upsert)| {
        let values = types
            .iter()
            .filter(|(name, _)| !name.is_id())
            .filter_map(|(name, ty)| {
                let value = value(&facts, &id, upsert, name);
                (!value.is_null() && value.fits(*ty)).then(|| (name.to_string(), value))
            });
        let values = values.collect();
        (id, values)
    })
    .collect()
}

/// How many values have lost, by attribute.
pub(super) fn lost(history: &[Item]) -> BTreeMap<AttributeName, u64> {
    let facts = standing(history);
    let types = types(&facts);
    let kind = types
        .get("id")
        .and_then(|ty| IdKind::from_attribute_type(*ty));
    let mut lost = BTreeMap::new();
    for (id, upsert) in live(&facts) {
        if Some(id.kind()) != kind {
            *lost.entry(AttributeName::id()).or_default() += 1;
            continue;
        }
        for (name, ty) in types.iter().filter(|(name, _)| !name.is_id()) {
            if !value(&facts, &id, upsert, name).fits(*ty) {
                *lost.entry(name.clone()).or_default() += 1;
            }
        }
    }
    lost
}
