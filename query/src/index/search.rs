//! Searching an index.

use super::{
    Bitset, Hit, Index, IndexError, PreparedQuery, Scratch, SearchPath, VectorSet,
    graph::{Effort, Graph, Walk},
    plan::widened,
    pool::{node, offer},
    rerank::{hits, rerank},
    scan::{Scan, check_query, default_keep},
    vectors::Nodes,
};

/// What a caller may ask of a search.
#[derive(Clone, Copy)]
pub struct SearchOptions<'a> {
    /// The share of the nearest rows that is to be found.
    pub recall_target: f32,
    /// The length of the search list, instead of what the target asks for.
    pub list: Option<usize>,
    /// The path, instead of the cheapest. Without a graph every search is a scan.
    pub path: Option<SearchPath>,
    /// The rows that may be found; all of them without.
    pub filter: Option<&'a Bitset>,
    /// How many of the part's rows are not visible: they take up room in the search list too.
    pub dead: usize,
    /// Asked now and then: says that the answer is no longer wanted.
    pub expired: Option<&'a dyn Fn() -> bool>,
}

impl Default for SearchOptions<'_> {
    fn default() -> Self {
        Self {
            recall_target: 0.98,
            list: None,
            path: None,
            filter: None,
            dead: 0,
            expired: None,
        }
    }
}

impl std::fmt::Debug for SearchOptions<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SearchOptions")
            .field("recall_target", &self.recall_target)
            .field("list", &self.list)
            .field("path", &self.path)
            .field("filter", &self.filter.map(Bitset::count))
            .finish_non_exhaustive()
    }
}

/// What a search did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SearchStats {
    /// The path that gave the answer.
    pub path: SearchPath,
    /// Nodes expanded.
    pub hops: usize,
    /// Distances estimated.
    pub comparisons: usize,
    /// Distances computed exactly.
    pub reranked: usize,
}

/// The answer of a search.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// The nearest rows, by (distance, row).
    pub hits: Vec<Hit>,
    /// How they were found.
    pub stats: SearchStats,
}

impl Index {
    /// The k nearest rows to `query` that pass the filter and are `visible`.
    ///
    /// `rows` are the vectors of the part that the index was built from. Whether a row is `visible` is asked
    /// late, for the few that are near; where too few of them are, the search goes on further.
    pub fn search(
        &self,
        query: &PreparedQuery,
        rows: &VectorSet<'_>,
        k: usize,
        options: &SearchOptions<'_>,
        visible: impl Fn(u32) -> bool,
        scratch: &mut Scratch,
    ) -> Result<Found, IndexError> {
        check_query(query, &self.codes, rows)?;
        scratch.reset_counters();
        let search = Search {
            index: self,
            nodes: self.nodes(rows),
            query,
            k: k.min(self.len()),
            options,
            visible: &visible,
        };
        let (planned, list) = self.plan(search.k, options);
        let (mut path, mut hits) = (SearchPath::Scan, None);
        if let (Some(graph), SearchPath::Graph, false) =
            (&self.graph, planned, query.is_undirected())
        {
            hits = search.walk(graph, list, scratch)?;
        }
        let hits = match hits {
            Some(hits) => {
                path = SearchPath::Graph;
                hits
            }
            None => search.scan(scratch)?,
        };
        let stats = SearchStats {
            path,
            hops: scratch.hops,
            comparisons: scratch.comparisons,
            reranked: scratch.reranked,
        };
        Ok(Found { hits, stats })
    }
}

/// One search.
struct Search<'a, V> {
    index: &'a Index,
    nodes: Nodes<'a>,
    query: &'a PreparedQuery,
    k: usize,
    options: &'a SearchOptions<'a>,
    visible: &'a V,
}

impl<V: Fn(u32) -> bool> Search<'_, V> {
    /// Walks with longer and longer lists until k rows are found; None where a scan does better.
    fn walk(
        &self,
        graph: &Graph,
        mut list: usize,
        s: &mut Scratch,
    ) -> Result<Option<Vec<Hit>>, IndexError> {
        let longest = (self.index.len() / 8).max(list);
        while list <= longest {
            let enough = match self.options.filter {
                None => self.walk_all(graph, list, s)?,
                Some(filter) => self.walk_filtered(graph, filter, list, s)?,
            };
            if !enough {
                return Ok(None);
            }
            if s.found.len() == self.k {
                return Ok(Some(hits(&s.found)));
            }
            list *= 4;
        }
        Ok(None)
    }

    fn walk_all(&self, graph: &Graph, list: usize, s: &mut Scratch) -> Result<bool, IndexError> {
        self.run_walk(graph, list, s, |_| {})?;
        let pool = std::mem::take(&mut s.pool);
        self.rerank(&pool, s);
        s.pool = pool;
        Ok(true)
    }

    /// Walks over all rows and keeps the best that pass. False where fewer pass on the way than everywhere:
    /// the filter keeps away from the query, and the walk with it from the rows that pass.
    fn walk_filtered(
        &self,
        graph: &Graph,
        filter: &Bitset,
        list: usize,
        s: &mut Scratch,
    ) -> Result<bool, IndexError> {
        let share = filter.count() as f32 / self.index.len().max(1) as f32;
        let keep = default_keep(self.k).max(list);
        let (mut best, mut passed) = (Vec::with_capacity(keep + 1), 0usize);
        let before = s.comparisons;
        self.run_walk(graph, widened(list, share), s, |key| {
            if filter.contains(self.nodes.row_of(node(key))) {
                passed += 1;
                offer(&mut best, keep, key);
            }
        })?;
        self.rerank(&best, s);
        let seen = (s.comparisons - before) as f32;
        Ok(passed as f32 >= 0.5 * share * seen)
    }

    fn run_walk(
        &self,
        graph: &Graph,
        list: usize,
        s: &mut Scratch,
        seen: impl FnMut(u64),
    ) -> Result<(), IndexError> {
        let mut query = std::mem::take(&mut s.query);
        self.index.codes.prepare(self.query, &mut query);
        let walk = Walk {
            graph: &graph.view(),
            codes: &self.index.codes.view(),
            entries: graph.entries(),
            effort: Effort::search(list),
            expired: self.options.expired,
        };
        let done = walk.run(&query, s, seen);
        s.query = query;
        done
    }

    fn rerank(&self, keys: &[u64], s: &mut Scratch) {
        let candidates = keys.iter().map(|key| node(*key));
        let mut visible = self.visible;
        s.reranked += rerank(
            &self.nodes,
            self.query,
            candidates,
            self.k,
            &mut visible,
            &mut s.found,
        );
    }

    fn scan(&self, s: &mut Scratch) -> Result<Vec<Hit>, IndexError> {
        let scan = Scan {
            codes: &self.index.codes,
            nodes: self.nodes,
            query: self.query,
        };
        let (k, keep) = (self.k, default_keep(self.k));
        let (visible, expired) = (self.visible, self.options.expired);
        let n = self.index.len() as u32;
        match (self.options.filter, self.nodes.map) {
            (None, _) => scan.run(0..n, k, keep, visible, expired, s),
            (Some(filter), None) => {
                let ids = filter.iter().filter(|row| *row < n);
                scan.run(ids, k, keep, visible, expired, s)
            }
            (Some(filter), Some(_)) => {
                let ids = (0..n).filter(|id| filter.contains(self.nodes.row_of(*id)));
                scan.run(ids, k, keep, visible, expired, s)
            }
        }
    }
}
