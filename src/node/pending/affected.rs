//! [`Tally`]: which rows a write changed, each once.

use isobath_storage::{
    log::Affected,
    model::{Counts, Id, Mutation},
};
use std::collections::HashSet;

/// How many rows a write changed in each way, and which, each once.
#[derive(Debug)]
pub(super) struct Tally {
    counts: Counts,
    affected: Option<Affected>,
    /// Patched rows, where several mutations may patch the same.
    patched: Option<HashSet<Id>>,
}

/// What a mutation does to a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    Upsert,
    Patch,
    Delete,
}

impl Change {
    pub(super) fn of(mutation: &Mutation) -> Option<Self> {
        match mutation {
            Mutation::Upsert(_) => Some(Self::Upsert),
            Mutation::Patch(..) | Mutation::SparsePatch(_) => Some(Self::Patch),
            Mutation::Delete(_) => Some(Self::Delete),
            Mutation::Control(_) => None,
        }
    }
}

impl Tally {
    /// Nothing yet of a write that holds `mutations`.
    pub(super) fn new(mutations: &[Mutation], ids: bool) -> Self {
        let changes = mutations.iter().filter_map(Change::of);
        let patches = changes.filter(|change| *change == Change::Patch).count();
        let mut tally = Self {
            counts: Counts::default(),
            affected: ids.then(Affected::default),
            patched: (patches > 1).then(HashSet::new),
        };
        for change in mutations.iter().filter_map(Change::of) {
            tally.count(change).get_or_insert(0);
        }
        tally
    }

    fn count(&mut self, change: Change) -> &mut Option<u64> {
        match change {
            Change::Upsert => &mut self.counts.upserted,
            Change::Patch => &mut self.counts.patched,
            Change::Delete => &mut self.counts.deleted,
        }
    }

    /// A row was changed.
    pub(super) fn add(&mut self, change: Change, id: &Id) {
        if change == Change::Patch
            && self
                .patched
                .as_mut()
                .is_some_and(|patched| !patched.insert(id.clone()))
        {
            return;
        }
        *self.count(change).get_or_insert(0) += 1;
        if let Some(affected) = &mut self.affected {
            let ids = match change {
                Change::Upsert => &mut affected.upserted,
                Change::Patch => &mut affected.patched,
                Change::Delete => &mut affected.deleted,
            };
            ids.push(id.clone());
        }
    }

    pub(super) fn finish(self) -> (Counts, Option<Affected>) {
        (self.counts, self.affected)
    }
}
