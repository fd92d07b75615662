//! Builds a [`TextIndex`].

use super::{Analyzer, TextColumn, TextIndex, text_index::NO_TEXT};
use crate::index::IndexError;
use isobath_storage::model::Analysis;
use parking_lot::Mutex;
use std::{collections::HashMap, sync::Arc};

/// Rows between two looks whether to go on.
const PACE: usize = 1024;

/// Indexes the texts of a column, unless `expired` says to stop.
pub(super) fn build(
    column: &TextColumn<'_>,
    analysis: Analysis,
    expired: &dyn Fn() -> bool,
) -> Result<TextIndex, IndexError> {
    let analyzer = Analyzer::new(analysis);
    let mut gathered = Gathered::default();
    for row in 0..column.len() {
        if row.is_multiple_of(PACE) && expired() {
            return Err(IndexError::Expired);
        }
        gathered.add(row as u32, column, &analyzer);
    }
    Ok(gathered.finish(column, analysis))
}

/// A term in a row.
#[derive(Debug, Clone, Copy)]
struct Posting {
    term: u32,
    row: u32,
    count: u32,
}

/// What was found so far; terms are numbered as they come.
#[derive(Debug, Default)]
struct Gathered {
    terms: HashMap<Box<str>, u32>,
    /// The term of each token that was seen: most tokens come again, and stems are dear.
    tokens: HashMap<Box<str>, Option<u32>>,
    lengths: Vec<u32>,
    /// By row.
    postings: Vec<Posting>,
    /// The terms of one row.
    found: Vec<u32>,
}

impl Gathered {
    fn add(&mut self, row: u32, column: &TextColumn<'_>, analyzer: &Analyzer) {
        if column.is_null(row as usize) {
            self.lengths.push(NO_TEXT);
            return;
        }
        self.found.clear();
        column.each(row as usize, |text| {
            analyzer.pieces(text, |piece| {
                if let Some(term) = number(&mut self.tokens, &mut self.terms, piece, analyzer) {
                    self.found.push(term);
                }
            });
        });
        self.lengths
            .push(self.found.len().min(NO_TEXT as usize - 1) as u32);
        self.found.sort_unstable();
        for same in self.found.chunk_by(|a, b| a == b) {
            self.postings.push(Posting {
                term: same[0],
                row,
                count: same.len() as u32,
            });
        }
    }

    /// Sorts the terms, and the postings by term.
    fn finish(self, column: &TextColumn<'_>, analysis: Analysis) -> TextIndex {
        let mut sorted: Vec<(Box<str>, u32)> = self.terms.into_iter().collect();
        sorted.sort_unstable();
        let (mut letters, mut words) = (vec![], vec![0]);
        let mut rank = vec![0; sorted.len()];
        for (at, (term, number)) in sorted.iter().enumerate() {
            rank[*number as usize] = at;
            letters.extend_from_slice(term.as_bytes());
            words.push(letters.len() as u64);
        }
        let mut starts = vec![0u64; sorted.len() + 1];
        for posting in &self.postings {
            starts[rank[posting.term as usize] + 1] += 1;
        }
        for at in 1..starts.len() {
            starts[at] += starts[at - 1];
        }
        let mut next = starts.clone();
        let (mut rows, mut counts) = (vec![0; self.postings.len()], vec![0; self.postings.len()]);
        for posting in &self.postings {
            let at = &mut next[rank[posting.term as usize]];
            rows[*at as usize] = posting.row;
            counts[*at as usize] = posting.count;
            *at += 1;
        }
        TextIndex {
            analysis,
            array: Arc::clone(column.array()),
            stored: false,
            lengths: self.lengths.into(),
            letters: letters.into(),
            words: words.into(),
            starts: starts.into(),
            rows: rows.into(),
            counts: counts.into(),
            counted: Mutex::default(),
        }
    }
}

/// The number of the term of a token; a new one where it was not seen before.
fn number(
    tokens: &mut HashMap<Box<str>, Option<u32>>,
    terms: &mut HashMap<Box<str>, u32>,
    piece: &str,
    analyzer: &Analyzer,
) -> Option<u32> {
    if let Some(known) = tokens.get(piece) {
        return *known;
    }
    let number = analyzer.term(piece).map(|term| {
        let next = terms.len() as u32;
        *terms.entry(term.into()).or_insert(next)
    });
    tokens.insert(piece.into(), number);
    number
}
