//! Evaluates a [`Predicate`] over all rows of a row set, column by column.

use super::{
    matcher::Matcher,
    predicate::{Accepts, ColumnTest, Predicate, Set, ValueTest},
};
use crate::{
    search::{
        Deadline, SearchError,
        scalars::{Scalar, Scalars, Values},
    },
    view::RowSet,
};
use arrow_array::{Array, ListArray, StringArray};
use arrow_buffer::{BooleanBuffer, BooleanBufferBuilder};
use isobath_storage::model::Rows;
use std::{borrow::Borrow, cell::Cell};

/// What matching texts with a pattern may cost between two looks at the clock.
const PACE: usize = 1 << 20;
/// What a text costs at least.
const ROW_COST: usize = 256;
/// What it may cost in all where there is no clock to look at.
const MAX_COST: usize = 1 << 26;

/// Which rows of `set` pass; an error once the deadline has passed. Without one, patterns that cost too much
/// on so many rows are refused.
pub(in crate::search) fn evaluate(
    predicate: &Predicate,
    set: &RowSet,
    deadline: Option<&Deadline>,
) -> Result<BooleanBuffer, SearchError> {
    let rows = &set.rows;
    let evaluation = Evaluation {
        set,
        rows,
        deadline,
        cost: Cell::new(0),
    };
    evaluation.predicate(predicate)
}

/// Evaluates one predicate.
struct Evaluation<'a> {
    set: &'a RowSet,
    rows: &'a Rows,
    deadline: Option<&'a Deadline>,
    /// What matching patterns has cost so far.
    cost: Cell<usize>,
}

impl Evaluation<'_> {
    fn predicate(&self, predicate: &Predicate) -> Result<BooleanBuffer, SearchError> {
        let len = self.rows.len();
        Ok(match predicate {
            Predicate::Always(pass) => all(*pass, len),
            Predicate::All(predicates) => {
                let mut pass = all(true, len);
                for predicate in predicates {
                    pass = &pass & &self.predicate(predicate)?;
                }
                pass
            }
            Predicate::Any(predicates) => {
                let mut pass = all(false, len);
                for predicate in predicates {
                    pass = &pass | &self.predicate(predicate)?;
                }
                pass
            }
            Predicate::Not(predicate) => !&self.predicate(predicate)?,
            Predicate::Column(test) => self.column(test)?,
            Predicate::Tokens(test) => test.evaluate(self.set, self.deadline)?,
        })
    }

    fn column(&self, test: &ColumnTest) -> Result<BooleanBuffer, SearchError> {
        self.check()?;
        let (attribute, len) = (&test.attribute, self.rows.len());
        if attribute.is_id() {
            return self.value(&test.value, Scalars::of_ids(self.rows.ids()), None, len);
        }
        let Some(column) = self
            .rows
            .column(attribute.as_str())
            .filter(|column| column.ty == test.ty)
        else {
            return Ok(all(test.null, len));
        };
        let lists = column.array.as_any().downcast_ref();
        let pass = self.value(&test.value, Scalars::of_array(&column.array), lists, len)?;
        Ok(match (column.array.nulls(), test.null) {
            (None, _) => pass,
            (Some(nulls), true) => &pass | &!nulls.inner(),
            (Some(nulls), false) => &pass & nulls.inner(),
        })
    }

    /// Which values pass; at null rows anything.
    fn value(
        &self,
        test: &ValueTest,
        scalars: Scalars<'_>,
        lists: Option<&ListArray>,
        len: usize,
    ) -> Result<BooleanBuffer, SearchError> {
        let (pass, negated) = match test {
            ValueTest::Always(pass) => return Ok(all(*pass, len)),
            ValueTest::Scalar { accepts, negated } => {
                (self.scalars(accepts, scalars, len)?, negated)
            }
            ValueTest::AnyElement { accepts, negated } => match lists {
                Some(lists) => (self.any_element(accepts, lists)?, negated),
                None => (all(false, len), negated),
            },
            ValueTest::Array { items, negated } => {
                let pass = lists.map(|lists| equal(items, lists));
                (pass.unwrap_or_else(|| all(false, len)), negated)
            }
        };
        Ok(if *negated { !&pass } else { pass })
    }

    /// Which scalars are accepted; none where the column is of another type.
    fn scalars(
        &self,
        accepts: &Accepts,
        scalars: Scalars<'_>,
        len: usize,
    ) -> Result<BooleanBuffer, SearchError> {
        let collect = |f: &dyn Fn(usize) -> bool| BooleanBuffer::collect_bool(len, f);
        Ok(match (accepts, scalars.values) {
            (Accepts::Whole(set), Values::I64(v)) => numbers(set, v),
            (Accepts::Whole(set), Values::U64(v)) => numbers(set, v),
            (Accepts::Float(set), Values::F64(v)) => numbers(set, v),
            (Accepts::Text(set), Values::Text(v)) => {
                BooleanBuffer::collect_bool(len, |row| set.contains(v.value(row)))
            }
            (Accepts::Pattern(matcher), Values::Text(v)) => self.matching(matcher, v)?,
            (Accepts::Bytes(set), Values::Binary(v)) => collect(&|row| set.contains(v.value(row))),
            (Accepts::Bytes(set), Values::Uuids(v)) => {
                collect(&|row| set.contains(v[row].as_bytes().as_slice()))
            }
            (Accepts::Bool(set), Values::Bools(v)) => collect(&|row| set.contains(&v.value(row))),
            _ => all(false, len),
        })
    }

    /// Which texts match. The only test whose time depends on how long the values are.
    fn matching(
        &self,
        matcher: &Matcher,
        texts: &StringArray,
    ) -> Result<BooleanBuffer, SearchError> {
        let mut pass = BooleanBufferBuilder::new(texts.len());
        let mut cost = 0;
        for row in 0..texts.len() {
            let text = texts.value(row);
            cost += matcher.cost(text) + ROW_COST;
            if cost >= PACE {
                self.check()?;
                self.spend(cost, matcher)?;
                cost = 0;
            }
            pass.append(matcher.matches(text)?);
        }
        self.spend(cost, matcher)?;
        Ok(pass.finish())
    }

    /// Which lists have an element that is accepted.
    fn any_element(
        &self,
        accepts: &Accepts,
        lists: &ListArray,
    ) -> Result<BooleanBuffer, SearchError> {
        let values = lists.values();
        let mut pass = self.scalars(accepts, Scalars::of_array(values), values.len())?;
        if let Some(nulls) = values.nulls() {
            pass = &pass & nulls.inner();
        }
        let any = |row| elements(lists, row).any(|at| pass.value(at));
        Ok(BooleanBuffer::collect_bool(lists.len(), any))
    }

    fn spend(&self, cost: usize, matcher: &Matcher) -> Result<(), SearchError> {
        let cost = self.cost.get().saturating_add(cost);
        self.cost.set(cost);
        if self.deadline.is_none() && cost > MAX_COST {
            return Err(matcher.refuse("the patterns are too complex for so many values"));
        }
        Ok(())
    }

    fn check(&self) -> Result<(), SearchError> {
        self.deadline.map_or(Ok(()), Deadline::check)
    }
}

