//! [`Chunks`]: the rows of the delta, in few row sets.

use super::{Origin, RowSet, Version};
use isobath_storage::{
    fold::{FoldError, ResolvedRows},
    model::{Id, IdKind, Rows, RowsError, Schema, StampColumn},
};
use std::{collections::HashMap, sync::Arc};

/// The most rows of a row set that smaller ones are merged into.
const MERGED_ROWS: usize = 4 * 1024;

/// The rows of the delta: row sets by age, and where each id stands.
///
/// Small row sets are merged like the digits of a binary counter, so that a row is copied a logarithmic
/// number of times and a query meets few row sets.
#[derive(Debug, Default)]
pub(super) struct Chunks {
    sets: Vec<(u64, Arc<RowSet>)>,
    next: u64,
    at: HashMap<Id, (u64, u32)>,
}

impl Chunks {
    /// The row sets, oldest first.
    pub(super) fn sets(&self) -> impl Iterator<Item = &Arc<RowSet>> {
        self.sets.iter().map(|(_, set)| set)
    }

    /// Where a row stands.
    pub(super) fn find(&self, id: &Id) -> Option<(&Arc<RowSet>, u32)> {
        let (chunk, row) = *self.at.get(id)?;
        let at = self
            .sets
            .binary_search_by_key(&chunk, |(number, _)| *number);
        let (_, set) = self.sets.get(at.ok()?)?;
        Some((set, row))
    }

    /// Hides a row from `version` on; whether it stood here.
    pub(super) fn hide(&mut self, id: &Id, version: Version) -> bool {
        let Some((chunk, row)) = self.at.remove(id) else {
            return false;
        };
        if let Ok(at) = self
            .sets
            .binary_search_by_key(&chunk, |(number, _)| *number)
        {
            self.sets[at].1.hidden.hide(row as usize, version);
        }
        true
    }

    /// Adds rows that are visible from `version` on; what they replace was hidden before.
    pub(super) fn push(
        &mut self,
        rows: ResolvedRows,
        schema: &Schema,
        version: Version,
    ) -> Result<(), FoldError> {
        if rows.rows.is_empty() {
            return Ok(());
        }
        self.insert(rows)?;
        while let [.., (_, older), (_, newer)] = self.sets.as_slice() {
            let rows = older.len() + newer.len();
            if rows > MERGED_ROWS || older.len() >= 2 * newer.len() {
                break;
            }
            let merged = merge(&[older, newer], schema, version)?;
            self.sets.truncate(self.sets.len() - 2);
            self.insert(merged)?;
        }
        Ok(())
    }

    fn insert(&mut self, rows: ResolvedRows) -> Result<(), FoldError> {
        if rows.rows.is_empty() {
            return Ok(());
        }
        let number = self.next;
        self.next += 1;
        for (row, id) in (0..).zip(rows.rows.ids().iter()) {
            self.at.insert(id, (number, row));
        }
        let stamps = StampColumn::from_stamps(&rows.stamps).ok_or(RowsError::MixedIds)?;
        let set = RowSet::new(Origin::Delta, Arc::new(rows.rows), stamps);
        self.sets.push((number, Arc::new(set)));
        Ok(())
    }
}

/// The rows of `sets` that `version` sees.
fn merge(
    sets: &[&Arc<RowSet>],
    schema: &Schema,
    version: Version,
) -> Result<ResolvedRows, FoldError> {
    let columns: Vec<_> = schema
        .attributes
        .iter()
        .map(|(name, c)| (name.clone(), c.ty))
        .collect();
    let visible = |(at, set): (usize, &&Arc<RowSet>)| {
        let rows: Vec<_> = (0..set.len())
            .filter(|row| set.is_visible(*row, version))
            .collect();
        rows.into_iter().map(move |row| (at, row))
    };
    let picks: Vec<(usize, usize)> = sets.iter().enumerate().flat_map(visible).collect();
    let stamps = picks
        .iter()
        .map(|(set, row)| sets[*set].stamps.get(*row))
        .collect();
    let kind = schema.id_kind.unwrap_or(IdKind::Uint);
    let pieces: Vec<&Rows> = sets.iter().map(|set| &*set.rows).collect();
    let rows = Rows::interleave(kind, &columns, &pieces, &picks)?;
    Ok(ResolvedRows { rows, stamps })
}
