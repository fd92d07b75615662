//! [`Views`]: every namespace of this node.

use super::{Installed, Live, Loser, Unfolded, conflicts::Conflicts};
use isobath_storage::{
    catalog::OpenCheckpoint,
    fold::FoldError,
    model::{Namespace, Segment, VersionVector},
};
use parking_lot::RwLock;
use std::{
    collections::{BTreeMap, btree_map::Entry},
    ops::Bound,
    sync::Arc,
};

/// Every namespace of this node, also those that were deleted: some open, the others as the newest checkpoint has
/// them, with what was written since.
///
/// A namespace is opened when somebody asks for it, so that a node is ready as soon as it has read a checkpoint,
/// however many namespaces there are. It stays open.
#[derive(Debug, Default)]
pub struct Views {
    state: RwLock<State>,
    conflicts: Conflicts,
}

#[derive(Debug, Default)]
struct State {
    namespaces: BTreeMap<Namespace, Slot>,
    /// What the namespaces that are not open stand on.
    checkpoint: Option<Arc<OpenCheckpoint>>,
}

#[derive(Debug)]
enum Slot {
    Open(Arc<Live>),
    /// What was written after the checkpoint, in log order.
    Closed(Vec<Unfolded>),
}

/// What a node knows of a namespace without asking the bucket.
#[derive(Debug, Clone)]
pub enum Known {
    /// Nothing was ever written to it.
    Absent,
    /// It is not open; what it stands on.
    Closed(Option<Arc<OpenCheckpoint>>),
    /// It is open.
    Open(Arc<Live>),
}

impl Views {
    /// The namespace if it is open, whether it exists or was deleted.
    pub fn get(&self, namespace: &Namespace) -> Option<Arc<Live>> {
        match self.state.read().namespaces.get(namespace) {
            Some(Slot::Open(live)) => Some(Arc::clone(live)),
            _ => None,
        }
    }

    /// What is known of a namespace.
    pub fn known(&self, namespace: &Namespace) -> Known {
        let state = self.state.read();
        match state.namespaces.get(namespace) {
            None => Known::Absent,
            Some(Slot::Open(live)) => Known::Open(Arc::clone(live)),
            Some(Slot::Closed(_)) => Known::Closed(state.checkpoint.clone()),
        }
    }

    /// What a namespace that is not open consists of, were it opened now: what the checkpoint has of it, and the blocks
    /// that were written since, in log order. `None` where it is open, or unknown.
    pub fn closed_at(&self, namespace: &Namespace) -> Option<(Arc<OpenCheckpoint>, Vec<Unfolded>)> {
        let state = self.state.read();
        match (state.namespaces.get(namespace), &state.checkpoint) {
            (Some(Slot::Closed(blocks)), Some(checkpoint)) => {
                Some((Arc::clone(checkpoint), blocks.clone()))
            }
            _ => None,
        }
    }

    /// The checkpoint that namespaces stand on which are not open.
    pub fn checkpoint(&self) -> Option<Arc<OpenCheckpoint>> {
        self.state.read().checkpoint.clone()
    }

    /// Stands what is not open on a newer checkpoint, which must not hold more of the log than was applied here. What
    /// it covers need not be remembered any more.
    pub fn adopt(&self, checkpoint: Arc<OpenCheckpoint>) {
        let seen = checkpoint.seen();
        let mut state = self.state.write();
        for slot in state.namespaces.values_mut() {
            if let Slot::Closed(blocks) = slot {
                blocks.retain(|unfolded| !unfolded.is_covered(&seen));
            }
        }
        for name in checkpoint.names() {
            if !state.namespaces.contains_key(name) {
                let closed = Slot::Closed(vec![]);
                state.namespaces.insert(name.clone(), closed);
            }
        }
        state.checkpoint = Some(checkpoint);
    }

    /// Opens a namespace: `live` is what it is as of `checkpoint`. What was written since is applied first. `None`
    /// where the namespaces stand on another checkpoint by now: read it again from there. A namespace that somebody
    /// else opened stays as it is.
    pub fn open(
        &self,
        namespace: &Namespace,
        live: Live,
        checkpoint: Option<u64>,
    ) -> Result<Option<Arc<Live>>, FoldError> {
        let mut state = self.state.write();
        let now = state.checkpoint.as_ref().map(|c| c.checkpoint.number);
        match state.namespaces.entry(namespace.clone()) {
            Entry::Occupied(mut entry) => {
                if let Slot::Open(open) = entry.get() {
                    return Ok(Some(Arc::clone(open)));
                }
                if now != checkpoint {
                    return Ok(None);
                }
                let live = Arc::new(live);
                if let Slot::Closed(blocks) = entry.get() {
                    for unfolded in blocks {
                        live.apply_unfolded(unfolded)?;
                    }
                }
                entry.insert(Slot::Open(Arc::clone(&live)));
                Ok(Some(live))
            }
            Entry::Vacant(entry) => {
                let live = Arc::new(live);
                entry.insert(Slot::Open(Arc::clone(&live)));
                Ok(Some(live))
            }
        }
    }

    /// Adds an open namespace at its manifest.
    pub fn insert(&self, namespace: Namespace, installed: Installed) {
        let live = Arc::new(Live::new(namespace.clone(), installed));
        let mut state = self.state.write();
        state.namespaces.insert(namespace, Slot::Open(live));
    }

