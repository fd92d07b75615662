//! [`Pruner`]: which candidates become neighbours.

use crate::index::{
    codes::{CodedQuery, CodesView},
    pool::{distance, key, node},
};

/// Picks diverse neighbours: a candidate stays out while a chosen one is so near to it that a walk would get
/// there from the chosen one.
#[derive(Debug, Default)]
pub(super) struct Pruner {
    /// Keys by the distance to the node, sorted.
    pub(super) candidates: Vec<u64>,
    /// The result.
    pub(super) chosen: Vec<u32>,
    pub(super) query: CodedQuery,
    ids: Vec<u32>,
    estimates: Vec<f32>,
    /// Per candidate the distance to the nearest chosen one.
    nearest: Vec<f32>,
}

impl Pruner {
    /// Chooses at most `degree` of the candidates in two passes, with alpha 1 and then `alpha`. A candidate c
    /// of node x is out while alpha · d(s, c) ≤ d(x, c) for a chosen s.
    pub(super) fn choose(&mut self, codes: &CodesView<'_>, degree: usize, alpha: f32) {
        self.chosen.clear();
        self.ids.clear();
        self.ids.extend(self.candidates.iter().map(|k| node(*k)));
        self.nearest.clear();
        self.nearest.resize(self.ids.len(), f32::MAX);
        self.estimates
            .resize(self.ids.len().max(self.estimates.len()), 0.0);
        for strictness in [1.0, alpha] {
            let mut at = 0;
            while at < self.ids.len() && self.chosen.len() < degree {
                if strictness * self.nearest[at] <= distance(self.candidates[at]) {
                    at += 1;
                } else {
                    at = self.take(codes, at, alpha);
                }
            }
        }
    }

    /// Chooses candidate `at` and drops all that can no longer be chosen with the larger alpha; gives where
    /// the next candidate stands.
    fn take(&mut self, codes: &CodesView<'_>, at: usize, alpha: f32) -> usize {
        let id = self.ids[at];
        self.chosen.push(id);
        self.nearest[at] = -1.0; // drops out below
        codes.prepare_row(id, &mut self.query);
        let count = self.ids.len();
        codes.estimate(&self.query, &self.ids, &mut self.estimates[..count]);
        let (mut kept, mut next) = (0, 0);
        for from in 0..count {
            let nearest = self.nearest[from].min(self.estimates[from].max(0.0));
            if alpha * nearest > distance(self.candidates[from]) {
                next += usize::from(from < at);
                self.ids[kept] = self.ids[from];
                self.candidates[kept] = self.candidates[from];
                self.nearest[kept] = nearest;
                kept += 1;
            }
        }
        self.ids.truncate(kept);
        next
    }

    /// Chooses among the neighbours `row` of a node.
    pub(super) fn shrink(
        &mut self,
        codes: &CodesView<'_>,
        id: u32,
        row: &[u32],
        degree: usize,
        alpha: f32,
    ) {
        self.estimates
            .resize(row.len().max(self.estimates.len()), 0.0);
        codes.prepare_row(id, &mut self.query);
        codes.estimate(&self.query, row, &mut self.estimates[..row.len()]);
        self.candidates.clear();
        let keys = row.iter().zip(&self.estimates).map(|(id, d)| key(*d, *id));
        self.candidates.extend(keys);
        self.candidates.sort_unstable();
        self.choose(codes, degree, alpha);
    }
}
