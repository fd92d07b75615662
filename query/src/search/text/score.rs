//! [`BoundScore`]: a [`Score`] that fits the schema.

use super::terms::{Misfit, Terms, describe};
use crate::search::{Score, SearchError, TextMatch, filter, matching::BoundFilter};
use isobath_storage::model::Schema;

/// A [`Score`] that fits the schema.
#[derive(Debug)]
pub(in crate::search) enum BoundScore {
    Bm25(Terms),
    Sum(Vec<BoundScore>),
    Max(Vec<BoundScore>),
    Product(f64, Box<BoundScore>),
    Filter(BoundFilter),
}

impl BoundScore {
    /// Checks a score against the schema.
    pub(in crate::search) fn bind(score: &Score, schema: &Schema) -> Result<Self, SearchError> {
        let all = |scores: &[Score]| -> Result<Vec<_>, _> {
            scores.iter().map(|s| Self::bind(s, schema)).collect()
        };
        Ok(match score {
            Score::Bm25(text) => {
                Self::Bm25(Terms::bind(text, schema).map_err(|misfit| misfit.of_rank(text))?)
            }
            Score::Sum(scores) => Self::Sum(all(scores)?),
            Score::Max(scores) => Self::Max(all(scores)?),
            Score::Product(factor, score) => {
                Self::Product(*factor, Box::new(Self::bind(score, schema)?))
            }
            Score::Filter(filter) => Self::Filter(BoundFilter::new(filter::bind(filter, schema)?)),
        })
    }
}

/// What to do about an attribute without full-text search.
pub(super) const OFF: &str =
    "full-text search is not enabled for the attribute: its schema has no `full_text_search`";

impl Misfit {
    fn of_rank(self, text: &TextMatch) -> SearchError {
        let attribute = &text.attribute;
        match self {
            Self::Unknown => SearchError::rank_by(attribute, "the schema has no such attribute"),
            Self::Off => SearchError::rank_by(attribute, OFF),
            Self::NoArray => SearchError::RankInput {
                attribute: attribute.clone(),
                input: describe(&text.input),
                expected: "[]string",
            },
        }
    }
}
