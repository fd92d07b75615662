//! [`OpenCheckpoint`]: a checkpoint with what it refers to.

use crate::{
    format::{
        Checkpoint, NamespaceEntry, RunEntry,
        run::{RunDirectory, SliceEntry},
    },
    model::{ContentHash, Namespace, VersionVector},
};
use std::collections::{BTreeMap, BTreeSet};

/// A checkpoint, the map that it refers to, and the directories of its runs.
#[derive(Debug, Clone)]
pub struct OpenCheckpoint {
    /// The checkpoint.
    pub checkpoint: Checkpoint,
    /// Every namespace that has a manifest.
    pub namespaces: BTreeMap<Namespace, NamespaceEntry>,
    /// The chunks of that map as they are stored.
    pub chunks: Vec<(ContentHash, BTreeMap<Namespace, NamespaceEntry>)>,
    /// The runs, oldest first.
    pub runs: Vec<(RunEntry, RunDirectory)>,
}

impl OpenCheckpoint {
    /// What of each log it holds.
    pub fn seen(&self) -> VersionVector {
        let logs = self.checkpoint.logs.iter();
        logs.map(|(log, position)| (*log, position.seq)).collect()
    }

    /// Every namespace that it knows, by manifest or by a run.
    pub fn names(&self) -> BTreeSet<&Namespace> {
        let runs = self.runs.iter().flat_map(|(_, run)| &run.slices);
        let named = runs.map(|slice| &slice.namespace);
        self.namespaces.keys().chain(named).collect()
    }

    /// Whether runs hold blocks of a namespace that its manifest does not.
    pub fn has_blocks(&self, namespace: &Namespace) -> bool {
        self.slices(namespace).next().is_some()
    }

    /// Where the blocks of a namespace lie that its manifest does not hold, oldest run first.
    pub fn slices(
        &self,
        namespace: &Namespace,
    ) -> impl Iterator<Item = (ContentHash, &SliceEntry)> + '_ {
        let seen = self.namespaces.get(namespace).map(|entry| &entry.seen);
        let runs = self.runs.iter();
        let slices = runs.map(|(entry, run)| (entry.hash, run.get(namespace)));
        let found = slices.filter_map(|(hash, slice)| Some((hash, slice?)));
        let needed = found.filter(|(_, slice)| seen.is_none_or(|seen| !seen.covers(&slice.upto)));
        needed.collect::<Vec<_>>().into_iter()
    }
}
