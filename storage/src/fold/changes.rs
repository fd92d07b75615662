//! [`Changes`]: what a block changed, and what its mutations met.

use crate::model::{AttributeName, Id, Stamp, VersionVector};

/// What a block changed.
#[derive(Debug, Default)]
pub struct Changes {
    /// The rows that the block names, in the order of their first mutation in it. Where the schema changed, or the
    /// namespace was deleted, every row that is known may have changed too.
    pub ids: Vec<Id>,
    /// Whether the schema changed.
    pub schema: bool,
    /// Attributes that were dropped: older values read as null from now on.
    pub dropped: Vec<AttributeName>,
    /// Whether the namespace was deleted: rows with older stamps are gone.
    pub deleted: bool,
    /// Mutations of the block that met one of another log which their writer had not seen.
    pub rivals: Vec<Rival>,
}

/// Two mutations of one row, of different logs, of which one replaces the other, or a column of it; the writer of
/// `stamp` had not seen `other`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rival {
    /// The row.
    pub id: Id,
    /// The mutation that was applied just now.
    pub stamp: Stamp,
    /// The one that it met.
    pub other: Stamp,
}

/// No more rivals of a block than this are noted.
const RIVALS_MAX: usize = 1024;

/// What is noted while a request is applied.
pub(super) struct Notes<'a> {
    /// The rows that it names.
    pub(super) ids: Vec<Id>,
    /// What its writer had seen; none where that is of no interest.
    pub(super) seen: Option<&'a VersionVector>,
    pub(super) rivals: Vec<Rival>,
}

impl Notes<'_> {
    /// A mutation of `id` meets an older or newer one.
    pub(super) fn meets(&mut self, id: &Id, stamp: Stamp, other: Option<Stamp>) {
        let (Some(seen), Some(other)) = (self.seen, other) else {
            return;
        };
        let unseen = other.log != stamp.log && seen.get(other.log) < other.seq;
        if unseen && self.rivals.len() < RIVALS_MAX {
            let id = id.clone();
            self.rivals.push(Rival { id, stamp, other });
        }
    }
}
