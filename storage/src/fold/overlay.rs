//! [`Overlay`]: mutations over the rows of parts.

use super::{
    BaseRows, Changes, FoldError, ResolvedRows, RowRef, RowState, SchemaState, StateRows,
    changes::Notes, resolve, settle,
};
use crate::model::{
    Block, Column, Control, Declaration, Hlc, Id, IdColumn, Mutation, PatchMask, Request, Rows,
    Schema, SegmentHeader, SparsePatch, Stamp,
};
use std::{
    collections::{BTreeMap, HashMap, HashSet, hash_map::Entry as MapEntry},
    sync::Arc,
};

/// One row that mutations after the manifest touched.
#[derive(Debug, Default)]
pub(super) struct Entry {
    pub(super) state: RowState<RowRef>,
    /// The rows of parts that it replaces: which part, and which row of it.
    below: Vec<(usize, u32)>,
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

    /// The rows of parts that a touched row replaces: which part, and which row of it.
    pub fn below(&self, id: &Id) -> &[(usize, u32)] {
        self.rows.get(id).map_or(&[], |entry| &entry.below)
    }

    /// The rows of parts that the touched rows replace: which part, and which row of it.
    pub fn replaced(&self) -> impl Iterator<Item = (usize, u32)> {
        self.rows
            .values()
            .flat_map(|entry| entry.below.iter().copied())
    }

    /// The touched rows as those of new parts: one for each kind of ids, of which all but one have lost. With whatever
    /// a mutation newer than `stable` may still need; no older one can come any more.
    pub fn into_parts(mut self, stable: Hlc) -> Result<Vec<StateRows>, FoldError> {
        let newest = self.rows.values().filter_map(|entry| entry.state.newest());
        if newest.max().is_none_or(|newest| newest.hlc <= stable) {
            let mut ids: Vec<Id> = self.ids().cloned().collect();
            ids.sort_unstable();
            let ResolvedRows { rows, stamps } = self.resolve(&ids, &self.schema.schema())?;
            let settled = StateRows {
                rows: Arc::new(rows),
                stamps,
                residue: BTreeMap::new(),
            };
            return Ok(if settled.stamps.is_empty() {
                vec![]
            } else {
                vec![settled]
            });
        }
        settle::rows(&mut self, stable)?;
        self.rows.retain(|_, entry| !entry.state.is_empty());
        self.to_parts()
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
            let mut notes = Notes {
                ids: vec![],
                seen: Some(&header.seen),
                rivals: std::mem::take(&mut changes.rivals),
            };
            self.request(base, header.stamp(0), request, &mut changes, &mut notes)?;
            changes.rivals = notes.rivals;
            let ids = notes.ids.into_iter();
            changes.ids.extend(ids.filter(|id| seen.insert(id.clone())));
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
        let mut notes = Notes {
            ids: vec![],
            seen: None,
            rivals: vec![],
        };
        self.request(base, segment, request, &mut Changes::default(), &mut notes)
    }

    /// Makes the rows `ids` known as the parts hold them, as if they were about to be mutated.
    pub fn load(&mut self, base: &(impl BaseRows + ?Sized), ids: &[Id]) -> Result<(), FoldError> {
        for id in ids {
            self.entry(base, id)?;
        }
        Ok(())
    }

    fn request(
        &mut self,
        base: &(impl BaseRows + ?Sized),
        segment: Stamp,
        request: &Request,
        changes: &mut Changes,
        notes: &mut Notes<'_>,
    ) -> Result<(), FoldError> {
        let mut index = request.first_index;
        for mutation in &request.mutations {
            let stamps = |row: usize| segment.at(index.saturating_add(to_u32(row)));
            match mutation {
                Mutation::Upsert(rows) => self.upsert(base, rows, stamps, notes)?,
                Mutation::Patch(mask, rows) => self.patch(base, mask, rows, stamps, notes)?,
                Mutation::SparsePatch(patches) => self.patch_dims(base, patches, stamps, notes)?,
                Mutation::Delete(deleted) => self.delete(base, deleted, stamps, notes)?,
                Mutation::Control(control) => {
                    self.is_here(base, control, stamps(0))?;
                    self.schema.control(stamps(0), control)?;
                    self.controlled(base, control, stamps(0), changes)?;
                    changes.schema = true;
                }
            }
            index = index.saturating_add(to_u32(mutation.len()));
        }
        // After the mutations: one of them, with the same stamp, may be a drop or a deletion.
        let mut retyped = false;
        for declaration in &request.declarations {
            retyped |= self.declare(segment.at(request.declared_index()), declaration);
            changes.schema = true;
        }
        if retyped {
            self.load(base, &base.unsettled())?;
        }
        Ok(())
    }

    /// Whether another type counts from now on.
    fn declare(&mut self, stamp: Stamp, declaration: &Declaration) -> bool {
        let name = declaration.attribute.as_str();
        let before = self.schema.declared_type(name);
        self.schema.declare(stamp, declaration);
        before.is_some() && before != self.schema.declared_type(name)
    }