fn all(pass: bool, len: usize) -> BooleanBuffer {
    if pass {
        BooleanBuffer::new_set(len)
    } else {
        BooleanBuffer::new_unset(len)
    }
}

fn numbers<T, N>(set: &Set<T>, values: &[N]) -> BooleanBuffer
where
    T: PartialOrd + Borrow<T>,
    N: Copy + Into<T>,
{
    BooleanBuffer::collect_bool(values.len(), |row| set.contains::<T>(&values[row].into()))
}

/// Which lists consist of elements that are accepted one by one; `None` accepts null.
fn equal(expected: &[Option<Accepts>], lists: &ListArray) -> BooleanBuffer {
    let items = Scalars::of_array(lists.values());
    let holds = |(at, accepts): (usize, &Option<Accepts>)| match (items.get(at), accepts) {
        (Scalar::Null, accepts) => accepts.is_none(),
        (value, Some(accepts)) => accepts.contains(&value),
        (_, None) => false,
    };
    BooleanBuffer::collect_bool(lists.len(), |row| {
        let range = elements(lists, row);
        range.len() == expected.len() && range.zip(expected).all(holds)
    })
}

/// Where the elements of the list in `row` are.
fn elements(lists: &ListArray, row: usize) -> std::ops::Range<usize> {
    let offsets = lists.value_offsets();
    let at = |row: usize| usize::try_from(offsets[row]).unwrap_or(0);
    at(row)..at(row + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        search::{Pattern, Syntax},
        view::Origin,
    };
    use isobath_storage::{
        SystemClock,
        model::{AttributeName, Column, IdColumn, StampColumn, Value},
    };
    use std::{sync::Arc, time::Duration};

    const ROWS: usize = PACE / ROW_COST;

    fn set(text: &str) -> RowSet {
        let values = vec![Value::String(text.into()); ROWS];
        let (name, ty) = ("a".parse().unwrap(), "string".parse().unwrap());
        let column = Column::from_values(name, ty, &values).unwrap();
        let ids: Vec<u64> = (0..ROWS as u64).collect();
        let rows = Rows::new(IdColumn::U64(ids.into()), vec![column]).unwrap();
        let stamps = StampColumn::from_stamps(&[]).unwrap();
        RowSet::new(Origin::Delta, Arc::new(rows), stamps)
    }

    fn test(text: &str) -> Predicate {
        let pattern = Pattern {
            syntax: Syntax::Regex,
            text: text.into(),
        };
        let attribute: AttributeName = "a".parse().unwrap();
        let matcher = Matcher::new(&attribute, &pattern).unwrap();
        Predicate::Column(ColumnTest {
            attribute,
            ty: "string".parse().unwrap(),
            null: false,
            value: ValueTest::Scalar {
                accepts: Accepts::Pattern(matcher),
                negated: false,
            },
        })
    }

    #[test]
    fn should_stop_once_the_deadline_has_passed() {
        let ask = |time| {
            let deadline = Deadline::after(Arc::new(SystemClock), time);
            let pass = evaluate(&test("x"), &set("x"), Some(&deadline));
            pass.map(|pass| pass.count_set_bits())
        };
        assert_eq!(ask(Duration::from_hours(1)).unwrap(), ROWS);
        assert!(matches!(
            ask(Duration::ZERO),
            Err(SearchError::DeadlineExceeded)
        ));
    }

    #[test]
    fn should_refuse_what_costs_too_much_without_a_deadline() {
        let text = "a".repeat(40);
        let ask = |pattern| evaluate(&test(pattern), &set(&text), None);
        assert_eq!(ask("^a").unwrap().count_set_bits(), ROWS);
        let refused = ask("^b{1000}").unwrap_err().to_string();
        assert!(
            refused.ends_with("the patterns are too complex for so many values"),
            "{refused}"
        );
    }
}
