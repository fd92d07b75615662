//! [`Overlay`]: mutations over the rows of parts.

use super::{FoldError, ResolvedRows, RowRef, RowState, SchemaState, resolve};
use crate::model::{
    AttributeName, Block, Column, Control, Id, IdColumn, Mutation, PatchMask, Request, Rows,
    Schema, SegmentHeader, SparsePatch, Stamp,
};
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

/// The rows that a manifest's parts hold, without those that their deletion vectors hide.
pub trait BaseRows {
    /// The row `id` of the parts: where it stands, its content and the stamp of its newest upsert.
    fn find(&self, id: &Id) -> Option<Found>;

    /// Whether parts that a record with this stamp adopted are among them.
    fn has_adopted(&self, _stamp: Stamp) -> bool {
        false
    }
}

/// A row of a part.
#[derive(Debug, Clone)]
pub struct Found {
    /// Which of the parts.
    pub part: usize,
    /// Its content.
    pub row: RowRef,
    /// The stamp of its newest mutation.
    pub stamp: Stamp,
}

/// One row that mutations after the manifest touched.
#[derive(Debug, Default)]
pub(super) struct Entry {
    pub(super) state: RowState<RowRef>,
    /// The part and row that it replaces.
    below: Option<(usize, u32)>,
}

/// What a block changed.
#[derive(Debug, Default)]
pub struct Changes {
    /// The rows that may have changed, in the order of their first mutation in the block.
    pub ids: Vec<Id>,
    /// Whether the schema changed.
    pub schema: bool,
    /// Attributes that were dropped: older values read as null from now on.
    pub dropped: Vec<AttributeName>,
    /// Whether the namespace was deleted: rows with older stamps are gone.
    pub deleted: bool,
}

/// Mutations over the rows of parts: the state of every row they touch, and of the schema.
#[derive(Debug, Default)]
pub struct Overlay {
    pub(super) schema: SchemaState,
    pub(super) rows: HashMap<Id, Entry>,
}

impl Overlay {
    /// Nothing over parts whose manifest knows `schema`.
    pub fn new(schema: SchemaState) -> Self {
        Self {
            schema,
            rows: HashMap::new(),
        }
    }

    /// Everything known but the rows.
    pub fn schema(&self) -> &SchemaState {
        &self.schema
    }

    /// The rows that were touched.
    pub fn ids(&self) -> impl Iterator<Item = &Id> {
        self.rows.keys()
    }

    /// How many rows were touched.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether no row was touched.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The rows of `ids` that were touched and are live, in that order, with the columns of `schema`.
    ///
    /// Values of another type than the schema's, and those older than their attribute's drop, are null.
    pub fn resolve(&self, ids: &[Id], schema: &Schema) -> Result<ResolvedRows, FoldError> {
        resolve::rows(self, ids, schema)
    }

    /// What is known of a touched row.
    pub fn get(&self, id: &Id) -> Option<&RowState<RowRef>> {
        self.rows.get(id).map(|entry| &entry.state)
    }

    /// The part and row that a touched row replaces.
    pub fn below(&self, id: &Id) -> Option<(usize, u32)> {
        self.rows.get(id)?.below
    }

    /// Applies a block of a segment.
    pub fn apply(
        &mut self,
        base: &(impl BaseRows + ?Sized),
        header: &SegmentHeader,
        block: &Block,
    ) -> Result<Changes, FoldError> {
        let mut changes = Changes::default();
        let mut seen = HashSet::new();
        for request in &block.requests {
            let mut ids = vec![];
            self.request(base, header.stamp(0), request, &mut changes, &mut ids)?;
            changes
                .ids
                .extend(ids.into_iter().filter(|id| seen.insert(id.clone())));
        }
        Ok(changes)
    }

    /// Applies a request of a segment whose mutations have the stamps of `segment`, but for the index.
    pub fn apply_request(
        &mut self,
        base: &(impl BaseRows + ?Sized),
        segment: Stamp,
        request: &Request,
    ) -> Result<(), FoldError> {
        let (mut changes, mut ids) = (Changes::default(), vec![]);
        self.request(base, segment, request, &mut changes, &mut ids)
    }

    /// Makes the rows `ids` known as the parts hold them, as if they were about to be mutated.
    pub fn load(&mut self, base: &(impl BaseRows + ?Sized), ids: &[Id]) {
        for id in ids {
            self.entry(base, id);
        }
    }

    fn request(
        &mut self,
        base: &(impl BaseRows + ?Sized),
        segment: Stamp,
        request: &Request,
        changes: &mut Changes,
        ids: &mut Vec<Id>,
    ) -> Result<(), FoldError> {
        let mut index = request.first_index;
        for mutation in &request.mutations {
            let stamps = |row: usize| segment.at(index.saturating_add(to_u32(row)));
            match mutation {
                Mutation::Upsert(rows) => self.upsert(base, rows, stamps, ids),
                Mutation::Patch(mask, rows) => self.patch(base, mask, rows, stamps, ids),
                Mutation::SparsePatch(patches) => self.patch_dims(base, patches, stamps, ids),
                Mutation::Delete(deleted) => self.delete(base, deleted, stamps, ids),
                Mutation::Control(control) => {
                    is_here(base, control, stamps(0))?;
                    self.schema.control(stamps(0), control)?;
                    self.controlled(control, stamps(0), changes);
                }
            }
            index = index.saturating_add(to_u32(mutation.len()));
        }
        // After the mutations: one of them, with the same stamp, may be a drop or a deletion.
        for declaration in &request.declarations {
            self.schema
                .declare(segment.at(request.declared_index()), declaration);
            changes.schema = true;
        }
        Ok(())
    }

