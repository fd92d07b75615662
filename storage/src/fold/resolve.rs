//! [`ResolvedRows`]: from states to rows as a reader sees them.

use super::{Base, FoldError, Overlay, RowRef, RowState};
use crate::model::{
    AttributeName, AttributeType, Column, Id, IdColumn, IdKind, Rows, RowsError, Schema, Stamp,
    Value,
};
use std::{collections::HashMap, sync::Arc};

/// Rows as a reader sees them, with the stamps of their newest mutations.
#[derive(Debug, Clone)]
pub struct ResolvedRows {
    /// Whole rows, their patches applied.
    pub rows: Rows,
    /// Their stamps, in row order.
    pub stamps: Vec<Stamp>,
}

/// A column of the schema with its newest drop.
struct Wanted {
    name: AttributeName,
    ty: AttributeType,
    dropped: Option<Stamp>,
}

type Live<'a> = (&'a Id, &'a RowState<RowRef>);

/// The rows of `ids` that are live, in that order.
///
/// Unpatched rows are copied column by column; others are built value by value.
pub(super) fn rows(
    overlay: &Overlay,
    ids: &[Id],
    schema: &Schema,
) -> Result<ResolvedRows, FoldError> {
    let wanted: Vec<Wanted> = schema
        .attributes
        .iter()
        .map(|(name, config)| Wanted {
            name: name.clone(),
            ty: config.ty,
            dropped: overlay.schema().dropped(name.as_str()),
        })
        .collect();
    let kind = schema.id_kind.unwrap_or(IdKind::Uint);
    let live: Vec<Live<'_>> = ids
        .iter()
        .filter(|id| id.kind() == kind)
        .filter_map(|id| overlay.get(id).map(|state| (id, state)))
        .filter(|(_, state)| state.is_live())
        .collect();
    let masked = wanted.iter().filter_map(|column| column.dropped).max();
    let composed: Vec<Live<'_>> = live
        .iter()
        .filter(|(_, state)| plain(state, masked).is_none())
        .copied()
        .collect();
    let composed = compose(kind, &wanted, &composed)?;
    // piece 0 holds the composed rows, in order
    let mut pieces = Pieces {
        rows: vec![&composed],
        numbers: HashMap::new(),
    };
    let mut next_composed = 0..;
    let picks: Vec<(usize, usize)> = live
        .iter()
        .filter_map(|(_, state)| match plain(state, masked) {
            Some(row) => Some((pieces.number(&row.rows), row.row as usize)),
            None => next_composed.next().map(|row| (0, row)),
        })
        .collect();
    let stamps = live
        .iter()
        .filter_map(|(_, state)| state.newest())
        .collect();
    let columns: Vec<_> = wanted
        .iter()
        .map(|column| (column.name.clone(), column.ty))
        .collect();
    let rows = if composed.is_empty() && pieces.rows.len() == 2 {
        let picks: Vec<_> = picks.iter().map(|(_, row)| (0, *row)).collect();
        Rows::interleave(kind, &columns, &pieces.rows[1..], &picks)?
    } else {
        Rows::interleave(kind, &columns, &pieces.rows, &picks)?
    };
    Ok(ResolvedRows { rows, stamps })
}

/// The distinct rows that picks refer to.
struct Pieces<'a> {
    rows: Vec<&'a Rows>,
    numbers: HashMap<*const Rows, usize>,
}

impl<'a> Pieces<'a> {
    fn number(&mut self, rows: &'a Arc<Rows>) -> usize {
        *self.numbers.entry(Arc::as_ptr(rows)).or_insert_with(|| {
            self.rows.push(rows);
            self.rows.len() - 1
        })
    }
}

/// The row of a state that no patch and no drop touched.
fn plain(state: &RowState<RowRef>, masked: Option<Stamp>) -> Option<&RowRef> {
    match state.base() {
        Base::Live { row, stamp }
            if state.cells().is_empty() && masked.is_none_or(|dropped| *stamp > dropped) =>
        {
            Some(row)
        }
        _ => None,
    }
}

/// Rows built value by value.
fn compose(kind: IdKind, wanted: &[Wanted], run: &[Live<'_>]) -> Result<Rows, FoldError> {
    let ids = IdColumn::from_ids(kind, run.iter().map(|(id, _)| *id)).ok_or(RowsError::MixedIds)?;
    let columns = wanted.iter().filter_map(|column| {
        let values: Vec<Value> = run.iter().map(|(_, state)| value(state, column)).collect();
        Column::from_values(column.name.clone(), column.ty, &values)
    });
    Ok(Rows::new(ids, columns.collect())?)
}

/// The value of one column; null where it is of a type that lost.
fn value(state: &RowState<RowRef>, column: &Wanted) -> Value {
    let name = column.name.as_str();
    let below = match state.base() {
        Base::Live { stamp, row } if column.dropped.is_none_or(|dropped| *stamp > dropped) => {
            let typed = row.rows.column(name).filter(|found| found.ty == column.ty);
            typed.map_or(Value::Null, |found| found.value(row.row as usize))
        }
        _ => Value::Null,
    };
    let value = newest_value(state, &column.name, below);
    if value.fits(column.ty) {
        value
    } else {
        Value::Null
    }
}

/// The newest value of a column, of whatever type, where the base holds `below`.
pub(super) fn newest_value(state: &RowState<RowRef>, name: &AttributeName, below: Value) -> Value {
    match state.cells().get(name) {
        None => below,
        Some(cell) => cell.over(below),
    }
}
