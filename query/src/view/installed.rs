//! [`Installed`]: a namespace at a manifest, as parts that queries search.

use super::{Origin, RowSet, Version};
use isobath_storage::{
    fold::{PartRows, SchemaState},
    model::{ContentHash, Hlc, PartEntry, VersionVector},
};
use roaring::RoaringBitmap;
use std::sync::Arc;

/// A part as a view holds it.
#[derive(Debug, Clone)]
pub struct PartSet {
    /// What queries search; survives from manifest to manifest.
    pub set: Arc<RowSet>,
    /// The same rows with the manifest's deletion vector.
    pub rows: PartRows,
    /// What names it, but for its deletion vector.
    pub entry: PartEntry,
}

impl PartSet {
    /// The rows of a part under the entry that names it, whose stamp counts where it has one.
    pub fn new(rows: PartRows, entry: PartEntry) -> Self {
        let rows = match entry.stamp {
            None => rows,
            Some(stamp) => rows.adopted(stamp),
        };
        let origin = Origin::Part(entry.hash.to_string().into());
        let mut set = RowSet::new(origin, Arc::clone(&rows.rows), rows.stamps.clone());
        set.owner.clone_from(&entry.owner);
        Self {
            set: Arc::new(set),
            rows,
            entry,
        }
    }

    /// The hash of the part's bytes.
    pub fn hash(&self) -> ContentHash {
        self.entry.hash
    }

    /// Whether it is the part that `entry` names, with the same stamps: what hides its rows goes on counting.
    pub fn is(&self, entry: &PartEntry) -> bool {
        (self.entry.hash, self.entry.stamp) == (entry.hash, entry.stamp)
    }

    /// The same part with another deletion vector.
    #[must_use]
    pub fn with_dead(&self, dead: Arc<RoaringBitmap>) -> Self {
        Self {
            set: Arc::clone(&self.set),
            rows: self.rows.with_dead(dead),
            entry: self.entry.clone(),
        }
    }

    /// The same part under an entry with a newer deletion vector, which is `dead`.
    #[must_use]
    pub fn under(&self, entry: &PartEntry, dead: Arc<RoaringBitmap>) -> Self {
        Self {
            entry: entry.clone(),
            ..self.with_dead(dead)
        }
    }
}

/// A namespace at a manifest's version vector.
#[derive(Debug, Clone, Default)]
pub struct Installed {
    /// Everything known but the rows.
    pub schema: SchemaState,
    /// The parts, oldest first.
    pub parts: Vec<PartSet>,
    /// What the parts and the schema hold of each log.
    pub seen: VersionVector,
    /// When the last write was committed.
    pub last_write: Hlc,
}

impl Installed {
    /// Hides the rows that the deletion vectors name, and those that are not live; those that are hidden already stay
    /// as they are.
    pub(super) fn hide_dead(&self, version: Version) {
        for part in &self.parts {
            for row in part.rows.hidden() {
                part.set.hidden.hide(row as usize, version);
            }
        }
    }
}
