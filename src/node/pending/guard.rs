//! Whether what a write stands on still holds.

use super::delta::Delta;
use crate::{node::Refusal, server::RowGuard};
use isobath_query::{search::Selection, view::Live};
use isobath_storage::model::{Mutation, Namespace, Request};

impl Delta {
    /// Refuses a write whose guard does not hold, given everything before it.
    pub(super) fn check_guard(
        &self,
        (namespace, exists): (&Namespace, bool),
        live: Option<&Live>,
        request: &Request,
        guard: &RowGuard,
    ) -> Result<(), Refusal> {
        if guard.no_namespace && exists {
            return Err(Refusal::NamespaceExists(namespace.clone()));
        }
        if guard
            .unchanged
            .iter()
            .any(|rows| !self.is_unchanged(live, rows))
        {
            return Err(Refusal::Changed);
        }
        if !guard.absent {
            return Ok(());
        }
        let upserts = request
            .mutations
            .iter()
            .filter(|m| matches!(m, Mutation::Upsert(_)));
        let mut ids = upserts.flat_map(Mutation::ids);
        match ids.find(|id| self.is_there(live, id)) {
            Some(id) => Err(Refusal::Exists(id)),
            None => Ok(()),
        }
    }

    fn is_unchanged(&self, live: Option<&Live>, rows: &Selection) -> bool {
        if rows.is_empty() {
            return true;
        }
        let Some(live) = live.filter(|_| !self.deleted) else {
            return false;
        };
        rows.unchanged(&live.view())
            .into_iter()
            .all(|unchanged| unchanged)
            && rows.ids().iter().all(|id| !self.rows.contains_key(&id))
    }
}
