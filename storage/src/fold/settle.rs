//! Rows that no late mutation can change: their patches become part of them.

use super::{Base, Cell, FoldError, Overlay, RowRef, RowState, overlay::to_u32};
use crate::model::{
    AttributeName, Column, Hlc, Id, IdColumn, Rows, RowsError, Schema, Stamp, Value,
};
use std::{collections::BTreeMap, sync::Arc};

/// A row whose patches are about to become part of it.
struct Settling {
    id: Id,
    /// The newest mutation that becomes part of the row.
    stamp: Stamp,
    values: BTreeMap<AttributeName, Value>,
    /// The patches that do not.
    rest: BTreeMap<AttributeName, Cell>,
}

/// Settles every row; the schema still knows the drops.
pub(super) fn rows(overlay: &mut Overlay, stable: Hlc) -> Result<(), FoldError> {
    let schema = overlay.schema.schema();
    overlay.rows.retain(|id, entry| {
        entry.state.settle(stable);
        let lost = schema.id_kind.is_some_and(|kind| kind != id.kind());
        !(lost
            && entry
                .state
                .newest()
                .is_some_and(|stamp| stamp.hlc <= stable))
    });
    let Some(kind) = schema.id_kind else {
        return Ok(());
    };
    let settling: Vec<Settling> = overlay
        .rows
        .iter()
        .filter(|(id, _)| id.kind() == kind)
        .filter_map(|(id, entry)| settling(overlay, &schema, stable, id, &entry.state))
        .collect();
    let ids = IdColumn::from_ids(kind, settling.iter().map(|row| &row.id));
    let columns = schema.attributes.iter().filter_map(|(name, config)| {
        let value = |row: &Settling| row.values.get(name).cloned().unwrap_or_default();
        let values: Vec<Value> = settling.iter().map(value).collect();
        Column::from_values(name.clone(), config.ty, &values)
    });
    let rows = Arc::new(Rows::new(
        ids.ok_or(RowsError::MixedIds)?,
        columns.collect(),
    )?);
    for (
        row,
        Settling {
            id, stamp, rest, ..
        },
    ) in settling.into_iter().enumerate()
    {
        let rows = Arc::clone(&rows);
        let row = RowRef {
            rows,
            row: to_u32(row),
        };
        overlay.rows.entry(id).or_default().state = RowState::with_cells(stamp, row, rest);
    }
    Ok(())
}

/// The row as it is when it has settled; `None` where nothing of it does.
fn settling(
    overlay: &Overlay,
    schema: &Schema,
    stable: Hlc,
    id: &Id,
    state: &RowState<RowRef>,
) -> Option<Settling> {
    let Base::Live { stamp, row } = state.base() else {
        return None;
    };
    if stamp.hlc > stable {
        return None;
    }
    let (done, rest) = state.split_cells(stable);
    let value = |name: &AttributeName| {
        let hidden = overlay.schema.is_dropped(name.as_str(), *stamp);
        let below = if hidden {
            Value::Null
        } else {
            row.value(name.as_str())
        };
        done.get(name)
            .map_or_else(|| below.clone(), |cell| cell.over(below.clone()))
    };
    let keeps = |name: &AttributeName, value: &Value| {
        schema
            .get(name.as_str())
            .is_some_and(|config| value.fits(config.ty))
    };
    let stays = |column: &Column| {
        let hidden = overlay.schema.is_dropped(column.name.as_str(), *stamp);
        let declared = schema.get(column.name.as_str()).map(|config| config.ty);
        if !hidden && declared == Some(column.ty) {
            return true;
        }
        let value = column.value(row.row as usize);
        value.is_null() || (!hidden && keeps(&column.name, &value))
    };
    if done.is_empty() && row.rows.columns().iter().all(stays) {
        return None;
    }
    let values = schema
        .attributes
        .keys()
        .map(|name| (name.clone(), value(name)));
    Some(Settling {
        id: id.clone(),
        stamp: done
            .values()
            .filter_map(Cell::newest)
            .fold(*stamp, Stamp::max),
        values: values.filter(|(name, value)| keeps(name, value)).collect(),
        rest,
    })
}
