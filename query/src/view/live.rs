//! [`Live`]: one namespace as this node keeps it up to date.

use super::{
    FoldInput, Installed, Lacking, Origin, PartSet, RowSet, Unfolded, Version, View, chunks::Chunks,
};
use arc_swap::ArcSwap;
use isobath_storage::{
    fold::{BaseRows, Changes, FoldError, Found, Overlay, PartRows, Rival, RowRef, SchemaState},
    model::{AttributeName, Hlc, Id, Namespace, Schema, Segment, Stamp, VersionVector},
};
use parking_lot::Mutex;
use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

/// What is known of a row of the delta besides its values takes so many bytes: its state, and where it stands.
const ROW_BYTES: u64 = 256;

/// One namespace as this node keeps it up to date: written by the task that applies the log, read by queries
/// without a lock through [`Self::view`].
///
/// Where it adopts parts, what is written from then on waits until they are supplied: until then the view is older
/// than the log, and [`Self::is_lacking`].
#[derive(Debug)]
pub struct Live {
    view: ArcSwap<View>,
    state: Mutex<State>,
    lacking: AtomicBool,
}

#[derive(Debug)]
struct State {
    installed: Installed,
    base: Vec<PartRows>,
    overlay: Overlay,
    chunks: Chunks,
    blocks: Vec<Unfolded>,
    version: Version,
    schema: Arc<Schema>,
    seen: VersionVector,
    last_write: Hlc,
    /// The parts that the first of `blocks` adopts, with the record's stamp.
    adopted: Option<(Stamp, Vec<PartSet>)>,
    /// What cannot be applied yet: the first adopts parts that are not here.
    waiting: VecDeque<Unfolded>,
}

impl Live {
    /// A namespace at a manifest; an empty one at none.
    pub fn new(namespace: Namespace, installed: Installed) -> Self {
        installed.hide_dead(Version(1));
        let state = State::new(installed, Version(1));
        let view = ArcSwap::from_pointee(state.view(namespace));
        Self {
            view,
            state: Mutex::new(state),
            lacking: AtomicBool::new(false),
        }
    }

    /// What a query sees from now on, however long it takes.
    pub fn view(&self) -> Arc<View> {
        self.view.load_full()
    }

    /// Applies the mutations of a block; a query sees all of them or none. Blocks of one log come in its order, those of
    /// several in any.
    pub fn apply(&self, segment: &Arc<Segment>, block: usize) -> Result<(), FoldError> {
        let unfolded = Unfolded::new(Arc::clone(segment), block);
        self.apply_unfolded(&unfolded).map(drop)
    }

    /// Applies the mutations of a block, unless they were applied before; a query sees all of them or none. The
    /// mutations of other logs that they met and their writer had not seen.
    pub fn apply_unfolded(&self, unfolded: &Unfolded) -> Result<Vec<Rival>, FoldError> {
        let mut state = self.state.lock();
        if unfolded.is_covered(&state.seen) {
            return Ok(vec![]);
        }
        if !state.waiting.is_empty() || state.lacks(unfolded) {
            state.waiting.push_back(unfolded.clone());
            self.lacking.store(true, Ordering::Release);
            return Ok(vec![]);
        }
        state.version = state.version.next();
        let rivals = state.apply(unfolded.clone())?;
        self.publish(&state);
        Ok(rivals)
    }

    /// Whether something waits for parts, see [`Self::lacking`]. Cheap.
    pub fn is_lacking(&self) -> bool {
        self.lacking.load(Ordering::Acquire)
    }

    /// The parts that have to be fetched before anything else is applied.
    pub fn lacking(&self) -> Option<Lacking> {
        let state = self.state.lock();
        let (stamp, adoption) = state.waiting.front()?.adoption()?;
        Some(Lacking {
            namespace: self.view.load().namespace.clone(),
            stamp,
            adoption: adoption.clone(),
        })
    }

    /// Adopts `parts`, as the record with this stamp says, and applies what waited for them. Nothing happens where
    /// nothing waits for them any more.
    pub fn supply(&self, stamp: Stamp, parts: Vec<PartSet>) -> Result<(), FoldError> {
        let mut state = self.state.lock();
        let first = state.waiting.front().and_then(Unfolded::adoption);
        if first.map(|(stamp, _)| stamp) != Some(stamp) {
            return Ok(());
        }
        state.adopted = Some((stamp, parts));
        state.catch_up()?;
        self.publish(&state);
        Ok(())
    }