    fn upsert(
        &mut self,
        base: &(impl BaseRows + ?Sized),
        rows: &Rows,
        stamps: impl Fn(usize) -> Stamp,
        ids: &mut Vec<Id>,
    ) {
        let rows = Arc::new(rows.clone());
        for (at, id) in rows.ids().iter().enumerate() {
            if let Some(state) = self.touch(base, &id, stamps(at), ids) {
                state.upsert(
                    stamps(at),
                    RowRef {
                        rows: Arc::clone(&rows),
                        row: to_u32(at),
                    },
                );
            }
        }
    }

    fn patch_dims(
        &mut self,
        base: &(impl BaseRows + ?Sized),
        patches: &[SparsePatch],
        stamps: impl Fn(usize) -> Stamp,
        ids: &mut Vec<Id>,
    ) {
        for (at, patch) in patches.iter().enumerate() {
            if self.schema.is_dropped(patch.attribute.as_str(), stamps(at)) {
                continue;
            }
            if let Some(state) = self.touch(base, &patch.id, stamps(at), ids) {
                let dims = patch.dims.iter().map(|(dim, value)| (*dim, *value));
                state.patch_dims(stamps(at), &patch.attribute, dims);
            }
        }
    }

    fn delete(
        &mut self,
        base: &(impl BaseRows + ?Sized),
        deleted: &IdColumn,
        stamps: impl Fn(usize) -> Stamp,
        ids: &mut Vec<Id>,
    ) {
        for (at, id) in deleted.iter().enumerate() {
            if let Some(state) = self.touch(base, &id, stamps(at), ids) {
                state.delete(stamps(at));
            }
        }
    }

    fn patch(
        &mut self,
        base: &(impl BaseRows + ?Sized),
        mask: &PatchMask,
        rows: &Rows,
        stamps: impl Fn(usize) -> Stamp,
        ids: &mut Vec<Id>,
    ) {
        for (at, id) in rows.ids().iter().enumerate() {
            let set: Vec<&Column> = rows
                .columns()
                .iter()
                .filter(|column| mask.is_set(column.name.as_str(), at))
                .filter(|column| !self.schema.is_dropped(column.name.as_str(), stamps(at)))
                .collect();
            if set.is_empty() {
                continue;
            }
            if let Some(state) = self.touch(base, &id, stamps(at), ids) {
                for column in set {
                    state.patch(stamps(at), &column.name, column.value(at));
                }
            }
        }
    }

    /// The state of a row about to be mutated, with what the parts hold of it; `None` where the mutation
    /// has vanished with the namespace.
    fn touch(
        &mut self,
        base: &(impl BaseRows + ?Sized),
        id: &Id,
        stamp: Stamp,
        ids: &mut Vec<Id>,
    ) -> Option<&mut RowState<RowRef>> {
        if self.schema.is_deleted(stamp) {
            return None;
        }
        ids.push(id.clone());
        Some(&mut self.entry(base, id).state)
    }

    /// What is known of a row, with what the parts hold of it.
    fn entry(&mut self, base: &(impl BaseRows + ?Sized), id: &Id) -> &mut Entry {
        let deleted = self.schema.deleted;
        self.rows.entry(id.clone()).or_insert_with(|| {
            let found = base.find(id);
            let below = found.as_ref().map(|found| (found.part, found.row.row));
            let found = found.filter(|found| deleted.is_none_or(|at| found.stamp > at));
            let state = found.map_or_else(RowState::default, |f| RowState::live(f.stamp, f.row));
            Entry { state, below }
        })
    }

    /// Lets a deletion or a drop act on the rows that are known already.
    fn controlled(&mut self, control: &Control, stamp: Stamp, changes: &mut Changes) {
        changes.schema = true;
        match control {
            Control::Delete => {
                changes.deleted = true;
                for entry in self.rows.values_mut() {
                    entry.state = std::mem::take(&mut entry.state).after(stamp);
                }
            }
            Control::DropAttribute { attribute } => {
                for entry in self.rows.values_mut() {
                    entry.state.drop_column(attribute, stamp);
                }
                changes.dropped.push(attribute.clone());
            }
            _ => {}
        }
    }
}

/// Fails where rows were adopted whose parts are not among those of `base`.
fn is_here(
    base: &(impl BaseRows + ?Sized),
    control: &Control,
    stamp: Stamp,
) -> Result<(), FoldError> {
    match control {
        Control::Adopt { adopt } if !adopt.parts.is_empty() && !base.has_adopted(stamp) => {
            Err(FoldError::Adopted(adopt.source.clone()))
        }
        _ => Ok(()),
    }
}

pub(super) fn to_u32(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
