//! [`Leaf`]: the BM25 score of one text over one view.

use super::terms::Terms;
use crate::{
    index::text::{Postings, TextIndex},
    search::{SearchContext, SearchError, Stats},
    view::{RowSet, Version, View},
};
use isobath_storage::model::FullText;
use std::sync::Arc;

/// The indexes that a text is looked up in, by row set.
pub(super) type Indexes = Vec<Option<Arc<TextIndex>>>;

/// Opens or builds the indexes of a text in all row sets of a view.
pub(super) fn indexes(
    terms: &Terms,
    view: &View,
    context: &SearchContext<'_>,
) -> Result<Indexes, SearchError> {
    view.sets
        .iter()
        .map(|set| terms.index(set, context.deadline))
        .collect()
}

/// The BM25 score of one text over one view: the weight of each term from the rows that the view sees.
#[derive(Debug)]
pub(super) struct Leaf<'a> {
    /// A term's postings in each row set, with its weight.
    terms: Vec<(f64, Vec<Postings<'a>>)>,
    lengths: Vec<&'a [u32]>,
    /// What a row counts besides a term's occurrences: `base + slope × its length`.
    base: f64,
    slope: f64,
}

impl<'a> Leaf<'a> {
    /// Looks up the terms and weighs them.
    pub(super) fn weigh(
        terms: &Terms,
        indexes: &'a Indexes,
        view: &View,
        stats: &mut Stats,
    ) -> Self {
        let sets = || view.sets.iter().zip(indexes);
        let (mut texts, mut length) = (0, 0);
        for (set, index) in sets() {
            if let Some(index) = index {
                let totals = index.totals(set, view.version);
                texts += totals.texts;
                length += totals.terms;
            }
        }
        let full_text = &terms.full_text;
        let weighed = terms.wanted().into_iter().map(|wanted| {
            let of_set = |index: &'a Option<Arc<TextIndex>>| {
                let postings = index.as_ref().map(|index| wanted.postings(index));
                postings.unwrap_or_default()
            };
            let postings: Vec<Postings<'a>> = indexes.iter().map(of_set).collect();
            let found = view.sets.iter().zip(&postings);
            let found: usize = found.map(|(set, p)| visible(set, view.version, p)).sum();
            stats.rows_scanned += postings.iter().map(|p| p.rows.len() as u64).sum::<u64>();
            (
                weight(full_text, texts, found as u64, wanted.count),
                postings,
            )
        });
        let weighed = weighed.collect();
        let lengths = indexes.iter().map(|index| match index {
            Some(index) => index.lengths(),
            None => &[],
        });
        let mean = real(length) / real(texts.max(1));
        Self {
            terms: weighed,
            lengths: lengths.collect(),
            base: full_text.k1 * (1.0 - full_text.b),
            slope: full_text.k1 * full_text.b / mean.max(f64::MIN_POSITIVE),
        }
    }

    /// Adds `scale` times the scores of the rows of a row set from `first` on to `scores`; whether there are any.
    pub(super) fn add(&self, set: usize, first: u32, scale: f64, scores: &mut [f64]) -> bool {
        let lengths = self.lengths.get(set).copied().unwrap_or_default();
        let mut any = false;
        for (weight, postings) in &self.terms {
            let Some(postings) = postings.get(set) else {
                continue;
            };
            let scale = scale * weight;
            let from = postings.rows.partition_point(|row| *row < first);
            let found = postings.rows[from..].iter().zip(&postings.counts[from..]);
            for (row, count) in found {
                let Some(score) = scores.get_mut((row - first) as usize) else {
                    break;
                };
                let length = lengths.get(*row as usize).copied().unwrap_or_default();
                let count = f64::from(*count);
                *score += scale * count / (count + self.base + self.slope * f64::from(length));
                any = true;
            }
        }
        any
    }
}

/// How many of the postings a view sees.
fn visible(set: &RowSet, version: Version, postings: &Postings<'_>) -> usize {
    if set.hidden.is_empty() {
        return postings.rows.len();
    }
    let seen = |row: &&u32| set.is_visible(**row as usize, version);
    postings.rows.iter().filter(seen).count()
}

/// What a term counts that `found` of `texts` rows hold and the query names `count` times.
fn weight(full_text: &FullText, texts: u64, found: u64, count: u32) -> f64 {
    let (found, count) = (real(found), f64::from(count));
    let rarity = (1.0 + (real(texts) - found + 0.5) / (found + 0.5)).ln();
    let named = (full_text.k3 + 1.0) * count / (full_text.k3 + count);
    rarity * (full_text.k1 + 1.0) * named
}

#[expect(
    clippy::cast_precision_loss,
    reason = "counts of rows and terms are below 2^53"
)]
fn real(count: u64) -> f64 {
    count as f64
}
