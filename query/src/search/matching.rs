//! [`Matching`]: the rows of one row set that a query is about.

use super::{
    SearchContext, SearchError,
    filter::{self, Predicate, PredicateHash},
    scalars::Scalars,
};
use crate::{
    index::Bitset,
    view::{Origin, RowSet, Version},
};
use isobath_storage::model::{AttributeName, AttributeType};
use std::sync::Arc;

/// Filters over fewer rows are evaluated faster than looked up.
const MIN_CACHED_ROWS: usize = 1_000;

/// A filter of one query, ready for any row set.
#[derive(Debug)]
pub(super) struct BoundFilter {
    predicate: Predicate,
    hash: PredicateHash,
}

impl BoundFilter {
    pub(super) fn new(predicate: Predicate) -> Self {
        let hash = PredicateHash::of(&predicate);
        Self { predicate, hash }
    }

    /// The rows of `set` that pass, hidden ones too.
    pub(super) fn passing(
        &self,
        set: &Arc<RowSet>,
        context: &SearchContext<'_>,
    ) -> Result<Arc<Bitset>, SearchError> {
        let evaluate = || {
            let pass = filter::evaluate(&self.predicate, set, context.deadline)?;
            Ok(Bitset::from_words(
                pass.bit_chunks()
                    .iter_padded()
                    .take(set.len().div_ceil(64))
                    .collect(),
            ))
        };
        match set.origin {
            Origin::Part(_) if set.len() >= MIN_CACHED_ROWS => {
                context.filters.get_or(set, self.hash, evaluate)
            }
            _ => evaluate().map(Arc::new),
        }
    }
}

/// The rows of one row set that a query is about: visible to its view, and passing its filter.
#[derive(Debug)]
pub(super) struct Matching<'a> {
    pub(super) set: &'a RowSet,
    version: Version,
    /// The rows that pass the filter, hidden ones too; `None` without a filter.
    pub(super) passing: Option<Arc<Bitset>>,
}

impl<'a> Matching<'a> {
    pub(super) fn new(
        set: &'a Arc<RowSet>,
        version: Version,
        filter: Option<&BoundFilter>,
        context: &SearchContext<'_>,
    ) -> Result<Self, SearchError> {
        let passing = filter.map(|filter| filter.passing(set, context));
        Ok(Self {
            set,
            version,
            passing: passing.transpose()?,
        })
    }

    /// The rows of `set` that a view of `version` sees, of `passing` if given.
    pub(super) fn with_rows(
        set: &'a Arc<RowSet>,
        version: Version,
        passing: Option<Arc<Bitset>>,
    ) -> Self {
        Self {
            set,
            version,
            passing,
        }
    }

    /// Whether the view sees `row`, filter aside.
    #[inline]
    pub(super) fn is_visible(&self, row: u32) -> bool {
        self.set.is_visible(row as usize, self.version)
    }

    /// Whether `row` is one of the rows.
    #[inline]
    pub(super) fn contains(&self, row: u32) -> bool {
        let passes = self.passing.as_ref().is_none_or(|rows| rows.contains(row));
        passes && self.is_visible(row)
    }

    /// The rows, rising.
    pub(super) fn rows(&self) -> impl Iterator<Item = u32> + '_ {
        let all_visible = self.set.hidden.is_empty();
        self.candidates()
            .filter(move |row| all_visible || self.is_visible(*row))
    }

    /// The rows with those that the view does not see, rising.
    pub(super) fn candidates(&self) -> impl Iterator<Item = u32> + '_ {
        let all = match self.passing {
            Some(_) => 0..0,
            None => 0..u32::try_from(self.set.len()).unwrap_or(u32::MAX),
        };
        let passing = self.passing.iter().flat_map(|rows| rows.iter());
        all.chain(passing)
    }

    /// How many rows, those that the view does not see among them.
    pub(super) fn at_most(&self) -> usize {
        let passing = self.passing.as_ref().map(|rows| rows.count());
        passing.unwrap_or(self.set.len())
    }

    /// How many rows.
    pub(super) fn count(&self) -> usize {
        if self.set.hidden.is_empty() {
            self.at_most()
        } else {
            self.rows().count()
        }
    }

    /// The rows' ids.
    pub(super) fn ids(&self) -> Scalars<'a> {
        Scalars::of_ids(self.set.rows.ids())
    }

    /// The rows' values of an attribute.
    pub(super) fn scalars(&self, attribute: &AttributeName, ty: AttributeType) -> Scalars<'a> {
        Scalars::of(&self.set.rows, attribute, ty)
    }
}
