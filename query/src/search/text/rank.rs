//! Ranks rows by a score, block by block, so that memory does not grow with the rows.

use super::{
    bm25::{Indexes, Leaf, indexes},
    score::BoundScore,
};
use crate::{
    index::Bitset,
    search::{
        SearchError, Stats,
        context::SearchContext,
        matching::Matching,
        place::{Near, Place},
        scalars::Scalars,
        top::Top,
    },
    view::View,
};
use std::{cmp::Ordering, sync::Arc};

/// Rows that are scored together.
const BLOCK: u32 = 8 * 1024;

/// The first `limit` rows by (score, id), highest score first; those without a score are left out.
pub(in crate::search) fn rank(
    score: &BoundScore,
    view: &View,
    sets: &[Matching<'_>],
    limit: usize,
    context: &SearchContext<'_>,
    stats: &mut Stats,
) -> Result<Vec<Near>, SearchError> {
    let mut opened = vec![];
    open(score, view, context, &mut opened)?;
    let mut opened = opened.iter();
    let weighed = Weighed::new(score, view, &mut opened, context, stats)?;
    let ids: Vec<Scalars<'_>> = sets.iter().map(Matching::ids).collect();
    let mut top = Top::new(limit, |a: &Near, b: &Near| by_score_and_id(&ids, a, b));
    let mut scores = vec![0.0; BLOCK as usize];
    for (number, set) in (0..).zip(sets) {
        let rows = u32::try_from(set.set.len()).unwrap_or(u32::MAX);
        if !set.set.is_part() {
            stats.exhaustive_search_count += u64::from(rows);
        }
        for first in (0..rows).step_by(BLOCK as usize) {
            context.check()?;
            let block = &mut scores[..BLOCK.min(rows - first) as usize];
            block.fill(0.0);
            if weighed.add(number as usize, first, 1.0, block) {
                offer(&mut top, set, number, first, block);
            }
        }
    }
    Ok(top.finish())
}

/// Offers the rows of a block that have a score.
fn offer<C: Fn(&Near, &Near) -> Ordering>(
    top: &mut Top<Near, C>,
    set: &Matching<'_>,
    number: u32,
    first: u32,
    scores: &[f64],
) {
    for (row, score) in (first..).zip(scores) {
        let distance = single(*score);
        if distance > 0.0 && set.contains(row) {
            let place = Place { set: number, row };
            top.push(Near { place, distance });
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "an answer holds 32-bit scores"
)]
fn single(score: f64) -> f32 {
    (score as f32).min(f32::MAX)
}

fn by_score_and_id(ids: &[Scalars<'_>], a: &Near, b: &Near) -> Ordering {
    let id = |near: &Near| ids[near.place.set as usize].get(near.place.row as usize);
    let by_score = b.distance.total_cmp(&a.distance);
    by_score.then_with(|| id(a).compare(&id(b)))
}

/// Opens the text indexes of all leaves, in order.
fn open(
    score: &BoundScore,
    view: &View,
    context: &SearchContext<'_>,
    opened: &mut Vec<Indexes>,
) -> Result<(), SearchError> {
    match score {
        BoundScore::Bm25(terms) => opened.push(indexes(terms, view, context)?),
        BoundScore::Sum(scores) | BoundScore::Max(scores) => {
            for score in scores {
                open(score, view, context, opened)?;
            }
        }
        BoundScore::Product(_, score) => open(score, view, context, opened)?,
        BoundScore::Filter(_) => {}
    }
    Ok(())
}

/// A score over one view.
enum Weighed<'a> {
    Bm25(Leaf<'a>),
    Sum(Vec<Weighed<'a>>),
    Max(Vec<Weighed<'a>>),
    Product(f64, Box<Weighed<'a>>),
    /// The rows that pass, by row set.
    Filter(Vec<Arc<Bitset>>),
}

impl<'a> Weighed<'a> {
    fn new(
        score: &BoundScore,
        view: &View,
        opened: &mut impl Iterator<Item = &'a Indexes>,
        context: &SearchContext<'_>,
        stats: &mut Stats,
    ) -> Result<Self, SearchError> {
        let mut all = |scores: &[BoundScore], stats: &mut Stats| {
            let each = scores.iter();
            each.map(|s| Self::new(s, view, &mut *opened, context, stats))
                .collect::<Result<Vec<_>, _>>()
        };
        Ok(match score {
            BoundScore::Sum(scores) => Self::Sum(all(scores, stats)?),
            BoundScore::Max(scores) => Self::Max(all(scores, stats)?),
            BoundScore::Product(factor, score) => {
                let inner = Self::new(score, view, opened, context, stats)?;
                Self::Product(*factor, Box::new(inner))
            }
            BoundScore::Bm25(terms) => match opened.next() {
                Some(indexes) => Self::Bm25(Leaf::weigh(terms, indexes, view, stats)),
                None => Self::Sum(vec![]),
            },
            BoundScore::Filter(filter) => {
                let passing = |set| {
                    context.check()?;
                    filter.passing(set, context)
                };
                Self::Filter(view.sets.iter().map(passing).collect::<Result<_, _>>()?)
            }
        })
    }

    /// Adds `scale` times the scores of the rows of a row set from `first` on to `scores`; whether there are any.
    fn add(&self, set: usize, first: u32, scale: f64, scores: &mut [f64]) -> bool {
        match self {
            Self::Bm25(leaf) => leaf.add(set, first, scale, scores),
            Self::Sum(parts) => {
                let mut any = false;
                for part in parts {
                    any |= part.add(set, first, scale, scores);
                }
                any
            }
            Self::Product(factor, part) => part.add(set, first, scale * factor, scores),
            Self::Max(parts) => add_largest(parts, set, first, scale, scores),
            Self::Filter(passing) => {
                let Some(passing) = passing.get(set) else {
                    return false;
                };
                let mut any = false;
                for (row, score) in (first..).zip(scores) {
                    if passing.contains(row) {
                        *score += scale;
                        any = true;
                    }
                }
                any
            }
        }
    }
}

/// Adds `scale` times the largest of the scores.
fn add_largest(
    parts: &[Weighed<'_>],
    set: usize,
    first: u32,
    scale: f64,
    scores: &mut [f64],
) -> bool {
    let mut largest = vec![0.0; scores.len()];
    let mut one = vec![0.0; scores.len()];
    let mut any = false;
    for part in parts {
        one.fill(0.0);
        if part.add(set, first, scale, &mut one) {
            any = true;
            let pairs = largest.iter_mut().zip(&one);
            pairs.for_each(|(largest, score)| *largest = f64::max(*largest, *score));
        }
    }
    let pairs = scores.iter_mut().zip(&largest);
    pairs.for_each(|(score, largest)| *score += largest);
    any
}