    /// Whether it stands on adopted parts that no manifest of its own names yet.
    pub fn has_adopted(&self) -> bool {
        self.state.lock().adopted.is_some()
    }

    /// What was applied since the manifest, in log order, with what waits to be.
    pub fn unfolded_blocks(&self) -> Vec<Unfolded> {
        let state = self.state.lock();
        state.blocks.iter().chain(&state.waiting).cloned().collect()
    }

    /// What a fold would start from now.
    pub fn fold_input(&self) -> FoldInput {
        let state = self.state.lock();
        FoldInput {
            installed: state.installed.clone(),
            blocks: state.blocks.clone(),
            seen: state.seen.clone(),
            last_write: state.last_write,
        }
    }

    /// The manifest that the namespace stands on.
    pub fn installed(&self) -> Installed {
        self.state.lock().installed.clone()
    }

    /// Rows and bytes that no part covers yet, more or less.
    pub fn unfolded(&self) -> (usize, usize) {
        let state = self.state.lock();
        let bytes = state.chunks.sets().map(|set| set.rows.memory()).sum();
        (state.overlay.len(), bytes)
    }

    /// How many bytes of memory what no part covers yet takes, more or less: values, and what is known of their rows.
    pub fn unfolded_memory(&self) -> u64 {
        let (rows, bytes) = self.unfolded();
        bytes as u64 + rows as u64 * ROW_BYTES
    }

    /// Whether anything was applied since the manifest.
    pub fn has_unfolded(&self) -> bool {
        let state = self.state.lock();
        !(state.blocks.is_empty() && state.waiting.is_empty())
    }

    /// The stamp of the newest mutation of a row that still matters; `None` where the row does not exist.
    pub fn newest(&self, id: &Id) -> Option<Stamp> {
        self.state.lock().newest(id)
    }

    /// Whether a row exists.
    pub fn is_live(&self, id: &Id) -> bool {
        let state = self.state.lock();
        match state.overlay.get(id) {
            Some(row) => row.is_live(),
            None => state.base.find(id).is_some_and(|found| {
                found.is_live() && !state.overlay.schema().is_deleted(found.stamp)
            }),
        }
    }

    /// Everything known but the rows.
    pub fn schema_state(&self) -> SchemaState {
        self.state.lock().overlay.schema().clone()
    }

    /// Stands the namespace on a newer manifest: what it covers leaves the delta.
    pub fn install(&self, installed: Installed) -> Result<(), FoldError> {
        let mut state = self.state.lock();
        installed.hide_dead(state.version.next());
        let mut next = State::new(installed, state.version.next());
        let covered = next.installed.seen.clone();
        let adopted = state.adopted.clone();
        next.adopted = adopted.filter(|(stamp, _)| stamp.seq > covered.get(stamp.log));
        next.waiting.clone_from(&state.waiting);
        next.seen.merge(&state.seen);
        next.last_write = next.last_write.max(state.last_write);
        for unfolded in &state.blocks {
            let header = &unfolded.segment().header;
            if header.seq > covered.get(header.log) {
                next.apply(unfolded.clone())?;
            }
        }
        next.catch_up()?;
        *state = next;
        self.publish(&state);
        Ok(())
    }

    fn publish(&self, state: &State) {
        let namespace = self.view.load().namespace.clone();
        self.view.store(Arc::new(state.view(namespace)));
        let lacking = !state.waiting.is_empty();
        self.lacking.store(lacking, Ordering::Release);
    }
}

/// The rows as a query sees them: whole, patches applied.
impl BaseRows for Live {
    fn find(&self, id: &Id) -> Option<Found> {
        self.state.lock().find(id)
    }
}

