//! [`RowSetSearch`]: the nearest rows of one row set.

use super::{How, Target};
use crate::{
    index::{
        Codes, Hit, Index, IndexError, RowIndex, SearchOptions, SearchPath, VectorColumn,
        scan_codes,
    },
    search::{
        Deadline, Path, SearchContext, SearchError, Stats,
        matching::Matching,
        place::{Near, Place},
        top::Top,
    },
};
use std::{cmp::Ordering, sync::Arc};

/// So few rows are compared exactly in less time than the best of their codes are.
const EXACT_ROWS: usize = 200;
/// The graph is walked for at most this share of its rows.
const MOST_WALKED: usize = 20;

/// The search of one row set for the nearest rows to a target.
#[derive(Debug)]
pub(super) struct RowSetSearch<'a> {
    target: &'a Target,
    how: How,
    number: u32,
    set: &'a Matching<'a>,
    column: VectorColumn<'a>,
    index: Option<Arc<RowIndex>>,
}

impl<'a> RowSetSearch<'a> {
    /// `None` where no row can be found.
    pub(super) fn new(
        target: &'a Target,
        how: How,
        number: u32,
        set: &'a Matching<'a>,
    ) -> Result<Option<Self>, SearchError> {
        let column = VectorColumn::of(set.set, &target.attribute, target.ty)?;
        let Some(column) = column.filter(|_| set.at_most() > 0) else {
            return Ok(None);
        };
        let (dim, metric) = (target.query.dim(), target.query.metric());
        let index = RowIndex::of(set.set, &target.attribute);
        Ok(Some(Self {
            target,
            how,
            number,
            set,
            column,
            index: index.filter(|index| index.fits(dim, metric)),
        }))
    }

    /// Offers the nearest rows to `top` and gives the path taken.
    pub(super) fn run<C: Fn(&Near, &Near) -> Ordering>(
        &self,
        top: &mut Top<Near, C>,
        context: &mut SearchContext<'_>,
        stats: &mut Stats,
    ) -> Result<Path, SearchError> {
        let rows = self.set.at_most();
        if !matches!(self.index.as_deref(), Some(RowIndex::Built(_))) {
            let set = self.set.set;
            let rows = set.len().saturating_sub(set.hidden.count());
            stats.exhaustive_search_count += rows as u64;
        }
        let index = self.index.as_deref();
        let found = match index.filter(|_| !self.how.exact && rows > EXACT_ROWS) {
            None => None,
            Some(RowIndex::Codes(codes)) => self.usable(self.by_codes(codes, context, stats))?,
            Some(RowIndex::Built(index)) => self.usable(self.by_index(index, context, stats))?,
        };
        let Some((path, hits)) = found else {
            let seen = self.exactly(top, context)?;
            stats.rows_scanned += seen as u64;
            return Ok(Path::Exact);
        };
        for Hit { row, distance } in hits {
            let place = self.place(row);
            top.push(Near { place, distance });
        }
        Ok(path)
    }

    /// What an index found; nothing where it is broken, which costs time but no answer.
    fn usable<T>(&self, found: Result<T, IndexError>) -> Result<Option<T>, SearchError> {
        match found {
            Ok(found) => Ok(Some(found)),
            Err(IndexError::Expired) => Err(SearchError::DeadlineExceeded),
            Err(error) => {
                let attribute = &self.target.attribute;
                tracing::warn!(%attribute, %error, "index is not usable, rows are searched exactly");
                Ok(None)
            }
        }
    }

    fn by_codes(
        &self,
        codes: &Codes,
        context: &mut SearchContext<'_>,
        stats: &mut Stats,
    ) -> Result<(Path, Vec<Hit>), IndexError> {
        let rows = self.set.candidates();
        let (vectors, query) = (&self.column.vectors, &self.target.query);
        let visible = |row| self.can_be_found(row);
        let limit = self.how.limit;
        let hits = scan_codes(codes, vectors, query, rows, limit, visible, context.scratch)?;
        let rows = self.set.at_most();
        stats.rows_scanned += rows as u64;
        stats.candidates += rows.min(crate::index::default_keep(limit)) as u64;
        Ok((Path::Codes, hits))
    }

    fn by_index(
        &self,
        index: &Index,
        context: &mut SearchContext<'_>,
        stats: &mut Stats,
    ) -> Result<(Path, Vec<Hit>), IndexError> {
        let expired = || context.deadline.is_some_and(Deadline::has_passed);
        let passing = self.set.passing.as_deref();
        // A graph is built where it is meant to be walked, unless the answer is a good part of the rows.
        let walk = passing.is_none() && self.how.limit <= index.len() / MOST_WALKED;
        let mut options = SearchOptions {
            filter: passing,
            path: walk.then_some(SearchPath::Graph),
            dead: self.set.set.hidden.count(),
            list: self.how.list,
            expired: Some(&expired),
            ..SearchOptions::default()
        };
        if let Some(target) = self.how.recall_target {
            options.recall_target = target;
        }
        let (vectors, query) = (&self.column.vectors, &self.target.query);
        let visible = |row| self.can_be_found(row);
        let limit = self.how.limit;
        let found = index.search(query, vectors, limit, &options, visible, context.scratch)?;
        stats.rows_scanned += found.stats.comparisons as u64;
        stats.candidates += found.stats.reranked as u64;
        let path = match found.stats.path {
            SearchPath::Scan => Path::Codes,
            SearchPath::Graph => Path::Graph,
        };
        Ok((path, found.hits))
    }

    /// Offers all rows, and counts them.
    fn exactly<C: Fn(&Near, &Near) -> Ordering>(
        &self,
        top: &mut Top<Near, C>,
        context: &SearchContext<'_>,
    ) -> Result<usize, SearchError> {
        let mut seen = 0;
        for row in self.set.rows().filter(|row| self.column.has(*row)) {
            context.pace(&mut seen)?;
            if let Some(vector) = self.column.vectors.row(row) {
                let distance = self.target.query.distance(vector);
                let place = self.place(row);
                top.push(Near { place, distance });
            }
        }
        Ok(seen)
    }

    fn can_be_found(&self, row: u32) -> bool {
        self.column.has(row) && self.set.is_visible(row)
    }

    fn place(&self, row: u32) -> Place {
        let set = self.number;
        Place { set, row }
    }
}
