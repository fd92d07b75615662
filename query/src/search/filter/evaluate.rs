//! Evaluates a [`Predicate`] over all rows of a row set, column by column.

use super::predicate::{Accepts, ColumnTest, Predicate, Set, ValueTest};
use crate::search::scalars::{Scalars, Values};
use arrow_array::{Array, ListArray};
use arrow_buffer::{BooleanBuffer, NullBuffer};
use isobath_storage::model::Rows;
use std::borrow::Borrow;

/// Which of `rows` pass.
pub(in crate::search) fn evaluate(predicate: &Predicate, rows: &Rows) -> BooleanBuffer {
    match predicate {
        Predicate::Always(pass) => all(*pass, rows.len()),
        Predicate::All(predicates) => {
            let pieces = predicates.iter().map(|p| evaluate(p, rows));
            pieces
                .reduce(|a, b| &a & &b)
                .unwrap_or_else(|| all(true, rows.len()))
        }
        Predicate::Any(predicates) => {
            let pieces = predicates.iter().map(|p| evaluate(p, rows));
            pieces
                .reduce(|a, b| &a | &b)
                .unwrap_or_else(|| all(false, rows.len()))
        }
        Predicate::Not(predicate) => !&evaluate(predicate, rows),
        Predicate::Column(test) => column(test, rows),
    }
}

fn all(pass: bool, len: usize) -> BooleanBuffer {
    if pass {
        BooleanBuffer::new_set(len)
    } else {
        BooleanBuffer::new_unset(len)
    }
}

fn column(test: &ColumnTest, rows: &Rows) -> BooleanBuffer {
    let (attribute, len) = (&test.attribute, rows.len());
    if attribute.is_id() {
        return value(&test.value, Scalars::of_ids(rows.ids()), None, len);
    }
    let Some(column) = rows
        .column(attribute.as_str())
        .filter(|column| column.ty == test.ty)
    else {
        return all(test.null, len);
    };
    let lists = column.array.as_any().downcast_ref();
    let pass = value(&test.value, Scalars::of_array(&column.array), lists, len);
    match (column.array.nulls(), test.null) {
        (None, _) => pass,
        (Some(nulls), true) => &pass | &!nulls.inner(),
        (Some(nulls), false) => &pass & nulls.inner(),
    }
}

/// Which values pass; at null rows anything.
fn value(
    test: &ValueTest,
    scalars: Scalars<'_>,
    lists: Option<&ListArray>,
    len: usize,
) -> BooleanBuffer {
    let (pass, negated) = match test {
        ValueTest::Always(pass) => return all(*pass, len),
        ValueTest::Scalar { accepts, negated } => (scalar(accepts, scalars, len), negated),
        ValueTest::AnyElement { accepts, negated } => {
            (lists.map(|lists| any_element(accepts, lists)), negated)
        }
        ValueTest::Array { items, negated } => (lists.map(|lists| equal(items, lists)), negated),
    };
    let pass = pass.unwrap_or_else(|| all(false, len));
    if *negated { !&pass } else { pass }
}

/// Which scalars are accepted; `None` where the column is of another type.
fn scalar(accepts: &Accepts, scalars: Scalars<'_>, len: usize) -> Option<BooleanBuffer> {
    let collect = |f: &dyn Fn(usize) -> bool| BooleanBuffer::collect_bool(len, f);
    Some(match (accepts, scalars.values) {
        (Accepts::Whole(set), Values::I64(v)) => numbers(set, v),
        (Accepts::Whole(set), Values::U64(v)) => numbers(set, v),
        (Accepts::Float(set), Values::F64(v)) => numbers(set, v),
        (Accepts::Text(set), Values::Text(v)) => {
            BooleanBuffer::collect_bool(len, |row| set.contains(v.value(row)))
        }
        (Accepts::Bytes(set), Values::Binary(v)) => collect(&|row| set.contains(v.value(row))),
        (Accepts::Bytes(set), Values::Uuids(v)) => {
            collect(&|row| set.contains(v[row].as_bytes().as_slice()))
        }
        (Accepts::Bool(set), Values::Bools(v)) => collect(&|row| set.contains(&v.value(row))),
        _ => return None,
    })
}

fn numbers<T, N>(set: &Set<T>, values: &[N]) -> BooleanBuffer
where
    T: PartialOrd + Borrow<T>,
    N: Copy + Into<T>,
{
    BooleanBuffer::collect_bool(values.len(), |row| set.contains::<T>(&values[row].into()))
}

/// Which lists have an element that is accepted.
fn any_element(accepts: &Accepts, lists: &ListArray) -> BooleanBuffer {
    let items = Items::of(lists);
    let pass = items.accepted(accepts);
    BooleanBuffer::collect_bool(lists.len(), |row| items.range(row).any(|at| pass.value(at)))
}

/// Which lists consist of elements that are accepted one by one.
fn equal(expected: &[Option<Accepts>], lists: &ListArray) -> BooleanBuffer {
    let items = Items::of(lists);
    let accepted: Vec<BooleanBuffer> = expected
        .iter()
        .map(|accepts| match accepts {
            Some(accepts) => items.accepted(accepts),
            None => items.missing(),
        })
        .collect();
    BooleanBuffer::collect_bool(lists.len(), |row| {
        let range = items.range(row);
        range.len() == accepted.len() && range.zip(&accepted).all(|(at, pass)| pass.value(at))
    })
}

/// The elements of all lists of a column.
struct Items<'a> {
    scalars: Scalars<'a>,
    nulls: Option<&'a NullBuffer>,
    offsets: &'a [i32],
    len: usize,
}

impl<'a> Items<'a> {
    fn of(lists: &'a ListArray) -> Self {
        Self {
            scalars: Scalars::of_array(lists.values()),
            nulls: lists.values().nulls(),
            offsets: lists.value_offsets(),
            len: lists.values().len(),
        }
    }

    /// Where the elements of `row` are.
    fn range(&self, row: usize) -> std::ops::Range<usize> {
        let at = |row: usize| usize::try_from(self.offsets[row]).unwrap_or(0);
        at(row)..at(row + 1)
    }

    fn accepted(&self, accepts: &Accepts) -> BooleanBuffer {
        let pass = scalar(accepts, self.scalars, self.len);
        let pass = pass.unwrap_or_else(|| all(false, self.len));
        match self.nulls {
            Some(nulls) => &pass & nulls.inner(),
            None => pass,
        }
    }

    fn missing(&self) -> BooleanBuffer {
        match self.nulls {
            Some(nulls) => !nulls.inner(),
            None => all(false, self.len),
        }
    }
}