    /// Applies a durable segment; those of a log come in its order. Blocks that a namespace's manifest covers
    /// are left out.
    pub fn apply(&self, segment: &Arc<Segment>) -> Result<(), FoldError> {
        self.conflicts.note(segment);
        for (at, block) in segment.blocks.iter().enumerate() {
            let unfolded = Unfolded::new(Arc::clone(segment), at);
            let live = match self.get(&block.namespace) {
                Some(live) => live,
                None => match self.remember(&block.namespace, &unfolded) {
                    Some(live) => live,
                    None => continue,
                },
            };
            let rivals = live.apply_unfolded(&unfolded)?;
            self.conflicts.met(&block.namespace, rivals);
        }
        Ok(())
    }

    /// The last writes that were lost to others of which they did not know, nor these of them; oldest first. Only those
    /// to namespaces that are open.
    pub fn losers(&self) -> Vec<Loser> {
        self.conflicts.losers()
    }

    /// Notes a block of a namespace that is not open; the namespace where it is, or where it is new.
    fn remember(&self, namespace: &Namespace, unfolded: &Unfolded) -> Option<Arc<Live>> {
        let mut state = self.state.write();
        match state.namespaces.get_mut(namespace) {
            Some(Slot::Open(live)) => Some(Arc::clone(live)),
            Some(Slot::Closed(blocks)) => {
                blocks.push(unfolded.clone());
                None
            }
            None => {
                let live = Arc::new(Live::new(namespace.clone(), Installed::default()));
                let slot = Slot::Open(Arc::clone(&live));
                state.namespaces.insert(namespace.clone(), slot);
                Some(live)
            }
        }
    }

    /// Up to `limit` namespaces of clients whose name starts with `prefix` and comes after `after`, and that exist or
    /// have to be opened to know it.
    pub fn list(
        &self,
        prefix: &str,
        after: Option<&Namespace>,
        limit: usize,
    ) -> Vec<(Namespace, Existence)> {
        let state = self.state.read();
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let names = state
            .namespaces
            .range((from, Bound::Unbounded))
            .filter(|(name, _)| name.as_str().starts_with(prefix) && !name.is_reserved());
        let known = names.map(|(name, slot)| (name.clone(), state.existence(name, slot)));
        known
            .filter(|(_, existence)| *existence != Existence::No)
            .take(limit)
            .collect()
    }

    /// Every namespace that is open, also those that were deleted.
    pub fn all(&self) -> Vec<(Namespace, Arc<Live>)> {
        let state = self.state.read();
        let open = state
            .namespaces
            .iter()
            .filter_map(|(name, slot)| match slot {
                Slot::Open(live) => Some((name.clone(), Arc::clone(live))),
                Slot::Closed(_) => None,
            });
        open.collect()
    }

    /// What was written to each namespace that no manifest holds and that `seen` does not cover, in log order.
    pub fn unfolded(&self, seen: &VersionVector) -> BTreeMap<Namespace, Vec<Unfolded>> {
        let state = self.state.read();
        let mut unfolded = BTreeMap::new();
        for (name, slot) in &state.namespaces {
            let mut blocks = match slot {
                Slot::Open(live) => live.unfolded_blocks(),
                Slot::Closed(blocks) => blocks.clone(),
            };
            blocks.retain(|block| !block.is_covered(seen));
            if !blocks.is_empty() {
                unfolded.insert(name.clone(), blocks);
            }
        }
        unfolded
    }

    /// How many bytes of memory take what was written and what is known of its rows, as long as no manifest holds it;
    /// more or less.
    pub fn unfolded_bytes(&self) -> u64 {
        let state = self.state.read();
        let slots = state.namespaces.values();
        let bytes = slots.map(|slot| match slot {
            Slot::Open(live) => live.unfolded_memory(),
            Slot::Closed(blocks) => blocks.iter().map(Unfolded::memory).sum(),
        });
        bytes.sum()
    }

    /// The namespaces that are not open, with how many bytes of blocks wait for each, more or less.
    pub fn closed(&self) -> Vec<(Namespace, u64)> {
        let state = self.state.read();
        let closed = state
            .namespaces
            .iter()
            .filter_map(|(name, slot)| match slot {
                Slot::Open(_) => None,
                Slot::Closed(blocks) => {
                    let waiting: u64 = blocks.iter().map(Unfolded::memory).sum();
                    let checkpoint = state.checkpoint.as_ref();
                    let stored: u64 = checkpoint.map_or(0, |checkpoint| {
                        checkpoint.slices(name).map(|(_, slice)| slice.length).sum()
                    });
                    Some((name.clone(), waiting + stored))
                }
            });
        closed.collect()
    }
}

/// Whether a namespace exists, as far as a node knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existence {
    /// It does not.
    No,
    /// It does.
    Yes,
    /// It has to be opened to know.
    Unknown,
}

impl State {
    fn existence(&self, name: &Namespace, slot: &Slot) -> Existence {
        let exists = match slot {
            Slot::Open(live) if live.is_lacking() => return Existence::Unknown,
            Slot::Open(live) => live.view().exists(),
            Slot::Closed(blocks) => {
                let Some(checkpoint) = &self.checkpoint else {
                    return Existence::Unknown;
                };
                if !blocks.is_empty() || checkpoint.has_blocks(name) {
                    return Existence::Unknown;
                }
                let entry = checkpoint.namespaces.get(name);
                entry.is_some_and(|entry| entry.created.is_some())
            }
        };
        if exists {
            Existence::Yes
        } else {
            Existence::No
        }
    }
}
