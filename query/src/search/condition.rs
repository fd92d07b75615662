//! [`Condition`]: whether a row may be written, by what it holds and by what is written.

use super::{Comparison, Filter, SearchError, filter};
use crate::view::{Origin, RowSet};
use arrow_buffer::{BooleanBuffer, BooleanBufferBuilder};
use isobath_storage::model::{AttributeName, Rows, Schema, StampColumn, Value};
use std::sync::Arc;

/// Whether a row may be written, by what it holds and by what is written.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// All of them.
    And(Vec<Condition>),
    /// At least one of them.
    Or(Vec<Condition>),
    /// Not so.
    Not(Box<Condition>),
    /// By what the row holds alone.
    Row(Filter),
    /// Compares what the row holds with what is written.
    New {
        /// The attribute of the row as it is.
        attribute: AttributeName,
        /// How.
        comparison: Comparison,
        /// The attribute of the row as it is written.
        new: AttributeName,
    },
}

impl Condition {
    /// Which rows of `current` meet it; `new` tells what is written to an attribute of one of them.
    pub fn holds(
        &self,
        schema: &Schema,
        current: &Rows,
        new: &dyn Fn(usize, &AttributeName) -> Value,
    ) -> Result<BooleanBuffer, SearchError> {
        let each = |conditions: &[Self], join: fn(&BooleanBuffer, &BooleanBuffer) -> _, none| {
            let start = BooleanBuffer::collect_bool(current.len(), |_| none);
            conditions.iter().try_fold(start, |met, condition| {
                Ok(join(&met, &condition.holds(schema, current, new)?))
            })
        };
        match self {
            Self::And(conditions) => each(conditions, |a, b| a & b, true),
            Self::Or(conditions) => each(conditions, |a, b| a | b, false),
            Self::Not(condition) => Ok(!&condition.holds(schema, current, new)?),
            Self::Row(filter) => passing(filter, schema, current),
            Self::New {
                attribute,
                comparison,
                new: written,
            } => {
                let compare = |value| Filter::Compare {
                    attribute: attribute.clone(),
                    comparison: *comparison,
                    value,
                };
                let values = (0..current.len()).map(|row| new(row, written));
                each_value(
                    attribute,
                    compare,
                    schema,
                    current,
                    &values.collect::<Vec<_>>(),
                )
            }
        }
    }
}

/// Which of `rows` pass `filter`.
pub fn passing(
    filter: &Filter,
    schema: &Schema,
    rows: &Rows,
) -> Result<BooleanBuffer, SearchError> {
    let predicate = filter::bind(filter, schema)?;
    // no filter looks at stamps
    let stamps = StampColumn::from_stamps(&[]).ok_or(SearchError::Interrupted)?;
    let set = RowSet::new(Origin::Delta, Arc::new(rows.clone()), stamps);
    filter::evaluate(&predicate, &set, None)
}

/// Which of `rows` pass the filter that `compare` makes of each row's value. Equal values in a row are
/// looked at together.
fn each_value(
    attribute: &AttributeName,
    compare: impl Fn(Value) -> Filter,
    schema: &Schema,
    rows: &Rows,
    values: &[Value],
) -> Result<BooleanBuffer, SearchError> {
    let mut met = BooleanBufferBuilder::new(rows.len());
    let mut from = 0;
    for run in values.chunk_by(|a, b| a == b) {
        let to = from + run.len();
        let filter = compare(run.first().cloned().unwrap_or_default());
        let slice = rows.part_of_column(attribute.as_str(), from, to);
        met.append_buffer(&passing(&filter, schema, &slice)?);
        from = to;
    }
    if values.is_empty() {
        // a filter that does not fit the schema is refused, whether there are rows or not
        passing(&compare(Value::Null), schema, rows)?;
    }
    Ok(met.finish())
}

#[cfg(test)]
mod tests {
    use super::*;
    use isobath_storage::model::{
        AttributeConfig, AttributeType, Column, IdColumn, IdKind, ScalarType,
    };

    const INT: AttributeType = AttributeType::Scalar(ScalarType::Int);

    fn name(name: &str) -> AttributeName {
        name.parse().unwrap()
    }

    fn schema() -> Schema {
        let config = AttributeConfig {
            ty: INT,
            metric: None,
            switches: [].into(),
        };
        Schema {
            id_kind: Some(IdKind::Uint),
            attributes: [(name("n"), config)].into(),
        }
    }

    fn rows(values: &[Value]) -> Rows {
        let ids = IdColumn::U64((0..values.len() as u64).collect::<Vec<_>>().into());
        let column = Column::from_values(name("n"), INT, values).unwrap();
        Rows::new(ids, vec![column]).unwrap()
    }

    fn newer() -> Condition {
        Condition::New {
            attribute: name("n"),
            comparison: Comparison::Lt,
            new: name("n"),
        }
    }

    fn met(condition: &Condition, current: &[Value], written: &[Value]) -> Vec<bool> {
        let new = |row: usize, _: &AttributeName| written[row].clone();
        let met = condition.holds(&schema(), &rows(current), &new).unwrap();
        met.iter().collect()
    }

    #[test]
    fn should_compare_each_row_with_what_is_written_to_it() {
        let current = [1, 2, 3, 4].map(Value::Int);
        let written = [Value::Int(2), Value::Int(2), Value::Int(4), Value::Null];
        assert_eq!(
            met(&newer(), &current, &written),
            [true, false, true, false]
        );
    }

    #[test]
    fn should_join_and_turn_conditions() {
        let (current, written) = ([1, 2, 3].map(Value::Int), [2, 2, 2].map(Value::Int));
        let one = Condition::Row(Filter::Compare {
            attribute: name("n"),
            comparison: Comparison::Eq,
            value: Value::Int(3),
        });
        let or = Condition::Or(vec![newer(), one.clone()]);
        assert_eq!(met(&or, &current, &written), [true, false, true]);
        let not = Condition::Not(Box::new(or));
        assert_eq!(met(&not, &current, &written), [false, true, false]);
        let and = Condition::And(vec![newer(), one]);
        assert_eq!(met(&and, &current, &written), [false; 3]);
        assert_eq!(met(&Condition::And(vec![]), &current, &written), [true; 3]);
        assert_eq!(met(&Condition::Or(vec![]), &current, &written), [false; 3]);
    }

    #[test]
    fn should_refuse_what_does_not_compare() {
        let text = |_: usize, _: &AttributeName| Value::String("x".into());
        let error = newer().holds(&schema(), &rows(&[Value::Int(1)]), &text);
        assert!(error.unwrap_err().to_string().contains("`n`"));
    }
}
