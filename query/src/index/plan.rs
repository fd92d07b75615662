//! Choosing how to search: by the graph and how far, or by a scan.

use super::{Bitset, Index, Point, SearchOptions};
use isobath_storage::model::Metric;

/// Up to so many rows a scan of the codes costs no more than a walk.
pub const SCAN_ROWS: usize = 5_000;
/// Up to so many rows of a filter are scanned: exact, and rarely slower than a walk that finds as many.
pub const SCAN_FILTERED_ROWS: usize = 20_000;
/// A walk's step costs what scanning so many rows does.
const ROWS_PER_STEP: usize = 100;
/// Rows of the part are easier queries than those that come: the lists are this much longer than calibrated.
const MARGIN: f32 = 1.25;

/// A part of which fewer rows live is rewritten soon; lists grow no longer for it.
const LEAST_LIVE: f32 = 0.2;

/// How a search is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SearchPath {
    /// Estimates of all rows that pass, the best reranked.
    Scan,
    /// A walk of the graph.
    Graph,
}

/// The search list that a part needs for the k nearest, from its calibration.
pub(super) fn list_for(points: &[Point], k: usize, target: f32) -> usize {
    let reach = |recall: fn(&Point) -> f32| {
        let found = points.iter().find(|p| recall(p) >= target);
        found.or(points.last()).map_or(0, |p| p.list)
    };
    let (ten, hundred) = (reach(|p| p.recall_at_10), reach(|p| p.recall_at_100));
    let list = if k <= 10 {
        ten
    } else if k <= 100 {
        ten + hundred.saturating_sub(ten) * (k - 10) / 90
    } else {
        hundred * k / 100
    };
    ((list as f32 * MARGIN) as usize).max(k + 2)
}

impl Index {
    /// The path of a search and the length of its list.
    pub(super) fn plan(&self, k: usize, options: &SearchOptions<'_>) -> (SearchPath, usize) {
        let Some(graph) = self.meta().graph.as_ref() else {
            return (SearchPath::Scan, 0);
        };
        let calibrated = || {
            let list = list_for(&graph.calibration, k, options.recall_target);
            let dead = options.dead as f32 / self.len().max(1) as f32;
            (list as f32 / (1.0 - dead).clamp(LEAST_LIVE, 1.0)) as usize
        };
        let list = options
            .list
            .map_or_else(calibrated, |list| list.min(self.len()))
            .max(k);
        let path = options
            .path
            .unwrap_or_else(|| self.path(options.filter, list));
        (path, list)
    }

    fn path(&self, filter: Option<&Bitset>, list: usize) -> SearchPath {
        let (count, at_least, list) = match filter {
            None => (self.len(), SCAN_ROWS, list),
            Some(filter) => {
                let share = filter.count() as f32 / self.len().max(1) as f32;
                (filter.count(), SCAN_FILTERED_ROWS, widened(list, share))
            }
        };
        // under the dot product short rows have no way in: a walk does not find them
        let hidden = filter.is_some() && self.meta().params.metric == Metric::DotProduct;
        if hidden || count <= at_least.max(list * ROWS_PER_STEP) {
            SearchPath::Scan
        } else {
            SearchPath::Graph
        }
    }
}

/// The list for a walk of which only a share of the rows counts.
pub(super) fn widened(list: usize, share: f32) -> usize {
    (list as f32 / share.clamp(0.01, 1.0).powf(0.75)) as usize
}
