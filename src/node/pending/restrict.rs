//! What conditions and filters leave of a write.

use super::{Selected, affected::Change, delta::Delta};
use crate::node::{Refusal, sink::Terms};
use isobath_query::{
    search::{Condition, passing},
    view::Live,
};
use isobath_storage::model::{
    AttributeName, Id, Mutation, PatchMask, Request, Rows, RowsError, Stamp, Value,
};
use std::collections::{HashMap, HashSet};

/// Rows that are looked at together.
const SLICE: usize = 16 * 1024;

impl Delta {
    /// Leaves of `request` what its filters and conditions let through, given everything before it. Filters
    /// act first, one after the other; conditions see what they left.
    pub(super) fn restrict(
        &mut self,
        live: Option<&Live>,
        request: &mut Request,
        terms: &Terms,
        stamp: Stamp,
    ) -> Result<(), Refusal> {
        let known = self.flight.len();
        let restricted = self.restricted(live, request, terms, stamp);
        self.flight.truncate(known);
        request.mutations = restricted?;
        Ok(())
    }

    fn restricted(
        &mut self,
        live: Option<&Live>,
        request: &Request,
        terms: &Terms,
        stamp: Stamp,
    ) -> Result<Vec<Mutation>, Refusal> {
        let is_control = |mutation: &&Mutation| matches!(mutation, Mutation::Control(_));
        let controls = request.mutations.iter().take_while(is_control).count();
        let (controls, changes) = request.mutations.split_at(controls);
        let mut left = controls.to_vec();
        let (by_filter, rest) = changes.split_at(terms.selected.len().min(changes.len()));
        let mut index = request.first_index.saturating_add(to_u32(controls.len()));
        let mut seen = HashSet::new();
        for (selected, mutation) in terms.selected.iter().zip(by_filter) {
            let ids: Vec<Id> = mutation.ids().collect();
            let keep = self.still_selected(live, selected, &ids, &seen)?;
            let mutation = mutation.take(&keep)?;
            if by_filter.len() > 1 {
                seen.extend(mutation.ids());
            }
            let part = Request {
                first_index: index,
                declarations: vec![],
                mutations: vec![mutation.clone()],
                ..request.clone()
            };
            index = index.saturating_add(to_u32(mutation.len()));
            self.flight.push(stamp, part);
            left.push(mutation);
        }
        for mutation in rest {
            let conditions = &terms.conditions;
            let condition = match Change::of(mutation) {
                Some(Change::Upsert) => conditions.upsert.as_ref(),
                Some(Change::Patch) => conditions.patch.as_ref(),
                Some(Change::Delete) => conditions.delete.as_ref(),
                None => None,
            };
            left.push(match condition {
                None => mutation.clone(),
                Some(condition) => {
                    let written = Written::by(mutation, rest);
                    let keep = self.meeting(live, condition, mutation, written.as_ref())?;
                    mutation.take(&keep)?
                }
            });
        }
        left.retain(|mutation| !mutation.is_empty());
        Ok(left)
    }

    /// Which rows of a mutation may be written.
    fn meeting(
        &mut self,
        live: Option<&Live>,
        condition: &Condition,
        mutation: &Mutation,
        written: Option<&Written<'_>>,
    ) -> Result<Vec<u32>, Refusal> {
        let ids: Vec<Id> = mutation.ids().collect();
        let absent_passes = matches!(mutation, Mutation::Upsert(_));
        let mut keep = vec![];
        for (slice, from) in ids.chunks(SLICE).zip((0..).step_by(SLICE)) {
            let (schema, current) = self.flight.current(live, slice)?;
            let names: Vec<Id> = current.ids().iter().collect();
            let new = |row: usize, name: &AttributeName| match (written, names.get(row)) {
                (Some(written), Some(id)) => written.value(id, name),
                _ => Value::Null,
            };
            let met = condition.holds(&schema, &current, &new)?;
            // the rows that are there stand in the order of the ids
            let mut there = names.iter().zip(met.iter()).peekable();
            for (at, id) in slice.iter().enumerate() {
                let passes = match there.next_if(|(known, _)| *known == id) {
                    Some((_, met)) => met,
                    None => absent_passes,
                };
                if passes {
                    keep.push(to_u32(from + at));
                }
            }
        }
        Ok(keep)
    }

    /// Which of the selected rows still pass the filter. Those that nothing has touched do.
    fn still_selected(
        &mut self,
        live: Option<&Live>,
        selected: &Selected,
        ids: &[Id],
        also_changed: &HashSet<Id>,
    ) -> Result<Vec<u32>, Refusal> {
        let mut unchanged = match live.filter(|_| !self.deleted) {
            Some(live) => selected.selection.unchanged(&live.view()),
            None => vec![false; ids.len()],
        };
        unchanged.resize(ids.len(), false);
        let mut changed = vec![];
        let mut keep = vec![];
        for (at, id) in ids.iter().enumerate() {
            let touched = self.rows.contains_key(id) || also_changed.contains(id);
            if unchanged[at] && !touched {
                keep.push(to_u32(at));
            } else {
                changed.push(at);
            }
        }
        for slice in changed.chunks(SLICE) {
            let names: Vec<Id> = slice.iter().map(|at| ids[*at].clone()).collect();
            let (schema, current) = self.flight.current(live, &names)?;
            let pass = passing(&selected.filter, &schema, &current)?;
            let mut there = current.ids().iter().zip(pass.iter()).peekable();
            for (at, id) in slice.iter().zip(&names) {
                if let Some((_, true)) = there.next_if(|(known, _)| known == id) {
                    keep.push(to_u32(*at));
                }
            }
        }
        keep.sort_unstable();
        Ok(keep)
    }
}

/// What a mutation writes, by row.
#[derive(Debug, Clone)]
struct Written<'a> {
    mask: Option<&'a PatchMask>,
    rows: &'a Rows,
    at: HashMap<Id, usize>,
}

impl<'a> Written<'a> {
    /// What `mutation`, one of `all`, writes; single dimensions are part of the patch of the same rows.
    fn by(mutation: &'a Mutation, all: &'a [Mutation]) -> Option<Self> {
        match mutation {
            Mutation::Upsert(rows) => Some(Self::new(None, rows)),
            Mutation::Patch(mask, rows) => Some(Self::new(Some(mask), rows)),
            Mutation::SparsePatch(_) => {
                let mut patches = all.iter().filter(|m| matches!(m, Mutation::Patch(..)));
                Self::by(patches.next()?, &[])
            }
            Mutation::Delete(_) | Mutation::Control(_) => None,
        }
    }

    fn new(mask: Option<&'a PatchMask>, rows: &'a Rows) -> Self {
        let ids = rows.ids().iter().enumerate();
        Self {
            mask,
            rows,
            at: ids.map(|(at, id)| (id, at)).collect(),
        }
    }

    /// What is written to an attribute of a row; null where nothing is.
    fn value(&self, id: &Id, name: &AttributeName) -> Value {
        if name.is_id() {
            return id.clone().into();
        }
        let Some(row) = self.at.get(id) else {
            return Value::Null;
        };
        let set = self
            .mask
            .is_none_or(|mask| mask.is_set(name.as_str(), *row));
        if set {
            self.rows.value(*row, name.as_str())
        } else {
            Value::Null
        }
    }
}

fn to_u32(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

impl From<RowsError> for Refusal {
    fn from(error: RowsError) -> Self {
        Self::Fold(error.into())
    }
}
