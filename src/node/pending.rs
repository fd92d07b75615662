//! [`Pending`]: what writes in flight will have done.

use super::Refusal;
use isobath_query::view::{Live, Views};
use isobath_storage::model::{
    AttributeName, Control, Counts, Declaration, Id, IdKind, Mutation, Namespace, Request, Seq,
    Stamp,
};
use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::Arc,
};

/// What writes that are resolved and not yet applied will have done to one namespace.
#[derive(Debug, Default)]
struct Delta {
    /// How many of the writes touch the namespace.
    writes: usize,
    /// Whether one of them deletes what the view holds.
    deleted: bool,
    /// The newest mutation of each row that they touch, and whether the row is there after it.
    rows: HashMap<Id, (Stamp, bool)>,
    /// What they declare.
    declared: BTreeMap<AttributeName, Declaration>,
}

/// What writes that are resolved and not yet applied will have done, over what the views hold.
#[derive(Debug)]
pub(super) struct Pending {
    views: Arc<Views>,
    namespaces: HashMap<Namespace, Delta>,
    /// By segment the namespace of each write and the rows that it touches.
    writes: VecDeque<(Seq, Namespace, Vec<Id>)>,
}

impl Pending {
    pub(super) fn new(views: Arc<Views>) -> Self {
        Self {
            views,
            namespaces: HashMap::new(),
            writes: VecDeque::new(),
        }
    }

    /// Checks a write against everything before it, counts what it does, and takes it in.
    pub(super) fn resolve(
        &mut self,
        namespace: &Namespace,
        request: &mut Request,
        must_exist: bool,
        stamp: Stamp,
    ) -> Result<(), Refusal> {
        let live = self.views.get(namespace);
        let live = live.as_deref();
        let mut delta = self.namespaces.remove(namespace).unwrap_or_default();
        let resolved = delta.resolve(namespace, live, request, must_exist, stamp);
        if let Ok(ids) = &resolved {
            delta.writes += 1;
            self.writes
                .push_back((stamp.seq, namespace.clone(), ids.clone()));
        }
        if delta.writes > 0 {
            self.namespaces.insert(namespace.clone(), delta);
        }
        resolved.map(|_| ())
    }

    /// The segments up to `seq` are applied: the views know what they did.
    pub(super) fn applied(&mut self, seq: Seq) {
        while self.writes.front().is_some_and(|(at, _, _)| *at <= seq) {
            let Some((_, namespace, ids)) = self.writes.pop_front() else {
                return;
            };
            let Some(delta) = self.namespaces.get_mut(&namespace) else {
                continue;
            };
            delta.writes -= 1;
            if delta.writes == 0 {
                self.namespaces.remove(&namespace);
                continue;
            }
            for id in ids {
                if delta
                    .rows
                    .get(&id)
                    .is_some_and(|(stamp, _)| stamp.seq <= seq)
                {
                    delta.rows.remove(&id);
                }
            }
        }
    }

    /// Nothing of it will be applied.
    pub(super) fn discard(&mut self) {
        self.namespaces.clear();
        self.writes.clear();
    }

    /// The newest mutation of a row that still matters, and whether the row is there after it.
    pub(super) fn newest(&self, namespace: &Namespace, id: &Id) -> Option<(Stamp, bool)> {
        let delta = self.namespaces.get(namespace);
        if let Some(row) = delta.and_then(|delta| delta.rows.get(id)) {
            return Some(*row);
        }
        if delta.is_some_and(|delta| delta.deleted) {
            return None;
        }
        let live = self.views.get(namespace)?;
        live.newest(id).map(|stamp| (stamp, live.is_live(id)))
    }
}

