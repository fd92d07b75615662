//! [`nearest_places`], [`scored_places`]: the first rows that pass a predicate which the caller evaluates.

use super::{
    Score, SearchContext, SearchError, Stats,
    filter::PredicateHash,
    matching::Matching,
    nearest::{self, How, Target},
    place::Place,
    text::{self, BoundScore},
};
use crate::{
    index::{Bitset, VectorColumn},
    view::{Origin, RowSet, View},
};
use arrow_buffer::BooleanBuffer;
use isobath_storage::model::{AttributeName, AttributeType};
use std::sync::Arc;

/// Predicates over fewer rows are evaluated faster than looked up.
const MIN_CACHED_ROWS: usize = 1_000;

/// Which rows are wanted, and how they are to be found.
#[derive(Debug, Clone)]
pub struct NearestQuery {
    /// The vector attribute.
    pub attribute: AttributeName,
    /// The query vector, of the attribute's dimension; every value is finite.
    pub vector: Vec<f32>,
    /// How many rows.
    pub limit: usize,
    /// Exactly, whatever it costs.
    pub exact: bool,
    /// The recall that an approximate search aims for; `None` = the index's default.
    pub recall_target: Option<f32>,
    /// The length of an index search's list, in place of what the recall asks for: a longer one finds more and
    /// takes longer; at most the rows of the index are meant.
    pub list: Option<usize>,
}

/// A predicate over rows that the caller evaluates.
pub struct RowPredicate<'a> {
    /// Says what the predicate is: those of the same text are the same over one row set, and what passes is
    /// kept for the next one. `None` = it is not kept.
    pub text: Option<&'a str>,
    /// Which rows of a row set pass, hidden ones too; one bit a row.
    pub evaluate: &'a dyn Fn(&RowSet, &SearchContext<'_>) -> Result<BooleanBuffer, SearchError>,
}

impl std::fmt::Debug for RowPredicate<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("RowPredicate").field(&self.text).finish()
    }
}

/// A row of a view: the number of its row set, and its number there.
pub type RowPlace = (u32, u32);

/// The rows that were found.
#[derive(Debug, Clone, Default)]
pub struct NearestPlaces {
    /// The rows, best first, with their distance or score; those without a vector come last and have none.
    pub rows: Vec<(RowPlace, Option<f32>)>,
    /// How they were found.
    pub stats: Stats,
}

/// The nearest rows of `view` that pass `predicate`: exactly as many as there are, up to the limit. Where
/// fewer have a vector, rows without one follow.
pub fn nearest_places(
    view: &View,
    query: &NearestQuery,
    predicate: Option<&RowPredicate<'_>>,
    context: &mut SearchContext<'_>,
) -> Result<NearestPlaces, SearchError> {
    let target = Target::bind(&query.attribute, &query.vector, &view.schema)?;
    let sets = matching(view, predicate, context)?;
    let mut stats = Stats::default();
    if predicate.is_some() {
        stats.filter_rows = Some(sets.iter().map(|set| set.at_most() as u64).sum());
    }
    let how = |exact| How {
        exact,
        limit: query.limit,
        recall_target: query.recall_target,
        list: query.list,
    };
    let mut found = nearest::rank(&target, &sets, how(query.exact), context, &mut stats)?;
    let mut without = vec![];
    if found.len() < query.limit {
        // an index may miss rows; how many there are does not depend on it
        let ty = view.schema.get(query.attribute.as_str()).map(|c| c.ty);
        let with = split(&sets, &query.attribute, ty, query.limit, &mut without)?;
        if found.len() < with.min(query.limit) {
            let mut again = Stats::default();
            found = nearest::rank(&target, &sets, how(true), context, &mut again)?;
            stats.add_round(&again);
        }
    }
    let near = found
        .iter()
        .map(|near| (key(near.place), Some(near.distance)));
    let far = without.into_iter().map(|place| (place, None));
    let rows = near.chain(far).take(query.limit).collect();
    Ok(NearestPlaces { rows, stats })
}

/// The first `limit` rows of `view` by (score, id) that pass `predicate`, highest score first, with their scores;
/// those without a score are left out.
pub fn scored_places(
    view: &View,
    score: &Score,
    predicate: Option<&RowPredicate<'_>>,
    limit: usize,
    context: &SearchContext<'_>,
) -> Result<NearestPlaces, SearchError> {
    let score = BoundScore::bind(score, &view.schema)?;
    let sets = matching(view, predicate, context)?;
    let mut stats = Stats::default();
    if predicate.is_some() {
        stats.filter_rows = Some(sets.iter().map(|set| set.at_most() as u64).sum());
    }
    let found = text::rank(&score, view, &sets, limit, context, &mut stats)?;
    let rows = found
        .iter()
        .map(|near| (key(near.place), Some(near.distance)));
    let rows = rows.collect();
    Ok(NearestPlaces { rows, stats })
}

/// The rows of `view` that pass `predicate`, by row set.
pub fn passing_rows(
    view: &View,
    predicate: Option<&RowPredicate<'_>>,
    context: &SearchContext<'_>,
) -> Result<Vec<Vec<u32>>, SearchError> {
    let sets = matching(view, predicate, context)?;
    Ok(sets.iter().map(|set| set.rows().collect()).collect())
}

fn key(place: Place) -> RowPlace {
    (place.set, place.row)
}

fn matching<'a>(
    view: &'a View,
    predicate: Option<&RowPredicate<'_>>,
    context: &SearchContext<'_>,
) -> Result<Vec<Matching<'a>>, SearchError> {
    let one = |set: &'a Arc<RowSet>| {
        context.check()?;
        let passing = predicate.map(|predicate| passing(set, predicate, context));
        Ok(Matching::with_rows(set, view.version, passing.transpose()?))
    };
    view.sets.iter().map(one).collect()
}

fn passing(
    set: &Arc<RowSet>,
    predicate: &RowPredicate<'_>,
    context: &SearchContext<'_>,
) -> Result<Arc<Bitset>, SearchError> {
    let evaluate = || {
        let pass = (predicate.evaluate)(set, context)?;
        let words = pass.bit_chunks().iter_padded();
        let words = words.take(set.len().div_ceil(64)).collect();
        Ok(Bitset::from_words(words))
    };
    match (&set.origin, predicate.text) {
        (Origin::Part(_), Some(text)) if set.len() >= MIN_CACHED_ROWS => {
            let hash = PredicateHash::of_text(text);
            context.filters.get_or(set, hash, evaluate)
        }
        _ => evaluate().map(Arc::new),
    }
}

/// How many rows have a vector; up to `most` of those that have none.
fn split(
    sets: &[Matching<'_>],
    attribute: &AttributeName,
    ty: Option<AttributeType>,
    most: usize,
    without: &mut Vec<RowPlace>,
) -> Result<usize, SearchError> {
    let mut with = 0;
    for (number, set) in (0..).zip(sets) {
        let column = match ty {
            Some(ty) => VectorColumn::of(set.set, attribute, ty)?,
            None => None,
        };
        for row in set.rows() {
            if column.is_some_and(|column| column.has(row)) {
                with += 1;
            } else if without.len() < most {
                without.push((number, row));
            }
        }
    }
    Ok(with)
}
