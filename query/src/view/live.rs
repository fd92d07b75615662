//! [`Live`]: one namespace as this node keeps it up to date.

use super::{Origin, RowSet, Version, View, chunks::Chunks};
use arc_swap::ArcSwap;
use isobath_storage::{
    fold::{BaseRows, Changes, FoldError, Found, Overlay, PartRows, RowRef, SchemaState},
    model::{
        AttributeName, Block, ContentHash, Hlc, Id, Namespace, Schema, Segment, Stamp,
        VersionVector,
    },
};
use parking_lot::Mutex;
use roaring::RoaringBitmap;
use std::sync::Arc;

/// A part as a view holds it.
#[derive(Debug, Clone)]
pub struct PartSet {
    /// What queries search; survives from manifest to manifest.
    pub set: Arc<RowSet>,
    /// The same rows with the manifest's deletion vector.
    pub rows: PartRows,
}

impl PartSet {
    /// The hash of the part's bytes.
    pub fn hash(&self) -> Option<ContentHash> {
        match &self.set.origin {
            Origin::Part(hash) => hash.parse().ok(),
            Origin::Delta => None,
        }
    }

    /// The same part with another deletion vector.
    #[must_use]
    pub fn with_dead(&self, dead: Arc<RoaringBitmap>) -> Self {
        let rows = PartRows {
            dead,
            ..self.rows.clone()
        };
        Self {
            set: Arc::clone(&self.set),
            rows,
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
    /// Hides the rows that the deletion vectors name; those that are hidden already stay as they are.
    fn hide_dead(&self, version: Version) {
        for part in &self.parts {
            for row in part.rows.dead.iter() {
                part.set.hidden.hide(row as usize, version);
            }
        }
    }
}

/// A block of a segment that no part covers yet.
#[derive(Debug, Clone)]
pub struct Unfolded {
    segment: Arc<Segment>,
    block: usize,
}

impl Unfolded {
    /// Block number `block` of a segment.
    pub fn new(segment: Arc<Segment>, block: usize) -> Self {
        Self { segment, block }
    }

    /// Whether whoever has seen that much has seen the block.
    pub fn is_covered(&self, seen: &VersionVector) -> bool {
        let header = &self.segment.header;
        header.seq <= seen.get(header.log)
    }

    /// How many bytes its rows take, more or less.
    pub fn memory(&self) -> u64 {
        let requests = self.block().map_or(&[][..], |block| &block.requests);
        let mutations = requests.iter().flat_map(|request| &request.mutations);
        mutations.map(|mutation| mutation.memory() as u64).sum()
    }

    /// The segment.
    pub fn segment(&self) -> &Segment {
        &self.segment
    }

    /// The block; `None` cannot be: it was there when it was applied.
    pub fn block(&self) -> Option<&Block> {
        self.segment.blocks.get(self.block)
    }
}

/// What a fold starts from.
#[derive(Debug, Clone)]
pub struct FoldInput {
    /// The namespace at its manifest.
    pub installed: Installed,
    /// What was applied since, in log order.
    pub blocks: Vec<Unfolded>,
    /// What the parts and the blocks together hold of each log.
    pub seen: VersionVector,
    /// When the last write was committed.
    pub last_write: Hlc,
}

/// One namespace as this node keeps it up to date: written by the task that applies the log, read by queries
/// without a lock through [`Self::view`].
#[derive(Debug)]
pub struct Live {
    view: ArcSwap<View>,
    state: Mutex<State>,
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
        }
    }

    /// What a query sees from now on, however long it takes.
    pub fn view(&self) -> Arc<View> {
        self.view.load_full()
    }

    /// Applies the mutations of a block; a query sees all of them or none.
    pub fn apply(&self, segment: &Arc<Segment>, block: usize) -> Result<(), FoldError> {
        self.apply_unfolded(&Unfolded::new(Arc::clone(segment), block))
    }

    /// Applies the mutations of a block, unless they were applied before; a query sees all of them or none.
    pub fn apply_unfolded(&self, unfolded: &Unfolded) -> Result<(), FoldError> {
        let mut state = self.state.lock();
        if unfolded.is_covered(&state.seen) {
            return Ok(());
        }
        state.version = state.version.next();
        state.apply(unfolded.clone())?;
        self.publish(&state);
        Ok(())
    }

    /// What was applied since the manifest, in log order.
    pub fn unfolded_blocks(&self) -> Vec<Unfolded> {
        self.state.lock().blocks.clone()
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

    /// Whether anything was applied since the manifest.
    pub fn has_unfolded(&self) -> bool {
        !self.state.lock().blocks.is_empty()
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
            None => state
                .base
                .find(id)
                .is_some_and(|found| !state.overlay.schema().is_deleted(found.stamp)),
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
        next.seen.merge(&state.seen);
        next.last_write = next.last_write.max(state.last_write);
        for unfolded in &state.blocks {
            let header = &unfolded.segment.header;
            if header.seq > covered.get(header.log) {
                next.apply(unfolded.clone())?;
            }
        }
        *state = next;
        self.publish(&state);
        Ok(())
    }

    fn publish(&self, state: &State) {
        let namespace = self.view.load().namespace.clone();
        self.view.store(Arc::new(state.view(namespace)));
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
        View {
            namespace,
            version: self.version,
            schema: Arc::clone(&self.schema),
            sets: parts.chain(self.chunks.sets()).map(Arc::clone).collect(),
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
            });
        }
        let found = self.base.find(id)?;
        let part = self.installed.parts.get(found.part)?;
        let rows = Arc::clone(&part.set.rows);
        let row = RowRef { rows, ..found.row };
        (!self.overlay.schema().is_deleted(found.stamp)).then_some(Found { row, ..found })
    }

    /// Applies a block at the current version.
    fn apply(&mut self, unfolded: Unfolded) -> Result<(), FoldError> {
        let header = &unfolded.segment.header;
        let Some(block) = unfolded.segment.blocks.get(unfolded.block) else {
            return Ok(());
        };
        let changes = self.overlay.apply(self.base.as_slice(), header, block)?;
        self.seen.advance(header.log, header.seq);
        self.last_write = self.last_write.max(header.hlc_max);
        let mut ids = changes.ids.clone();
        if self.reschema(&changes) {
            ids = self.overlay.ids().cloned().collect();
        }
        if changes.deleted {
            self.hide_deleted();
        }
        for id in &ids {
            if self.chunks.hide(id, self.version) {
                continue;
            }
            let Some((part, row)) = self.overlay.below(id) else {
                continue;
            };
            if let Some(part) = self.installed.parts.get(part) {
                part.set.hidden.hide(row as usize, self.version);
            }
        }
        let rows = self.overlay.resolve(&ids, &self.schema)?;
        self.chunks.push(rows, &self.schema, self.version)?;
        self.blocks.push(unfolded);
        Ok(())
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
        self.schema = Arc::new(schema);
        for name in &changes.dropped {
            self.mask(name);
        }
        retyped || !changes.dropped.is_empty()
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
        let ids: Vec<Id> = self.overlay.ids().cloned().collect();
        for id in ids
            .iter()
            .filter(|id| self.overlay.get(id).is_some_and(|row| !row.is_live()))
        {
            self.chunks.hide(id, self.version);
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
