//! [`NamespaceState`]: a whole namespace as the fold of a set of mutations.

use super::{
    Base, Changes, FoldError, Overlay, PartRows, ResolvedRows, RowRef, RowState, SchemaState,
    digest::digest, resolve::newest_value, settle,
};
use crate::model::{AttributeName, Block, ContentHash, Hlc, Id, Schema, SegmentHeader, Value};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// A whole namespace as the fold of a set of mutations: the same whatever the order of arrival, and however
/// often each arrives.
///
/// Mutations are applied by the block, so that those of one segment never part.
#[derive(Debug, Default)]
pub struct NamespaceState {
    overlay: Overlay,
}

/// No parts: everything is in the state itself.
const NOTHING: &[PartRows] = &[];

impl NamespaceState {
    /// Rows and what else is known of the namespace.
    pub(super) fn new(
        schema: SchemaState,
        rows: impl Iterator<Item = (Id, RowState<RowRef>)>,
    ) -> Self {
        let mut overlay = Overlay::new(schema);
        for (id, state) in rows {
            overlay.rows.entry(id).or_default().state.merge(state);
        }
        Self { overlay }
    }

    /// Applies the mutations of a block.
    pub fn apply(&mut self, header: &SegmentHeader, block: &Block) -> Result<(), FoldError> {
        self.changes(header, block).map(drop)
    }

    /// Applies the mutations of a block; what it changed.
    pub(super) fn changes(
        &mut self,
        header: &SegmentHeader,
        block: &Block,
    ) -> Result<Changes, FoldError> {
        let changes = self.overlay.apply(NOTHING, header, block)?;
        if changes.deleted || !changes.dropped.is_empty() {
            self.forget_empty();
        } else {
            for id in &changes.ids {
                if self.get(id).is_some_and(RowState::is_empty) {
                    self.overlay.rows.remove(id);
                }
            }
        }
        Ok(changes)
    }

    /// Applies the mutations of a block that adopts parts: those with the rows that are adopted.
    pub fn adopt(
        &mut self,
        header: &SegmentHeader,
        block: &Block,
        parts: &[PartRows],
    ) -> Result<(), FoldError> {
        self.overlay.apply(parts, header, block)?;
        for part in parts {
            let live = (0u32..).zip(part.rows.ids().iter());
            for (row, id) in live.filter(|(row, _)| !part.dead.contains(*row)) {
                let stamp = part.stamps.get(row as usize);
                if !self.overlay.schema.is_deleted(stamp) {
                    let rows = Arc::clone(&part.rows);
                    let entry = self.overlay.rows.entry(id).or_default();
                    entry.state.upsert(stamp, RowRef { rows, row });
                }
            }
        }
        self.forget_empty();
        Ok(())
    }

    /// Both states together.
    pub fn merge(&mut self, other: Self) {
        let Overlay { schema, rows } = other.overlay;
        self.overlay.schema.merge(schema);
        for (id, entry) in rows {
            self.overlay
                .rows
                .entry(id)
                .or_default()
                .state
                .merge(entry.state);
        }
        let Overlay { schema, rows } = &mut self.overlay;
        for entry in rows.values_mut() {
            if let Some(deleted) = schema.deleted {
                entry.state = std::mem::take(&mut entry.state).after(deleted);
            }
            for (name, attribute) in &schema.attributes {
                if let Some(dropped) = attribute.dropped {
                    entry.state.drop_column(name, dropped);
                }
            }
        }
        self.forget_empty();
    }

    fn forget_empty(&mut self) {
        self.overlay.rows.retain(|_, entry| !entry.state.is_empty());
    }

    /// Everything known but the rows.
    pub fn schema_state(&self) -> &SchemaState {
        self.overlay.schema()
    }

    /// What a reader of the namespace sees.
    pub fn schema(&self) -> Schema {
        self.schema_state().schema()
    }

    /// What is known of a row.
    pub fn get(&self, id: &Id) -> Option<&RowState<RowRef>> {
        self.overlay.get(id)
    }

    /// The rows of which anything is known, live or not.
    pub fn ids(&self) -> BTreeSet<&Id> {
        self.overlay.ids().collect()
    }

    /// The live rows as a reader sees them, by id.
    pub fn rows(&self) -> Result<ResolvedRows, FoldError> {
        let ids: Vec<Id> = self.ids().into_iter().cloned().collect();
        self.overlay.resolve(&ids, &self.schema())
    }

    pub(super) fn overlay(&self) -> &Overlay {
        &self.overlay
    }

    /// One live row as a reader sees it; `None` where it is not there.
    pub fn resolve(&self, id: &Id) -> Result<Option<BTreeMap<AttributeName, Value>>, FoldError> {
        let rows = self
            .overlay
            .resolve(std::slice::from_ref(id), &self.schema())?
            .rows;
        let values = || {
            rows.columns()
                .iter()
                .map(|column| (column.name.clone(), column.value(0)))
        };
        Ok((!rows.is_empty()).then(|| values().collect()))
    }

    /// Names what a reader sees: equal version vectors, equal digests.
    pub fn digest(&self) -> Result<ContentHash, FoldError> {
        Ok(digest(&self.schema(), &self.rows()?.rows))
    }

    /// How many live rows hold a value that reads as null because another type counts, by attribute; those
    /// of ids of another kind under `id`.
    pub fn lost_values(&self) -> BTreeMap<AttributeName, u64> {
        let schema = self.schema();
        let mut lost = BTreeMap::new();
        for (id, entry) in &self.overlay.rows {
            let Base::Live { stamp, row } = entry.state.base() else {
                continue;
            };
            if Some(id.kind()) != schema.id_kind {
                *lost.entry(AttributeName::id()).or_default() += 1;
                continue;
            }
            for (name, config) in &schema.attributes {
                let hidden = self.schema_state().is_dropped(name.as_str(), *stamp);
                let below = if hidden {
                    Value::Null
                } else {
                    row.value(name.as_str())
                };
                if !newest_value(&entry.state, name, below).fits(config.ty) {
                    *lost.entry(name.clone()).or_default() += 1;
                }
            }
        }
        lost
    }

    /// Forgets what no late mutation can change any more: every member log was seen past `stable`, and none
    /// of their mutations up to there is applied again.
    ///
    /// Tombstones, pending patches and stamps of columns go, with the values that drops hide and those of a
    /// type that lost.
    pub fn settle(&mut self, stable: Hlc) -> Result<(), FoldError> {
        settle::rows(&mut self.overlay, stable)?;
        self.overlay.schema.settle(stable);
        self.forget_empty();
        Ok(())
    }
}
