//! [`run`]: from a view and a query to an answer.

use super::{
    Answer, Filter, Query, RankBy, SearchError, Stats,
    aggregate::aggregate,
    context::SearchContext,
    diverse, filter,
    hits::Included,
    matching::{BoundFilter, Matching},
    nearest::{self, How, Target},
    order,
    place::{Near, Place},
    sparse::{self, SparseTarget},
    text::{self, BoundScore},
};
use crate::{
    metrics::{ROWS_SCANNED, SEARCHES},
    view::View,
};

/// Answers `query` on `view`.
pub fn run(
    view: &View,
    query: &Query,
    context: &mut SearchContext<'_>,
) -> Result<Answer, SearchError> {
    let limit = match query.limit {
        0 => 0,
        limit => limit.saturating_add(query.offset),
    };
    let rank = Rank::bind(view, query, limit)?;
    let sets = matching(view, query.filter.as_ref(), context)?;
    let mut stats = Stats::default();
    if query.filter.is_some() {
        stats.filter_rows = Some(sets.iter().map(|set| set.at_most() as u64).sum());
    }
    let aggregated = aggregate(view, &sets, query, context)?;
    let ranked = match &query.per {
        _ if limit == 0 => vec![],
        None => rank.run(view, &sets, context, &mut stats)?,
        Some(per) => diverse::rank(view, query, (per, limit), &sets, context, &mut stats)?,
    };
    measure(&stats);
    let included = Included::new(&query.include, &view.schema);
    let rows = ranked.get(query.offset..).unwrap_or_default();
    Ok(Answer {
        rows: included.hits(&view.sets, rows, context)?,
        aggregates: aggregated.totals,
        groups: aggregated.groups,
        stats,
    })
}

fn measure(stats: &Stats) {
    metrics::counter!(SEARCHES, "path" => stats.path.as_str()).increment(1);
    metrics::counter!(ROWS_SCANNED).increment(stats.rows_scanned);
}

/// The rows of each row set of `view` that pass `filter`.
pub(super) fn matching<'a>(
    view: &'a View,
    filter: Option<&Filter>,
    context: &SearchContext<'_>,
) -> Result<Vec<Matching<'a>>, SearchError> {
    let filter = match filter {
        Some(filter) => Some(BoundFilter::new(filter::bind(filter, &view.schema)?)),
        None => None,
    };
    let matching = |set| {
        context.check()?;
        Matching::new(set, view.version, filter.as_ref(), context)
    };
    view.sets.iter().map(matching).collect()
}

/// An order that fits the schema.
pub(super) enum Rank {
    Nearest(Target, How),
    Sparse(SparseTarget, usize),
    Order(Vec<order::Key>, usize),
    Score(BoundScore, usize),
}

/// A row that was found, with its distance where there is one.
pub(super) struct Found {
    pub(super) place: Place,
    pub(super) distance: Option<f32>,
}

impl From<Near> for Found {
    fn from(Near { place, distance }: Near) -> Self {
        Self {
            place,
            distance: Some(distance),
        }
    }
}

impl Rank {
    /// The order of `query`, for its first `limit` rows.
    pub(super) fn bind(view: &View, query: &Query, limit: usize) -> Result<Self, SearchError> {
        Ok(match &query.rank_by {
            RankBy::Ann { attribute, vector } | RankBy::Knn { attribute, vector } => {
                let how = How {
                    exact: matches!(query.rank_by, RankBy::Knn { .. }),
                    limit,
                    recall_target: query.recall_target,
                    list: None,
                };
                Self::Nearest(Target::bind(attribute, vector, &view.schema)?, how)
            }
            RankBy::Sparse { attribute, weights } => {
                let target = SparseTarget::bind(attribute, weights, &view.schema)?;
                Self::Sparse(target, limit)
            }
            RankBy::Order(keys) => Self::Order(order::bind(keys, &view.schema)?, limit),
            RankBy::Score(score) => Self::Score(BoundScore::bind(score, &view.schema)?, limit),
            RankBy::Id => Self::Order(vec![], limit),
        })
    }

    /// The first rows.
    pub(super) fn run(
        &self,
        view: &View,
        sets: &[Matching<'_>],
        context: &mut SearchContext<'_>,
        stats: &mut Stats,
    ) -> Result<Vec<Found>, SearchError> {
        Ok(match self {
            Self::Nearest(target, how) => {
                let rows = nearest::rank(target, sets, *how, context, stats)?;
                rows.into_iter().map(Found::from).collect()
            }
            Self::Sparse(target, limit) => {
                let rows = sparse::rank(target, sets, *limit, context, stats)?;
                rows.into_iter().map(Found::from).collect()
            }
            Self::Score(score, limit) => {
                let rows = text::rank(score, view, sets, *limit, context, stats)?;
                rows.into_iter().map(Found::from).collect()
            }
            Self::Order(keys, limit) => {
                let rows = order::rank(keys, sets, *limit, context, stats)?;
                let found = |place| Found {
                    place,
                    distance: None,
                };
                rows.into_iter().map(found).collect()
            }
        })
    }
}
