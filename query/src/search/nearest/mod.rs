//! Ranks rows by the distance of their vectors.
//!
//! Each row set is searched the way that is cheapest for it, and gives its best rows with their exact
//! distances; the best of all are the answer.

mod row_set;
mod target;

pub(super) use target::Target;

use super::{
    Path, SearchError, Stats, context::SearchContext, matching::Matching, place::Near,
    scalars::Scalars, top::Top,
};
use row_set::RowSetSearch;
use std::cmp::Ordering;

/// How rows are to be found.
#[derive(Debug, Clone, Copy)]
pub(super) struct How {
    /// Exactly, whatever it costs.
    pub(super) exact: bool,
    /// How many.
    pub(super) limit: usize,
    /// The share of them that an approximate search is to find; `None` = the index's default.
    pub(super) recall_target: Option<f32>,
    /// The length of an index search's list, in place of what the target asks for.
    pub(super) list: Option<usize>,
}

/// The `limit` nearest rows by (distance, id).
pub(super) fn rank(
    target: &Target,
    sets: &[Matching<'_>],
    how: How,
    context: &mut SearchContext<'_>,
    stats: &mut Stats,
) -> Result<Vec<Near>, SearchError> {
    let ids: Vec<Scalars<'_>> = sets.iter().map(Matching::ids).collect();
    let mut top = Top::new(how.limit, |a: &Near, b: &Near| {
        by_distance_and_id(&ids, a, b)
    });
    let mut paths = vec![];
    for (number, set) in (0..).zip(sets) {
        context.check()?;
        let search = RowSetSearch::new(target, how, number, set)?;
        if let Some(search) = search {
            paths.push(search.run(&mut top, context, stats)?);
        }
    }
    stats.path = joined(&paths);
    Ok(top.finish())
}

fn by_distance_and_id(ids: &[Scalars<'_>], a: &Near, b: &Near) -> Ordering {
    let id = |near: &Near| ids[near.place.set as usize].get(near.place.row as usize);
    let by_distance = a.distance.total_cmp(&b.distance);
    by_distance.then_with(|| id(a).compare(&id(b)))
}

/// The path of a search that took `paths`.
fn joined(paths: &[Path]) -> Path {
    match paths {
        [] => Path::Exact,
        [first, others @ ..] if others.iter().all(|path| path == first) => *first,
        _ => Path::Mixed,
    }
}