    fn upsert(
        &mut self,
        base: &(impl BaseRows + ?Sized),
        rows: &Rows,
        stamps: impl Fn(usize) -> Stamp,
        notes: &mut Notes<'_>,
    ) -> Result<(), FoldError> {
        let rows = Arc::new(rows.clone());
        for (at, id) in rows.ids().iter().enumerate() {
            if let Some(state) = self.touch(base, &id, stamps(at), notes)? {
                notes.meets(&id, stamps(at), state.newest());
                state.upsert(
                    stamps(at),
                    RowRef {
                        rows: Arc::clone(&rows),
                        row: to_u32(at),
                    },
                );
            }
        }
        Ok(())
    }

    fn patch_dims(
        &mut self,
        base: &(impl BaseRows + ?Sized),
        patches: &[SparsePatch],
        stamps: impl Fn(usize) -> Stamp,
        notes: &mut Notes<'_>,
    ) -> Result<(), FoldError> {
        for (at, patch) in patches.iter().enumerate() {
            if self.schema.is_dropped(patch.attribute.as_str(), stamps(at)) {
                continue;
            }
            if let Some(state) = self.touch(base, &patch.id, stamps(at), notes)? {
                notes.meets(
                    &patch.id,
                    stamps(at),
                    state.rival(&patch.attribute, stamps(at)),
                );
                let dims = patch.dims.iter().map(|(dim, value)| (*dim, *value));
                state.patch_dims(stamps(at), &patch.attribute, dims);
            }
        }
        Ok(())
    }

    fn delete(
        &mut self,
        base: &(impl BaseRows + ?Sized),
        deleted: &IdColumn,
        stamps: impl Fn(usize) -> Stamp,
        notes: &mut Notes<'_>,
    ) -> Result<(), FoldError> {
        for (at, id) in deleted.iter().enumerate() {
            if let Some(state) = self.touch(base, &id, stamps(at), notes)? {
                notes.meets(&id, stamps(at), state.newest());
                state.delete(stamps(at));
            }
        }
        Ok(())
    }

    fn patch(
        &mut self,
        base: &(impl BaseRows + ?Sized),
        mask: &PatchMask,
        rows: &Rows,
        stamps: impl Fn(usize) -> Stamp,
        notes: &mut Notes<'_>,
    ) -> Result<(), FoldError> {
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
            if let Some(state) = self.touch(base, &id, stamps(at), notes)? {
                for column in set {
                    notes.meets(&id, stamps(at), state.rival(&column.name, stamps(at)));
                    state.patch(stamps(at), &column.name, column.value(at));
                }
            }
        }
        Ok(())
    }

    /// The state of a row about to be mutated, with what the parts hold of it; `None` where the mutation
    /// has vanished with the namespace.
    fn touch(
        &mut self,
        base: &(impl BaseRows + ?Sized),
        id: &Id,
        stamp: Stamp,
        notes: &mut Notes<'_>,
    ) -> Result<Option<&mut RowState<RowRef>>, FoldError> {
        if self.schema.is_deleted(stamp) {
            return Ok(None);
        }
        notes.ids.push(id.clone());
        Ok(Some(&mut self.entry(base, id)?.state))
    }

    /// What is known of a row, with what the parts hold of it.
    fn entry(&mut self, base: &(impl BaseRows + ?Sized), id: &Id) -> Result<&mut Entry, FoldError> {
        let slot = match self.rows.entry(id.clone()) {
            MapEntry::Occupied(slot) => return Ok(slot.into_mut()),
            MapEntry::Vacant(slot) => slot,
        };
        let mut entry = Entry::default();
        for found in base.find_all(id) {
            entry.below.push((found.part, found.row.row));
            entry.state.merge(found.state(id, &self.schema)?);
        }
        Ok(slot.insert(entry))
    }

    /// Lets a change of the namespace act on its rows: on those that are known already, and on those of parts that it
    /// does not merely hide.
    fn controlled(
        &mut self,
        base: &(impl BaseRows + ?Sized),
        control: &Control,
        stamp: Stamp,
        changes: &mut Changes,
    ) -> Result<(), FoldError> {
        match control {
            Control::Delete => {
                changes.deleted = true;
                for entry in self.rows.values_mut() {
                    entry.state = std::mem::take(&mut entry.state).after(stamp);
                }
                self.load(base, &base.unsettled())?;
            }
            Control::DropAttribute { attribute } => {
                for entry in self.rows.values_mut() {
                    entry.state.drop_column(attribute, stamp);
                }
                self.load(base, &base.unsettled())?;
                changes.dropped.push(attribute.clone());
            }
            Control::Adopt { .. } => self.load(base, &base.newer(stamp))?,
            _ => {}
        }
        Ok(())
    }

    /// Fails where rows were adopted whose parts are not among those of `base`, unless they have vanished since.
    fn is_here(
        &self,
        base: &(impl BaseRows + ?Sized),
        control: &Control,
        stamp: Stamp,
    ) -> Result<(), FoldError> {
        match control {
            Control::Adopt { adopt } => {
                let here = adopt.parts.is_empty()
                    || self.schema.is_deleted(stamp)
                    || base.has_adopted(stamp);
                here.then_some(())
                    .ok_or_else(|| FoldError::Adopted(adopt.source.clone()))
            }
            _ => Ok(()),
        }
    }
}

pub(super) fn to_u32(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
