//! Scans: of codes with a rerank, and of the exact vectors.

use super::{
    Codes, Hit, IndexError, PreparedQuery, Scratch, VectorSet,
    pool::{offer, ordered, ordered_distance, ordered_id},
    rerank::{hits, rerank},
    vectors::Nodes,
};

/// Rows estimated in one call of the kernel.
const CHUNK: usize = 128;
/// A deadline is looked at once in this many chunks.
const CHUNKS_PER_LOOK: usize = 64;

/// What a scan goes over.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scan<'a> {
    pub(super) codes: &'a Codes,
    pub(super) nodes: Nodes<'a>,
    pub(super) query: &'a PreparedQuery,
}

impl Scan<'_> {
    /// The k nearest of the nodes `ids`: the `keep` best by estimate, reranked. What is not visible does not
    /// take a place among them.
    pub(super) fn run(
        &self,
        ids: impl Iterator<Item = u32>,
        k: usize,
        keep: usize,
        mut visible: impl FnMut(u32) -> bool,
        expired: Option<&dyn Fn() -> bool>,
        s: &mut Scratch,
    ) -> Result<Vec<Hit>, IndexError> {
        if self.query.is_undirected() {
            return Ok(self.first(ids, k, visible));
        }
        let mut pool = std::mem::take(&mut s.pool);
        pool.clear();
        self.best_estimates(ids, keep.max(k), &mut visible, expired, &mut pool, s)?;
        let best = pool.iter().map(|key| ordered_id(*key));
        s.reranked += rerank(
            &self.nodes,
            self.query,
            best,
            k,
            &mut |_| true,
            &mut s.found,
        );
        s.pool = pool;
        Ok(hits(&s.found))
    }

    /// The rows of the `keep` best estimates among those that are visible.
    pub(super) fn candidates(
        &self,
        keep: usize,
        mut visible: impl FnMut(u32) -> bool,
        expired: &dyn Fn() -> bool,
        s: &mut Scratch,
    ) -> Result<Vec<u32>, IndexError> {
        let mut pool = std::mem::take(&mut s.pool);
        pool.clear();
        let ids = 0..self.codes.len() as u32;
        self.best_estimates(ids, keep, &mut visible, Some(expired), &mut pool, s)?;
        let rows = pool.iter().map(|key| self.nodes.row_of(ordered_id(*key)));
        let rows = rows.collect();
        s.pool = pool;
        Ok(rows)
    }

    /// The k first rows: what is nearest where all are equally far.
    fn first(
        &self,
        ids: impl Iterator<Item = u32>,
        k: usize,
        visible: impl FnMut(u32) -> bool,
    ) -> Vec<Hit> {
        let rows = ids.map(|id| self.nodes.row_of(id));
        scan_exact(&self.nodes.rows, self.query, rows, k, visible)
    }

    fn best_estimates(
        &self,
        mut ids: impl Iterator<Item = u32>,
        keep: usize,
        visible: &mut impl FnMut(u32) -> bool,
        expired: Option<&dyn Fn() -> bool>,
        pool: &mut Vec<u64>,
        s: &mut Scratch,
    ) -> Result<(), IndexError> {
        let codes = self.codes.view();
        self.codes.prepare(self.query, &mut s.query);
        let mut estimates = [0.0; CHUNK];
        let (mut chunk, mut next) = (take(&mut ids), 0);
        while !chunk.is_empty() {
            let following = take(&mut ids);
            following
                .as_slice()
                .iter()
                .for_each(|id| codes.prefetch(*id));
            let now = chunk.as_slice();
            codes.estimate(&s.query, now, &mut estimates[..now.len()]);
            s.comparisons += now.len();
            let full = pool.len() >= keep;
            let worst = pool
                .last()
                .filter(|_| full)
                .map_or(f32::INFINITY, |key| ordered_distance(*key));
            for (id, estimate) in now.iter().zip(&estimates) {
                // not the other way round: an estimate beyond the range of f32 may be NaN
                if *estimate > worst || !visible(self.nodes.row_of(*id)) {
                    continue;
                }
                offer(pool, keep, ordered(*estimate, *id));
            }
            next += 1;
            if next % CHUNKS_PER_LOOK == 0 && expired.is_some_and(|expired| expired()) {
                return Err(IndexError::Expired);
            }
            chunk = following;
        }
        Ok(())
    }
}

/// The next ids, without an allocation.
struct Chunk {
    ids: [u32; CHUNK],
    len: usize,
}

impl Chunk {
    fn is_empty(&self) -> bool {
        self.len == 0
    }

    fn as_slice(&self) -> &[u32] {
        &self.ids[..self.len]
    }
}

fn take(ids: &mut impl Iterator<Item = u32>) -> Chunk {
    let mut chunk = Chunk {
        ids: [0; CHUNK],
        len: 0,
    };
    for (slot, id) in chunk.ids.iter_mut().zip(ids) {
        *slot = id;
        chunk.len += 1;
    }
    chunk
}

/// How many of the best estimates are reranked for the k nearest.
pub fn default_keep(k: usize) -> usize {
    2 * k + 80
}

/// The k nearest of `rows` by (distance, row) through their codes: of those that are `visible` the
/// [`default_keep`] best estimates, reranked with `vectors`. Code i is of vector i; rows beyond are left out.
pub fn scan_codes(
    codes: &Codes,
    vectors: &VectorSet<'_>,
    query: &PreparedQuery,
    rows: impl Iterator<Item = u32>,
    k: usize,
    visible: impl FnMut(u32) -> bool,
    scratch: &mut Scratch,
) -> Result<Vec<Hit>, IndexError> {
    check_query(query, codes, vectors)?;
    let scan = Scan {
        codes,
        nodes: Nodes {
            rows: *vectors,
            map: None,
        },
        query,
    };
    let bound = codes.len().min(vectors.len()) as u32;
    let rows = rows.filter(|row| *row < bound);
    scan.run(rows, k, default_keep(k), visible, None, scratch)
}

/// The k nearest of `rows` by (distance, row), exactly.
pub fn scan_exact(
    vectors: &VectorSet<'_>,
    query: &PreparedQuery,
    rows: impl Iterator<Item = u32>,
    k: usize,
    mut visible: impl FnMut(u32) -> bool,
) -> Vec<Hit> {
    let mut found = vec![];
    for row in rows {
        let Some(vector) = vectors.row(row) else {
            continue;
        };
        let key = ordered(query.distance(vector), row);
        let last = found.last().copied().filter(|_| found.len() >= k);
        if last.is_none_or(|last| key < last) && visible(row) {
            offer(&mut found, k, key);
        }
    }
    hits(&found)
}

/// Refuses a query that does not fit.
pub(super) fn check_query(
    query: &PreparedQuery,
    codes: &Codes,
    vectors: &VectorSet<'_>,
) -> Result<(), IndexError> {
    let (dim, want) = (query.dim(), codes.dim());
    if dim != want || vectors.dim() != want {
        let fault = format!(
            "{dim} dimensions, the codes have {want}, the rows {}",
            vectors.dim()
        );
        return Err(IndexError::invalid("vector", fault));
    }
    if query.metric() != codes.metric() {
        let fault = format!("{}, the codes are for {}", query.metric(), codes.metric());
        return Err(IndexError::invalid("metric", fault));
    }
    Ok(())
}
