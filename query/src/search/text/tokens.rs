//! [`TokenTest`]: whether the text of a row holds tokens.

use super::{
    score::OFF,
    terms::{Misfit, Terms, describe},
};
use crate::{
    index::text::{Analyzer, Postings, TextColumn, TextIndex},
    search::{Deadline, SearchError, TextMatch, TokenRule},
    view::RowSet,
};
use arrow_buffer::{BooleanBuffer, BooleanBufferBuilder};
use isobath_storage::model::Schema;

/// Texts that are cut between two looks at the clock.
const PACE: usize = 1024;

/// Whether the text of a row holds tokens. A row without a text holds none.
///
/// Its `Debug` text says all that it depends on but the rows.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::search) struct TokenTest {
    rule: TokenRule,
    terms: Terms,
}

impl TokenTest {
    /// Checks a token filter against the schema.
    pub(in crate::search) fn bind(
        rule: TokenRule,
        tokens: &TextMatch,
        schema: &Schema,
    ) -> Result<Self, SearchError> {
        let attribute = &tokens.attribute;
        let terms = Terms::bind(tokens, schema).map_err(|misfit| {
            let fault = match misfit {
                Misfit::Unknown => "the schema has no such attribute".to_owned(),
                Misfit::Off => OFF.to_owned(),
                Misfit::NoArray => {
                    let (op, found) = (operator(rule), describe(&tokens.input));
                    format!("type mismatch, {op} expects []string, but got string {found}")
                }
            };
            SearchError::filter(attribute, fault)
        })?;
        Ok(Self { rule, terms })
    }

    /// Which rows of `set` pass; an error once the deadline has passed.
    pub(in crate::search) fn evaluate(
        &self,
        set: &RowSet,
        deadline: Option<&Deadline>,
    ) -> Result<BooleanBuffer, SearchError> {
        let none = || BooleanBuffer::new_unset(set.len());
        let Some(index) = self.terms.index(set, deadline)? else {
            return Ok(none());
        };
        let pass = match self.rule {
            TokenRule::Any => self.rows(&index, set, false),
            TokenRule::All | TokenRule::Sequence => self.rows(&index, set, true),
        };
        if self.rule == TokenRule::Sequence && self.terms.list.len() > 1 {
            self.in_sequence(set, &pass, deadline)
        } else {
            Ok(pass)
        }
    }

    /// The rows that hold all, or any, of the terms.
    fn rows(&self, index: &TextIndex, set: &RowSet, all: bool) -> BooleanBuffer {
        let wanted = self.terms.wanted();
        let mut postings = wanted
            .iter()
            .map(|one| bits(&one.postings(index), set.len()));
        if !all {
            let any = postings.reduce(|a, b| &a | &b);
            return any.unwrap_or_else(|| BooleanBuffer::new_unset(set.len()));
        }
        match postings.next() {
            Some(first) => postings.fold(first, |a, b| &a & &b),
            None => BooleanBuffer::collect_bool(set.len(), |row| index.has_text(row)),
        }
    }

    /// Those of `rows` that hold the terms one right after the other, in one text.
    fn in_sequence(
        &self,
        set: &RowSet,
        rows: &BooleanBuffer,
        deadline: Option<&Deadline>,
    ) -> Result<BooleanBuffer, SearchError> {
        let Some(column) = TextColumn::of(set, &self.terms.attribute, self.terms.ty) else {
            return Ok(BooleanBuffer::new_unset(set.len()));
        };
        let analyzer = Analyzer::new(self.terms.full_text.analysis());
        let mut pass = BooleanBufferBuilder::new(set.len());
        pass.append_n(set.len(), false);
        let mut found = vec![];
        for (at, row) in rows.set_indices().enumerate() {
            if at % PACE == PACE - 1 {
                deadline.map_or(Ok(()), Deadline::check)?;
            }
            found.clear();
            let mut holds = false;
            column.each(row, |text| {
                if analyzer.cuts() {
                    found.clear();
                }
                analyzer.terms(text, |term| found.extend(term.map(str::to_owned)));
                holds |= holds_in_sequence(&found, &self.terms.list);
            });
            pass.set_bit(row, holds);
        }
        Ok(pass.finish())
    }
}

fn holds_in_sequence(found: &[String], wanted: &[String]) -> bool {
    found.windows(wanted.len()).any(|window| window == wanted)
}

fn bits(postings: &Postings<'_>, rows: usize) -> BooleanBuffer {
    let mut bits = BooleanBufferBuilder::new(rows);
    bits.append_n(rows, false);
    let inside = postings.rows.iter().filter(|row| (**row as usize) < rows);
    inside.for_each(|row| bits.set_bit(*row as usize, true));
    bits.finish()
}

fn operator(rule: TokenRule) -> &'static str {
    match rule {
        TokenRule::All => "ContainsAllTokens",
        TokenRule::Any => "ContainsAnyToken",
        TokenRule::Sequence => "ContainsTokenSequence",
    }
}
