//! In which order rows are inserted.

use isobath_storage::model::Metric;

use crate::index::{codes::Codes, distance::dot, random::SplitMix, vectors::Nodes};

/// Part of the parameters' meaning: the entry sample comes from it.
const SEED: u64 = 42;

/// The order: for the dot product the longest rows, then the medoid, then a random sixteenth that spans the
/// data, then the rest in row order, which is cheap where neighbours lie near each other. Pure row order
/// leaves islands. The head of it is the entry sample.
pub(super) fn order(nodes: &Nodes<'_>, codes: &Codes) -> Vec<u32> {
    let n = codes.len();
    let mut random = SplitMix(SEED).permutation(n);
    let spanning = (n / 16).max(4_096).min(n);
    random[spanning..].sort_unstable();
    let mut first = match codes.metric() {
        Metric::DotProduct => longest(nodes, sample_len(n) / 2),
        _ => vec![],
    };
    if n > 0 {
        first.push(codes.view().medoid());
    }
    let mut seen = vec![false; n];
    let fresh = |node: &u32| !std::mem::replace(&mut seen[*node as usize], true);
    first.into_iter().chain(random).filter(fresh).collect()
}

/// The length of the entry sample.
pub(super) fn sample_len(nodes: usize) -> usize {
    nodes.isqrt().max(256).min(nodes)
}

fn longest(nodes: &Nodes<'_>, count: usize) -> Vec<u32> {
    let mut row = vec![];
    let mut norm = |node: u32| {
        nodes.vector(node).map_or(0.0, |vector| {
            vector.widen(&mut row);
            dot(&row, vector)
        })
    };
    let mut by_norm: Vec<(f32, u32)> = (0..nodes.len() as u32).map(|i| (norm(i), i)).collect();
    by_norm.sort_by(|a, b| b.0.total_cmp(&a.0));
    by_norm.truncate(count);
    by_norm.into_iter().map(|(_, node)| node).collect()
}
