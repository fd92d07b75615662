//! From rows that were found to the rows of an answer.

use super::{Hit, Include, SearchContext, SearchError, run::Found};
use crate::view::RowSet;
use isobath_storage::model::{AttributeName, AttributeType, Schema, Value, VectorValue};
use std::sync::Arc;

/// The attributes that an answer's rows bring along.
pub(super) struct Included<'a> {
    attributes: Vec<(&'a AttributeName, AttributeType)>,
}

impl<'a> Included<'a> {
    /// Those of `schema` that are asked for; the id comes along anyway.
    pub(super) fn new(include: &Include, schema: &'a Schema) -> Self {
        let wanted = |name: &AttributeName| match include {
            Include::Nothing => false,
            Include::All => true,
            Include::Only(names) => names.contains(name),
            Include::Except(names) => !names.contains(name),
        };
        let attributes = schema.attributes.iter();
        Self {
            attributes: attributes
                .filter(|(name, _)| wanted(name))
                .map(|(name, config)| (name, config.ty))
                .collect(),
        }
    }

    /// The rows of the answer, unless they take more memory than is left for them.
    pub(super) fn hits(
        &self,
        sets: &[Arc<RowSet>],
        found: &[Found],
        context: &mut SearchContext<'_>,
    ) -> Result<Vec<Hit>, SearchError> {
        context.take_answer(found.len().saturating_mul(size_of::<Hit>()))?;
        let hit = |found| {
            let hit = self.hit(sets, found);
            context.take_answer(hit.attributes.iter().map(|(_, value)| bytes(value)).sum())?;
            Ok(hit)
        };
        found.iter().map(hit).collect()
    }

    /// The row of the answer.
    fn hit(&self, sets: &[Arc<RowSet>], found: &Found) -> Hit {
        let row = found.place.row as usize;
        let rows = &sets[found.place.set as usize].rows;
        let value = |(name, ty): &(&AttributeName, AttributeType)| {
            let column = rows.column(name.as_str()).filter(|c| c.ty == *ty)?;
            match column.value(row) {
                Value::Null => None,
                value => Some(((*name).clone(), value)),
            }
        };
        Hit {
            id: rows.ids().get(row),
            distance: found.distance,
            attributes: self.attributes.iter().filter_map(value).collect(),
        }
    }
}

/// Bytes that a value takes.
fn bytes(value: &Value) -> usize {
    let beyond = match value {
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(bytes).sum(),
        Value::Vector(VectorValue::F32(values)) => values.len() * 4,
        Value::Vector(VectorValue::F16(values)) => values.len() * 2,
        _ => 0,
    };
    size_of::<(AttributeName, Value)>() + beyond
}
