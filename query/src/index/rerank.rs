//! Exact distances for the best candidates, and what comes out of a search.

use super::{
    PreparedQuery,
    pool::{offer, ordered, ordered_distance, ordered_id},
    vectors::Nodes,
};

/// A row that was found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hit {
    /// The row of the part or chunk.
    pub row: u32,
    /// Its exact distance.
    pub distance: f32,
}

impl Hit {
    fn of(key: u64) -> Self {
        Self {
            row: ordered_id(key),
            distance: ordered_distance(key),
        }
    }
}

/// Vectors asked for ahead of their turn.
const AHEAD: usize = 4;

/// Collects the k nearest by (distance, row) among `candidates` that are visible, into `found`; gives the
/// number of distances computed.
pub(super) fn rerank(
    nodes: &Nodes<'_>,
    query: &PreparedQuery,
    candidates: impl Iterator<Item = u32> + Clone,
    k: usize,
    visible: &mut impl FnMut(u32) -> bool,
    found: &mut Vec<u64>,
) -> usize {
    found.clear();
    let fetch = |node: u32| nodes.rows.prefetch(nodes.row_of(node));
    candidates.clone().take(AHEAD).for_each(fetch);
    let mut ahead = candidates.clone().skip(AHEAD);
    let mut count = 0;
    for node in candidates {
        ahead.next().into_iter().for_each(fetch);
        let row = nodes.row_of(node);
        if let Some(vector) = nodes.rows.row(row)
            && visible(row)
        {
            count += 1;
            offer(found, k, ordered(query.distance(vector), row));
        }
    }
    count
}

/// The hits behind keys of [`ordered`].
pub(super) fn hits(found: &[u64]) -> Vec<Hit> {
    found.iter().map(|key| Hit::of(*key)).collect()
}
