//! [`TextIndex`]: which rows hold which terms, and how often.

use crate::{
    index::buffer::Buffer,
    view::{RowSet, Version},
};
use arrow_array::ArrayRef;
use isobath_storage::model::Analysis;
use parking_lot::Mutex;
use std::{borrow::Cow, ops::Range, sync::Arc};

/// The length of a row that has no text.
pub(super) const NO_TEXT: u32 = u32::MAX;

/// Which rows of one row set hold which terms in one attribute, and how often.
#[derive(Debug)]
pub struct TextIndex {
    pub(super) analysis: Analysis,
    /// The column that was analysed.
    pub(super) array: ArrayRef,
    /// Whether it lies in a file.
    pub(super) stored: bool,
    /// Terms by row, [`NO_TEXT`] where it is null.
    pub(super) lengths: Buffer<u32>,
    /// All terms one after the other, sorted.
    pub(super) letters: Buffer<u8>,
    /// Where each term starts in `letters`, and where the last one ends.
    pub(super) words: Buffer<u64>,
    /// Where the postings of each term start, and where the last ones end.
    pub(super) starts: Buffer<u64>,
    /// The rows of the postings, rising within a term.
    pub(super) rows: Buffer<u32>,
    /// How often the term is there.
    pub(super) counts: Buffer<u32>,
    /// What a view of this version counts.
    pub(super) counted: Mutex<Option<(Version, Totals)>>,
}

/// How much text there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// Rows that have a text.
    pub texts: u64,
    /// Terms of all of them.
    pub terms: u64,
}

/// The rows of a term, rising, and how often each holds it.
#[derive(Debug, Clone, Default)]
pub struct Postings<'a> {
    /// The rows.
    pub rows: Cow<'a, [u32]>,
    /// How often, by posting.
    pub counts: Cow<'a, [u32]>,
}

impl TextIndex {
    /// Whether it holds the terms of `array` as `analysis` makes them.
    pub(super) fn fits(&self, array: &ArrayRef, analysis: Analysis) -> bool {
        let same = std::ptr::addr_eq(Arc::as_ptr(&self.array), Arc::as_ptr(array));
        same && self.analysis == analysis
    }

    /// Whether it lies in a file.
    pub fn is_stored(&self) -> bool {
        self.stored
    }

    /// The number of terms of each row; null rows have more than any other.
    pub fn lengths(&self) -> &[u32] {
        self.lengths.as_slice()
    }

    /// Whether `row` has a text.
    pub fn has_text(&self, row: usize) -> bool {
        self.lengths()
            .get(row)
            .is_some_and(|length| *length != NO_TEXT)
    }

    /// The rows that hold `term`.
    pub fn postings(&self, term: &str) -> Postings<'_> {
        let at = self.first_from(term);
        if self.word(at) == Some(term.as_bytes()) {
            self.slices(at..at + 1)
        } else {
            Postings::default()
        }
    }

    /// The rows that hold a term which starts with `prefix` or is `term`, each with the sum of how often.
    pub fn postings_from(&self, prefix: &str, term: Option<&str>) -> Postings<'_> {
        let from = self.first_from(prefix);
        let starts = |at: &usize| {
            self.word(*at)
                .is_some_and(|w| w.starts_with(prefix.as_bytes()))
        };
        let to = self.bisect(from, |at| starts(&at));
        let all = self.slices(from..to);
        let term = term.filter(|term| !term.starts_with(prefix));
        let other = term.map(|term| self.postings(term)).unwrap_or_default();
        if other.rows.is_empty() && to - from <= 1 {
            return all;
        }
        merge(&[all, other], self.lengths().len())
    }

    /// The rows, and terms, of the rows that a view of `version` sees.
    pub fn totals(&self, set: &RowSet, version: Version) -> Totals {
        if let Some((_, totals)) = self.counted.lock().filter(|(at, _)| *at == version) {
            return totals;
        }
        let all_visible = set.hidden.is_empty();
        let mut totals = Totals::default();
        for (row, length) in self.lengths().iter().enumerate() {
            if *length != NO_TEXT && (all_visible || set.is_visible(row, version)) {
                totals.texts += 1;
                totals.terms += u64::from(*length);
            }
        }
        *self.counted.lock() = Some((version, totals));
        totals
    }

    /// The number of the first term that is not before `term`.
    fn first_from(&self, term: &str) -> usize {
        self.bisect(0, |at| self.word(at).is_some_and(|w| w < term.as_bytes()))
    }

    /// The first number from `from` on for which `before` does not hold.
    fn bisect(&self, from: usize, before: impl Fn(usize) -> bool) -> usize {
        let (mut low, mut high) = (from, self.words.as_slice().len().saturating_sub(1));
        while low < high {
            let middle = low + (high - low) / 2;
            if before(middle) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    fn word(&self, at: usize) -> Option<&[u8]> {
        let words = self.words.as_slice();
        let range = *words.get(at)? as usize..*words.get(at + 1)? as usize;
        self.letters.as_slice().get(range)
    }

    /// The postings of terms one after the other.
    fn slices(&self, terms: Range<usize>) -> Postings<'_> {
        let starts = self.starts.as_slice();
        let start = |at: usize| starts.get(at).map_or(0, |start| *start as usize);
        let range = start(terms.start)..start(terms.end);
        let of = |values| <[u32]>::get(values, range.clone()).unwrap_or_default();
        Postings {
            rows: Cow::Borrowed(of(self.rows.as_slice())),
            counts: Cow::Borrowed(of(self.counts.as_slice())),
        }
    }
}

/// Each row once, with the sum of its counts.
fn merge(all: &[Postings<'_>], rows: usize) -> Postings<'static> {
    let postings = || {
        let each = |one: &'_ Postings<'_>| {
            let pairs = one.rows.iter().zip(&*one.counts);
            pairs.map(|(row, count)| (*row, *count)).collect::<Vec<_>>()
        };
        all.iter().flat_map(each)
    };
    let found: usize = all.iter().map(|one| one.rows.len()).sum();
    let mut merged: Vec<(u32, u32)>;
    if found > rows / 8 {
        let mut sums = vec![0u32; rows];
        for (row, count) in postings() {
            if let Some(sum) = sums.get_mut(row as usize) {
                *sum = sum.saturating_add(count);
            }
        }
        let counted = (0..).zip(sums).filter(|(_, sum)| *sum > 0);
        merged = counted.collect();
    } else {
        merged = postings().collect();
        merged.sort_unstable_by_key(|(row, _)| *row);
        merged.dedup_by(|next, kept| {
            let same = next.0 == kept.0;
            if same {
                kept.1 = kept.1.saturating_add(next.1);
            }
            same
        });
    }
    let (rows, counts): (Vec<u32>, Vec<u32>) = merged.into_iter().unzip();
    Postings {
        rows: rows.into(),
        counts: counts.into(),
    }
}
