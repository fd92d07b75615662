//! [`Selection`]: the rows that a write by filter is about.

use super::{Filter, SearchContext, SearchError, run::matching};
use crate::view::View;
use isobath_storage::model::{Id, IdColumn, IdKind};
use std::sync::Arc;

/// The rows of a view that pass a filter, for a write that changes them later.
#[derive(Debug, Clone)]
pub struct Selection {
    /// What was searched.
    view: Arc<View>,
    /// By row set of the view the rows that were chosen.
    rows: Vec<Vec<u32>>,
    /// More rows pass than were asked for.
    pub more: bool,
}

/// Chooses at most `limit` of the rows of `view` that pass `filter`.
pub fn select(
    view: &Arc<View>,
    filter: &Filter,
    limit: usize,
    context: &SearchContext<'_>,
) -> Result<Selection, SearchError> {
    let (mut rows, mut left, mut more) = (vec![], limit, false);
    for set in matching(view, Some(filter), context)? {
        context.check()?;
        let mut passing = set.rows();
        let taken: Vec<u32> = passing.by_ref().take(left).collect();
        left -= taken.len();
        more = more || (left == 0 && passing.next().is_some());
        rows.push(taken);
    }
    let view = Arc::clone(view);
    Ok(Selection { view, rows, more })
}

impl Selection {
    /// Rows of `view` that were chosen elsewhere: by row set their numbers.
    pub fn of(view: Arc<View>, rows: Vec<Vec<u32>>) -> Self {
        let more = false;
        Self { view, rows, more }
    }

    /// How many rows were chosen.
    pub fn len(&self) -> usize {
        self.rows.iter().map(Vec::len).sum()
    }

    /// Whether no row was.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The ids of the rows.
    pub fn ids(&self) -> IdColumn {
        let sets = self.view.sets.iter().zip(&self.rows);
        let ids: Vec<Id> = sets
            .flat_map(|(set, rows)| rows.iter().map(|row| set.rows.ids().get(*row as usize)))
            .collect();
        let kind = self.view.schema.id_kind.unwrap_or(IdKind::Uint);
        IdColumn::from_ids(kind, &ids).unwrap_or(IdColumn::U64(Vec::new().into()))
    }

    /// For each row, in the order of [`Self::ids`], whether it is in `now` as it was when it was chosen.
    pub fn unchanged(&self, now: &View) -> Vec<bool> {
        let mut unchanged = Vec::with_capacity(self.len());
        for (set, rows) in self.view.sets.iter().zip(&self.rows) {
            let known = now.sets.iter().any(|other| Arc::ptr_eq(set, other));
            let visible = |row: &u32| known && set.is_visible(*row as usize, now.version);
            unchanged.extend(rows.iter().map(visible));
        }
        unchanged
    }
}