impl State {
    fn new(installed: Installed, version: Version) -> Self {
        let mut state = Self {
            base: installed
                .parts
                .iter()
                .map(|part| part.rows.clone())
                .collect(),
            overlay: Overlay::new(installed.schema.clone()),
            chunks: Chunks::default(),
            blocks: vec![],
            version,
            schema: Arc::new(installed.schema.schema()),
            seen: installed.seen.clone(),
            last_write: installed.last_write,
            installed,
            adopted: None,
            waiting: VecDeque::new(),
        };
        let attributes = state.installed.schema.attributes.clone();
        for name in attributes
            .iter()
            .filter(|(_, a)| a.dropped.is_some())
            .map(|(name, _)| name)
        {
            state.mask(name);
        }
        state
    }

    fn view(&self, namespace: Namespace) -> View {
        let parts = self.installed.parts.iter().map(|part| &part.set);
        let kind = self.schema.id_kind;
        let counts = |set: &&Arc<RowSet>| kind.is_none_or(|kind| set.rows.ids().kind() == kind);
        View {
            namespace,
            version: self.version,
            schema: Arc::clone(&self.schema),
            sets: parts
                .chain(self.chunks.sets())
                .filter(counts)
                .map(Arc::clone)
                .collect(),
            seen: self.seen.clone(),
            created: self.overlay.schema().created().map(|stamp| stamp.hlc),
            policy: self.policy(),
            last_write: self.last_write,
        }
    }

    fn policy(&self) -> Arc<serde_json::Value> {
        let policy = self.overlay.schema().policy.as_ref();
        Arc::new(policy.map_or_else(Default::default, |(_, policy)| policy.clone()))
    }

    fn newest(&self, id: &Id) -> Option<Stamp> {
        match self.overlay.get(id) {
            Some(row) => row.newest(),
            None => self.base.find(id).map(|found| found.stamp),
        }
    }

    fn find(&self, id: &Id) -> Option<Found> {
        if let Some(row) = self.overlay.get(id) {
            let (set, row_at) = self.chunks.find(id)?;
            let rows = Arc::clone(&set.rows);
            return Some(Found {
                part: 0,
                row: RowRef { rows, row: row_at },
                stamp: row.newest()?,
                residue: None,
            });
        }
        // what is written on top is newer than all that was applied, so that the row as it is seen is enough
        let found = self.base.find(id).filter(Found::is_live)?;
        let part = self.installed.parts.get(found.part)?;
        let rows = Arc::clone(&part.set.rows);
        let row = RowRef { rows, ..found.row };
        let residue = None;
        let found = Found {
            row,
            residue,
            ..found
        };
        (!self.overlay.schema().is_deleted(found.stamp)).then_some(found)
    }

    /// Whether a block adopts parts that are not here.
    fn lacks(&self, unfolded: &Unfolded) -> bool {
        let here = self.adopted.as_ref().map(|(stamp, _)| *stamp);
        let adoption = unfolded.adoption();
        let gone = |stamp| self.overlay.schema().is_deleted(stamp);
        adoption.is_some_and(|(stamp, adoption)| {
            !adoption.parts.is_empty() && here != Some(stamp) && !gone(stamp)
        })
    }

    /// Applies what waited, up to the next block that lacks parts.
    fn catch_up(&mut self) -> Result<(), FoldError> {
        while let Some(next) = self.waiting.front() {
            if !next.is_covered(&self.seen) {
                if self.lacks(next) {
                    break;
                }
                let next = next.clone();
                self.version = self.version.next();
                self.apply(next)?;
            }
            self.waiting.pop_front();
        }
        Ok(())
    }

    /// Stands on the parts that a block adopts as on those of a manifest: whatever is older vanishes with the
    /// deletion that comes before the adoption. What is not, and was applied before, is to be applied again.
    fn stand_on_adopted(&mut self, unfolded: &Unfolded) -> Result<Vec<Unfolded>, FoldError> {
        let Some((stamp, adoption)) = unfolded.adoption() else {
            return Ok(vec![]);
        };
        if self.overlay.schema().is_deleted(stamp) {
            return Ok(vec![]);
        }
        let adopted = match &self.adopted {
            Some((at, parts)) if *at == stamp => parts.clone(),
            _ if adoption.parts.is_empty() => vec![],
            _ => return Err(FoldError::Adopted(adoption.source.clone())),
        };
        let installed = &mut self.installed;
        installed.schema = self.overlay.schema().clone();
        installed
            .parts
            .retain(|part| part.rows.stamps.newest() >= stamp.hlc);
        installed.parts.extend(adopted);
        installed.hide_dead(self.version);
        self.base = installed.parts.iter().map(|p| p.rows.clone()).collect();
        self.overlay = Overlay::new(self.installed.schema.clone());
        self.chunks = Chunks::default();
        let mut later = std::mem::take(&mut self.blocks);
        later.retain(|block| {
            let header = &block.segment().header;
            header.log != stamp.log && header.hlc_max >= stamp.hlc
        });
        Ok(later)
    }

