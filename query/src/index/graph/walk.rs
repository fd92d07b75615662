//! The walk: best-first search of a graph over the codes.

use super::Neighbours;
use crate::index::{
    IndexError,
    codes::{CodedQuery, CodesView},
    pool::{key, node, offer},
};

/// A deadline is looked at once in this many rounds of expansions.
const ROUNDS_PER_LOOK: usize = 16;

/// How hard a walk tries.
#[derive(Debug, Clone, Copy)]
pub(in crate::index) struct Effort {
    /// The best so many candidates are expanded and kept.
    pub(in crate::index) list: usize,
    /// Candidates expanded together.
    pub(in crate::index) beam: usize,
    /// Starts taken from the entry sample.
    pub(in crate::index) starts: usize,
}

impl Effort {
    /// The settings of searches.
    pub(in crate::index) fn search(list: usize) -> Self {
        Self {
            list,
            beam: 2,
            starts: 4,
        }
    }

    /// The settings of insertions.
    pub(in crate::index) fn build(list: usize) -> Self {
        let beam = 1;
        Self {
            beam,
            ..Self::search(list)
        }
    }
}

/// The memory of one search after the other; one per thread, for any index.
#[derive(Debug, Default)]
pub struct Scratch {
    /// A bit per node, and one more that stays set.
    visited: Vec<u64>,
    /// The nodes whose bit may be set.
    touched: Vec<u32>,
    /// The best candidates, sorted, the lowest bit set where expanded.
    pub(in crate::index) pool: Vec<u64>,
    /// The expanded candidates.
    pub(in crate::index) path: Vec<u64>,
    ids: Vec<u32>,
    pub(in crate::index) estimates: Vec<f32>,
    pub(in crate::index) query: CodedQuery,
    /// The best by exact distance.
    pub(in crate::index) found: Vec<u64>,
    /// Nodes expanded since the counters were last reset.
    pub(in crate::index) hops: usize,
    /// Estimates computed.
    pub(in crate::index) comparisons: usize,
    /// Exact distances computed.
    pub(in crate::index) reranked: usize,
}

impl Scratch {
    /// Starts counting anew.
    pub(in crate::index) fn reset_counters(&mut self) {
        (self.hops, self.comparisons, self.reranked) = (0, 0, 0);
    }

    fn clear(&mut self, nodes: usize) {
        // clearing word by word is cheaper than filling once the part is large
        if self.touched.len() * 8 < self.visited.len() {
            for id in &self.touched {
                self.visited[*id as usize / 64] = 0;
            }
        } else {
            self.visited.fill(0);
        }
        self.touched.clear();
        let words = nodes / 64 + 1;
        if self.visited.len() < words {
            self.visited.resize(words, 0);
        }
        // ids beyond the nodes are taken for this one, which is always visited already
        self.mark(nodes as u32);
        self.path.clear();
        self.pool.clear();
    }

    fn mark(&mut self, node: u32) {
        self.visited[node as usize / 64] |= 1 << (node % 64);
        self.touched.push(node);
    }

    /// Fills the pool with the best of the entry sample.
    fn enter(&mut self, codes: &CodesView<'_>, query: &CodedQuery, entries: &[u32], starts: usize) {
        self.estimates
            .resize(entries.len().max(self.estimates.len()), 0.0);
        codes.estimate(query, entries, &mut self.estimates[..entries.len()]);
        self.comparisons += entries.len();
        let keys = entries.iter().zip(&self.estimates);
        self.pool.extend(keys.map(|(id, d)| key(*d, *id)));
        if self.pool.len() > starts {
            self.pool.select_nth_unstable(starts);
            self.pool.truncate(starts);
        }
        self.pool.sort_unstable();
        for at in 0..self.pool.len() {
            self.mark(node(self.pool[at]));
        }
    }
}

/// What a walk goes over and how.
#[derive(Clone, Copy)]
pub(in crate::index) struct Walk<'a, G> {
    pub(in crate::index) graph: &'a G,
    pub(in crate::index) codes: &'a CodesView<'a>,
    pub(in crate::index) entries: &'a [u32],
    pub(in crate::index) effort: Effort,
    /// Says that the walk is to be given up.
    pub(in crate::index) expired: Option<&'a dyn Fn() -> bool>,
}

impl<G: Neighbours> Walk<'_, G> {
    /// Walks towards `query` until the best candidates are all expanded; they are in `s.pool` then.
    /// `seen` is called with the key of every node whose estimate was computed on the way.
    pub(in crate::index) fn run(
        &self,
        query: &CodedQuery,
        s: &mut Scratch,
        mut seen: impl FnMut(u64),
    ) -> Result<(), IndexError> {
        s.clear(self.graph.nodes());
        s.enter(self.codes, query, self.entries, self.effort.starts);
        s.pool.iter().copied().for_each(&mut seen);
        let (mut at, mut round) = (0, 0);
        while let Some(new) = self.expand(s, &mut at) {
            round += 1;
            if round % ROUNDS_PER_LOOK == 0 && self.expired.is_some_and(|expired| expired()) {
                return Err(IndexError::Expired);
            }
            self.codes
                .estimate(query, &s.ids[..new], &mut s.estimates[..new]);
            for (id, d) in s.ids[..new].iter().zip(&s.estimates) {
                let key = key(*d, *id);
                seen(key);
                if let Some(place) = offer(&mut s.pool, self.effort.list, key) {
                    at = at.min(place);
                }
            }
        }
        Ok(())
    }

    /// Expands the next candidates from `at` on and collects their unseen neighbours at the head of `s.ids`;
    /// gives their number, None when nothing was left to expand.
    #[inline(always)]
    fn expand(&self, s: &mut Scratch, at: &mut usize) -> Option<usize> {
        let bound = self.graph.nodes() as u32;
        let (mut new, mut expanded) = (0, 0);
        while *at < s.pool.len() && expanded < self.effort.beam {
            if s.pool[*at] & 1 == 0 {
                s.path.push(s.pool[*at]);
                s.pool[*at] |= 1;
                expanded += 1;
                s.ids
                    .resize((new + self.graph.stride() + 1).max(s.ids.len()), 0);
                let (ids, visited) = (&mut s.ids[..], &mut s.visited[..]);
                self.graph.each(node(s.pool[*at]), |id| {
                    // no branch: the slot is written again when the node was seen before
                    let id = id.min(bound);
                    let (word, bit) = (&mut visited[id as usize / 64], 1u64 << (id % 64));
                    ids[new] = id;
                    new += usize::from(*word & bit == 0);
                    *word |= bit;
                    self.codes.prefetch(id);
                });
            }
            *at += 1;
        }
        if expanded == 0 {
            return None;
        }
        s.hops += expanded;
        s.comparisons += new;
        s.touched.extend_from_slice(&s.ids[..new]);
        let ahead = s.pool[*at..].iter().filter(|key| **key & 1 == 0);
        ahead
            .take(self.effort.beam)
            .for_each(|key| self.graph.prefetch(node(*key)));
        s.estimates.resize(new.max(s.estimates.len()), 0.0);
        Some(new)
    }
}
