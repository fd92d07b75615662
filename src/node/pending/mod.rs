//! [`Pending`]: what writes in flight will have done.

mod affected;
mod delta;
mod flight;
mod guard;
mod restrict;
mod selected;
#[cfg(test)]
mod tests;

pub(super) use selected::{Selected, patch_bytes};

use super::{Refusal, sink::Terms};
use delta::Delta;
use isobath_query::view::Views;
use isobath_storage::{
    log::Affected,
    model::{Id, Namespace, Request, Seq, Stamp},
};
use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

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

    /// Checks a write against everything before it, leaves only what it does in it, counts that, and takes
    /// it in. The rows that it changes, where the write asks for them.
    pub(super) fn resolve(
        &mut self,
        namespace: &Namespace,
        request: &mut Request,
        terms: &Terms,
        stamp: Stamp,
    ) -> Result<Option<Affected>, Refusal> {
        let live = self.views.get(namespace);
        let live = live.as_deref();
        let mut delta = self.namespaces.remove(namespace).unwrap_or_default();
        let resolved = delta.resolve(namespace, live, request, terms, stamp);
        let resolved = resolved.map(|(ids, affected)| {
            self.writes.push_back((stamp.seq, namespace.clone(), ids));
            affected
        });
        if delta.writes > 0 {
            self.namespaces.insert(namespace.clone(), delta);
        }
        resolved
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
            delta.applied(seq, &ids);
            if delta.writes == 0 {
                self.namespaces.remove(&namespace);
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