    /// Applies a block at the current version.
    fn apply(&mut self, unfolded: Unfolded) -> Result<Vec<Rival>, FoldError> {
        let later = self.stand_on_adopted(&unfolded)?;
        let rivals = self.apply_block(unfolded)?;
        for block in later {
            self.apply_block(block)?;
        }
        Ok(rivals)
    }

    fn apply_block(&mut self, unfolded: Unfolded) -> Result<Vec<Rival>, FoldError> {
        let header = &unfolded.segment().header;
        let Some(block) = unfolded.block() else {
            return Ok(vec![]);
        };
        let changes = self.overlay.apply(self.base.as_slice(), header, block)?;
        self.seen.advance(header.log, header.seq);
        self.last_write = self.last_write.max(header.hlc_max);
        let mut ids = changes.ids.clone();
        if self.reschema(&changes) || changes.deleted {
            ids = self.overlay.ids().cloned().collect();
        }
        if changes.deleted {
            self.hide_deleted();
        }
        for id in &ids {
            if self.chunks.hide(id, self.version) {
                continue;
            }
            for (part, row) in self.overlay.below(id) {
                if let Some(part) = self.installed.parts.get(*part) {
                    part.set.hidden.hide(*row as usize, self.version);
                }
            }
        }
        let rows = self.overlay.resolve(&ids, &self.schema)?;
        self.chunks.push(rows, &self.schema, self.version)?;
        self.blocks.push(unfolded);
        Ok(changes.rivals)
    }

    /// Takes over what a block did to the schema; whether rows that are known already must be read anew.
    fn reschema(&mut self, changes: &Changes) -> bool {
        if !changes.schema {
            return false;
        }
        let schema = self.overlay.schema().schema();
        if schema == *self.schema && changes.dropped.is_empty() {
            return false;
        }
        let retyped = self.schema.attributes.iter().any(|(name, before)| {
            schema
                .attributes
                .get(name)
                .is_some_and(|after| after.ty != before.ty)
        });
        let other_ids = self.schema.id_kind.is_some() && self.schema.id_kind != schema.id_kind;
        if other_ids {
            // row sets hold ids of one kind; those of the kind that counted are of no account any more
            self.chunks = Chunks::default();
        }
        self.schema = Arc::new(schema);
        for name in &changes.dropped {
            self.mask(name);
        }
        retyped || other_ids || !changes.dropped.is_empty()
    }

    /// Hides a dropped attribute in the parts.
    fn mask(&mut self, attribute: &AttributeName) {
        let Some(dropped) = self.overlay.schema().dropped(attribute.as_str()) else {
            return;
        };
        for part in &mut self.installed.parts {
            part.set = Arc::new(part.set.masked(attribute, dropped));
        }
    }

    /// Hides what the deletion of the namespace hides: rows of parts that no mutation touched since.
    fn hide_deleted(&mut self) {
        let Some(deleted) = self.overlay.schema().deleted else {
            return;
        };
        for part in &self.installed.parts {
            let stamps = &part.rows.stamps;
            let gone = (0..stamps.len()).filter(|row| stamps.get(*row) <= deleted);
            gone.for_each(|row| part.set.hidden.hide(row, self.version));
        }
    }
}

impl RowSet {
    /// The same rows without the values of `attribute` that are not newer than its drop.
    fn masked(&self, attribute: &AttributeName, dropped: Stamp) -> Self {
        let older = (0..self.len())
            .map(|row| self.stamps.get(row) <= dropped)
            .collect();
        let rows = self.rows.without(attribute, &older);
        self.with_rows(Arc::new(rows))
    }

    /// Whether the rows are those of a part.
    pub fn is_part(&self) -> bool {
        matches!(self.origin, Origin::Part(_))
    }
}
