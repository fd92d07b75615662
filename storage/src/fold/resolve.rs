//! [`ResolvedRows`]: from states to rows as a reader sees them.

use super::{Base, FoldError, Overlay, RowRef, RowState};
use crate::model::{
    AttributeName, AttributeType, Column, Id, IdColumn, IdKind, Rows, RowsError, Schema, Stamp,
    Value,
};
use std::sync::Arc;

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
/// A run of unpatched rows of the same columns is taken as a whole; others are built value by value.
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
    let (mut pieces, mut rest) = (vec![], live.as_slice());
    while let Some((_, first)) = rest.first() {
        let length = match plain(first, masked) {
            None => rest
                .iter()
                .take_while(|(_, state)| plain(state, masked).is_none())
                .count(),
            Some(head) => rest
                .iter()
                .take_while(|(_, state)| {
                    plain(state, masked).is_some_and(|row| Arc::ptr_eq(&row.rows, &head.rows))
                })
                .count(),
        };
        let (run, after) = rest.split_at(length);
        pieces.push(match plain(first, masked) {
            Some(head) => taken(&head.rows, run)?,
            None => composed(kind, &wanted, run)?,
        });
        rest = after;
    }
    let stamps = live
        .iter()
        .filter_map(|(_, state)| state.newest())
        .collect();
    let columns: Vec<_> = wanted
        .into_iter()
        .map(|column| (column.name, column.ty))
        .collect();
    let rows = Rows::concat(kind, &columns, &pieces.iter().collect::<Vec<_>>())?;
    Ok(ResolvedRows { rows, stamps })
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

/// Rows of one and the same columns.
fn taken(rows: &Arc<Rows>, run: &[Live<'_>]) -> Result<Rows, FoldError> {
    let numbers: Vec<u32> = run
        .iter()
        .filter_map(|(_, state)| match state.base() {
            Base::Live { row, .. } => Some(row.row),
            _ => None,
        })
        .collect();
    let whole = numbers.len() == rows.len() && numbers.iter().zip(0..).all(|(row, at)| *row == at);
    Ok(if whole {
        Rows::clone(rows)
    } else {
        rows.take(&numbers)?
    })
}

/// Rows built value by value.
fn composed(kind: IdKind, wanted: &[Wanted], run: &[Live<'_>]) -> Result<Rows, FoldError> {
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
    let value = match state.cells().get(name) {
        None => below,
        Some(cell) => cell.over(below),
    };
    if value.fits(column.ty) {
        value
    } else {
        Value::Null
    }
}
