//! [`Running`]: one aggregate on its way through the rows, for every group.

use super::{FloatSum, Member};
use crate::search::{
    Aggregate, AggregateValue, SearchError,
    matching::Matching,
    scalars::{Scalars, Values},
};
use arrow_array::Array;
use isobath_storage::model::{AttributeName, AttributeType, IdKind, ScalarType, Schema};

/// One aggregate on its way through the rows, for every group.
#[derive(Debug)]
pub(super) struct Running {
    label: String,
    over: Over,
    totals: Totals,
}

/// What is aggregated.
#[derive(Debug)]
enum Over {
    /// Rows.
    Rows,
    /// Rows that have the attribute.
    Present(AttributeName, AttributeType),
    /// Values of the attribute.
    Values(AttributeName, AttributeType),
}

/// What it has come to, by group.
#[derive(Debug)]
enum Totals {
    /// No sum of 64-bit numbers reaches the end of 128 bits.
    Whole(Vec<i128>),
    Float(Vec<FloatSum>),
}

impl Running {
    /// Checks an aggregate against the schema.
    pub(super) fn bind(
        label: &str,
        aggregate: &Aggregate,
        schema: &Schema,
    ) -> Result<Self, SearchError> {
        let attribute_type = |attribute: &AttributeName| -> Result<_, SearchError> {
            if attribute.is_id() {
                return Ok(schema.id_kind.map(IdKind::attribute_type));
            }
            let config = schema.get(attribute.as_str());
            let missing = || fault(attribute, "the schema has no such attribute");
            Ok(Some(config.ok_or_else(missing)?.ty))
        };
        let mut totals = Totals::Whole(vec![]);
        let over = match aggregate {
            Aggregate::Count => Over::Rows,
            Aggregate::CountOf(attribute) => match attribute_type(attribute)? {
                Some(ty) if !attribute.is_id() => Over::Present(attribute.clone(), ty),
                _ => Over::Rows,
            },
            Aggregate::Sum(attribute) => {
                let number = AttributeType::Scalar(ScalarType::Uint);
                let ty = attribute_type(attribute)?.unwrap_or(number);
                match ty {
                    AttributeType::Scalar(ScalarType::Int | ScalarType::Uint) => {}
                    AttributeType::Scalar(ScalarType::Float) => totals = Totals::Float(vec![]),
                    _ => {
                        let text = format!("Sum expects int, uint or float, not {ty}");
                        return Err(fault(attribute, text));
                    }
                }
                Over::Values(attribute.clone(), ty)
            }
        };
        Ok(Self {
            label: label.to_owned(),
            over,
            totals,
        })
    }

    /// Whether it only counts rows.
    pub(super) fn is_count(&self) -> bool {
        matches!(self.over, Over::Rows)
    }

    /// Starts with one group of `rows` rows, whose other values are still to come.
    pub(super) fn start(&mut self, rows: u64) {
        self.grow(1);
        if let (Over::Rows, Totals::Whole(totals)) = (&self.over, &mut self.totals) {
            totals[0] = rows.into();
        }
    }

    /// Makes room for `groups` groups.
    fn grow(&mut self, groups: usize) {
        match &mut self.totals {
            Totals::Whole(totals) => totals.resize(groups.max(totals.len()), 0),
            Totals::Float(totals) => totals.resize_with(groups.max(totals.len()), Default::default),
        }
    }

    /// Adds rows of `set`, members of `groups` groups.
    pub(super) fn add(&mut self, set: &Matching<'_>, members: &[Member], groups: usize) {
        self.grow(groups);
        match (&self.over, &mut self.totals) {
            (Over::Rows, Totals::Whole(totals)) => {
                for member in members {
                    totals[member.group as usize] += 1;
                }
            }
            (Over::Present(attribute, ty), Totals::Whole(totals)) => {
                let column = set.set.rows.column(attribute.as_str());
                if let Some(column) = column.filter(|column| column.ty == *ty) {
                    let valid = |m: &&Member| column.array.is_valid(m.row as usize);
                    let present = members.iter().filter(valid);
                    for member in present {
                        totals[member.group as usize] += 1;
                    }
                }
            }
            (Over::Values(attribute, ty), totals) => {
                let scalars = set.scalars(attribute, *ty);
                match (scalars.values, totals) {
                    (Values::I64(values), Totals::Whole(totals)) => {
                        add_all(values, scalars, members, |group, n| {
                            totals[group] += i128::from(n);
                        });
                    }
                    (Values::U64(values), Totals::Whole(totals)) => {
                        add_all(values, scalars, members, |group, n| {
                            totals[group] += i128::from(n);
                        });
                    }
                    (Values::F64(values), Totals::Float(totals)) => {
                        add_all(values, scalars, members, |group, f| totals[group].add(f));
                    }
                    // Every row is null.
                    _ => {}
                }
            }
            // Counts are whole.
            (_, Totals::Float(_)) => {}
        }
    }

    /// The label with what the only group came to.
    pub(super) fn total(self) -> Result<(String, AggregateValue), SearchError> {
        let value = self.value(0)?;
        Ok((self.label, value))
    }

    /// What a group came to; a group without a value comes to 0.
    pub(super) fn value(&self, group: usize) -> Result<AggregateValue, SearchError> {
        match &self.totals {
            Totals::Whole(totals) => {
                let total = totals.get(group).copied();
                Ok(AggregateValue::Whole(total.unwrap_or(0)))
            }
            Totals::Float(totals) => {
                let total = totals.get(group).map_or(Some(0.0), FloatSum::total);
                let total = total.map(AggregateValue::Float);
                total.ok_or_else(|| self.overflow())
            }
        }
    }

    fn overflow(&self) -> SearchError {
        let id = AttributeName::id();
        let attribute = match &self.over {
            Over::Rows => &id,
            Over::Present(attribute, _) | Over::Values(attribute, _) => attribute,
        };
        fault(attribute, "the sum is beyond the range of a 64-bit float")
    }
}

/// Calls `add` with group and value of every member that has a value.
fn add_all<T: Copy>(
    values: &[T],
    scalars: Scalars<'_>,
    members: &[Member],
    mut add: impl FnMut(usize, T),
) {
    for member in members {
        let row = member.row as usize;
        if scalars.nulls.is_none_or(|nulls| nulls.is_valid(row)) {
            add(member.group as usize, values[row]);
        }
    }
}

fn fault(attribute: &AttributeName, text: impl Into<String>) -> SearchError {
    SearchError::clause("aggregate_by", attribute, text)
}
