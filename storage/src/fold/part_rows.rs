//! [`PartRows`]: the rows of a part under a manifest.

use super::{BaseRows, Found, RowRef};
use crate::model::{Id, Rows, Stamp, StampColumn};
use roaring::RoaringBitmap;
use std::{cmp::Ordering, sync::Arc};

/// The rows of a part, sorted by id, with what a manifest's deletion vector hides of them.
#[derive(Debug, Clone)]
pub struct PartRows {
    /// The rows.
    pub rows: Arc<Rows>,
    /// Their stamps.
    pub stamps: StampColumn,
    /// The rows that a newer part or nothing replaces.
    pub dead: Arc<RoaringBitmap>,
}

impl PartRows {
    /// The number of the row `id`, unless it is dead.
    pub fn find(&self, id: &Id) -> Option<u32> {
        let ids = self.rows.ids();
        let last = ids.len().checked_sub(1)?;
        if ids.compare(last, id) == Ordering::Less {
            return None;
        }
        let row = u32::try_from(ids.binary_search(id)?).ok()?;
        (!self.dead.contains(row)).then_some(row)
    }

    /// How many rows are not dead.
    pub fn live(&self) -> u64 {
        (self.rows.len() as u64).saturating_sub(self.dead.len())
    }
}

impl BaseRows for [PartRows] {
    fn find(&self, id: &Id) -> Option<Found> {
        self.iter().enumerate().rev().find_map(|(part, rows)| {
            let row = rows.find(id)?;
            let stamp = rows.stamps.get(row as usize);
            Some(Found {
                part,
                row: RowRef {
                    rows: Arc::clone(&rows.rows),
                    row,
                },
                stamp,
            })
        })
    }

    fn has_adopted(&self, stamp: Stamp) -> bool {
        let mut parts = self.iter();
        parts.any(|part| part.stamps.repeated() == Some(stamp))
    }
}