impl Delta {
    fn resolve(
        &mut self,
        namespace: &Namespace,
        live: Option<&Live>,
        request: &mut Request,
        must_exist: bool,
        stamp: Stamp,
    ) -> Result<Vec<Id>, Refusal> {
        let base = live.filter(|_| !self.deleted);
        let exists =
            base.is_some_and(|live| live.view().exists()) || self.declared.contains_key("id");
        if must_exist && !exists {
            return Err(Refusal::NotFound(namespace.clone()));
        }
        for declaration in &request.declarations {
            self.check(base, declaration)?;
        }
        let ids = self.count(live, request, stamp);
        for declaration in &request.declarations {
            self.declared
                .entry(declaration.attribute.clone())
                .or_insert(declaration.clone());
        }
        for mutation in &request.mutations {
            if let Mutation::Control(Control::DropAttribute { attribute }) = mutation {
                self.declared.remove(attribute);
            }
        }
        Ok(ids)
    }

    fn check(&self, base: Option<&Live>, given: &Declaration) -> Result<(), Refusal> {
        let name = &given.attribute;
        let (known, metric) = if let Some(known) = self.declared.get(name) {
            (Some(known.ty), known.metric)
        } else {
            let schema = base.map(|live| Arc::clone(&live.view().schema));
            let kind = schema.as_ref().and_then(|schema| schema.id_kind);
            let config = schema.as_ref().and_then(|schema| schema.get(name.as_str()));
            let ty = config.map(|config| config.ty);
            let known = if name.is_id() {
                kind.map(IdKind::attribute_type)
            } else {
                ty
            };
            (known, config.and_then(|config| config.metric))
        };
        let Some(known) = known else {
            return match given.metric {
                None if given.ty.is_vector() => Err(Refusal::NoMetric(name.clone())),
                _ => Ok(()),
            };
        };
        if known != given.ty {
            return Err(match IdKind::from_attribute_type(known) {
                Some(known) if name.is_id() => Refusal::Ids {
                    known,
                    given: given.ty,
                },
                _ => Refusal::Type {
                    name: name.clone(),
                    known,
                    given: given.ty,
                },
            });
        }
        match (metric, given.metric) {
            (Some(known), Some(given)) if known != given => Err(Refusal::Metric {
                name: name.clone(),
                known,
                given,
            }),
            _ => Ok(()),
        }
    }

    /// Fills in the request's counts; the rows that it touches.
    fn count(&mut self, live: Option<&Live>, request: &mut Request, stamp: Stamp) -> Vec<Id> {
        let mut counts = Counts::default();
        let mut ids = vec![];
        let mut index = stamp.index;
        for mutation in &request.mutations {
            let mut touch = |delta: &mut Self, id: Id, to: Option<bool>| {
                let at = stamp.at(index);
                index = index.saturating_add(1);
                let was = delta.is_there(live, &id);
                delta.rows.insert(id.clone(), (at, to.unwrap_or(was)));
                ids.push(id);
                u64::from(was)
            };
            match mutation {
                Mutation::Upsert(rows) => {
                    let added = rows
                        .ids()
                        .iter()
                        .map(|id| touch(self, id, Some(true)))
                        .count();
                    *counts.upserted.get_or_insert(0) += added as u64;
                }
                Mutation::Patch(_, rows) => {
                    let there: u64 = rows.ids().iter().map(|id| touch(self, id, None)).sum();
                    *counts.patched.get_or_insert(0) += there;
                }
                Mutation::SparsePatch(patches) => {
                    let there = patches
                        .iter()
                        .map(|patch| touch(self, patch.id.clone(), None));
                    *counts.patched.get_or_insert(0) += there.sum::<u64>();
                }
                Mutation::Delete(deleted) => {
                    let there: u64 = deleted.iter().map(|id| touch(self, id, Some(false))).sum();
                    *counts.deleted.get_or_insert(0) += there;
                }
                Mutation::Control(control) => {
                    index = index.saturating_add(1);
                    if matches!(control, Control::Delete) {
                        self.deleted = true;
                        self.rows.clear();
                        self.declared.clear();
                    }
                }
            }
        }
        request.counts = counts;
        ids
    }

    fn is_there(&self, live: Option<&Live>, id: &Id) -> bool {
        match self.rows.get(id) {
            Some((_, there)) => *there,
            None => !self.deleted && live.is_some_and(|live| live.is_live(id)),
        }
    }
}
