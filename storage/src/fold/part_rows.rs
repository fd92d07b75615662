//! [`PartRows`]: the rows of a part under a manifest.

use super::{BaseRows, FoldError, Found, Residue, RowRef, StateRows};
use crate::model::{Id, Rows, Stamp, StampColumn};
use roaring::RoaringBitmap;
use std::{cmp::Ordering, collections::BTreeMap, sync::Arc};

/// The rows of a part, sorted by id, with what a manifest's deletion vector hides of them.
#[derive(Debug, Clone)]
pub struct PartRows {
    /// The rows.
    pub rows: Arc<Rows>,
    /// Their stamps.
    pub stamps: StampColumn,
    /// The rows that a newer part or nothing replaces.
    pub dead: Arc<RoaringBitmap>,
    /// By row, what its columns do not hold.
    pub residue: Arc<BTreeMap<u32, Residue>>,
}

impl PartRows {
    /// Rows of which none is dead, and whose columns hold all that is known of them.
    pub fn new(rows: Arc<Rows>, stamps: StampColumn) -> Self {
        Self {
            rows,
            stamps,
            dead: Arc::default(),
            residue: Arc::default(),
        }
    }

    /// Rows with all that is known of them; of which none is dead.
    pub fn from_states(states: StateRows) -> Result<Self, FoldError> {
        let stamps = StampColumn::from_stamps(&states.stamps).ok_or(FoldError::TooManyLogs)?;
        Ok(Self {
            residue: Arc::new(states.residue),
            ..Self::new(states.rows, stamps)
        })
    }

    /// The same rows with another deletion vector.
    #[must_use]
    pub fn with_dead(&self, dead: Arc<RoaringBitmap>) -> Self {
        Self {
            dead,
            ..self.clone()
        }
    }

    /// The rows as upserts of the record that adopted them: what is not live is none, and what is known besides the
    /// columns is of no account.
    #[must_use]
    pub fn adopted(self, stamp: Stamp) -> Self {
        let traces = self.traces().next().is_some();
        let dead = if traces {
            Arc::new(self.hidden())
        } else {
            self.dead
        };
        Self {
            stamps: StampColumn::repeat(stamp, self.rows.len()),
            rows: self.rows,
            dead,
            residue: Arc::default(),
        }
    }

    /// The rows that are not live, and are kept because a late mutation could need what is known of them.
    pub fn traces(&self) -> impl Iterator<Item = u32> {
        let traces = self.residue.iter();
        traces.filter_map(|(row, residue)| (!residue.state.is_live()).then_some(*row))
    }

    /// The rows that no reader sees, dead or not live.
    pub fn hidden(&self) -> RoaringBitmap {
        let mut hidden = RoaringBitmap::clone(&self.dead);
        hidden.extend(self.traces());
        hidden
    }

    /// The number of the row `id`, unless it is dead; it may not be live.
    pub fn find(&self, id: &Id) -> Option<u32> {
        let ids = self.rows.ids();
        let last = ids.len().checked_sub(1)?;
        if ids.compare(last, id) == Ordering::Less {
            return None;
        }
        let row = u32::try_from(ids.binary_search(id)?).ok()?;
        (!self.dead.contains(row)).then_some(row)
    }

    /// How many rows a reader sees.
    pub fn live(&self) -> u64 {
        let rows = self.rows.len() as u64;
        if self.residue.is_empty() {
            return rows.saturating_sub(self.dead.len());
        }
        rows.saturating_sub(self.hidden().len())
    }

    /// The row `id` as the part of this number holds it.
    fn found(&self, part: usize, id: &Id) -> Option<Found> {
        let row = self.find(id)?;
        let stamp = self.stamps.get(row as usize);
        Some(Found {
            part,
            row: RowRef {
                rows: Arc::clone(&self.rows),
                row,
            },
            stamp,
            residue: self.residue.get(&row).cloned().map(Box::new),
        })
    }

    /// The ids of rows that are not dead and of which the columns do not hold all.
    fn unsettled(&self) -> impl Iterator<Item = Id> {
        let rows = self.residue.keys().filter(|row| !self.dead.contains(**row));
        rows.map(|row| self.rows.ids().get(*row as usize))
    }
}

impl BaseRows for [PartRows] {
    fn find(&self, id: &Id) -> Option<Found> {
        let mut parts = self.iter().enumerate().rev();
        parts.find_map(|(part, rows)| rows.found(part, id))
    }

    fn find_all(&self, id: &Id) -> Vec<Found> {
        let parts = self.iter().enumerate();
        parts
            .filter_map(|(part, rows)| rows.found(part, id))
            .collect()
    }

    fn unsettled(&self) -> Vec<Id> {
        self.iter().flat_map(PartRows::unsettled).collect()
    }

    fn has_adopted(&self, stamp: Stamp) -> bool {
        let mut parts = self.iter();
        parts.any(|part| part.stamps.repeated() == Some(stamp))
    }

    fn newer(&self, stamp: Stamp) -> Vec<Id> {
        let others = self.iter().filter(|part| {
            part.stamps.repeated() != Some(stamp) && part.stamps.newest() >= stamp.hlc
        });
        let newer = others.flat_map(|part| {
            let rows = (0u32..).zip(0..part.rows.len());
            let newer =
                rows.filter(|(row, at)| part.stamps.get(*at) > stamp && !part.dead.contains(*row));
            newer.map(|(_, at)| part.rows.ids().get(at))
        });
        newer.collect()
    }
}
