//! What makes a graph: everything reached, degrees kept, copies tied in.

use isobath_storage::model::Metric;
use std::sync::atomic::AtomicBool;

use super::*;
use crate::index::{
    Bits, Centre, Codes, Encoding, IndexParams, VectorSet, Vectors, random::SplitMix,
    vectors::Nodes,
};

fn build(values: &[f32], dim: usize, metric: Metric, threads: usize) -> Graph {
    let rows = VectorSet::new(Vectors::F32(values), dim).unwrap();
    let nodes = Nodes { rows, map: None };
    let how = Encoding {
        metric,
        bits: Bits::Four,
        centre: Centre::Mean,
        threads,
    };
    let codes = Codes::of_nodes(&nodes, &how).unwrap();
    let cancel = AtomicBool::new(false);
    let params = GraphParams {
        degree: 16,
        list: 24,
        ..GraphParams::new(&IndexParams::new(metric), threads, &cancel)
    };
    Graph::build(&nodes, &codes, &params).unwrap()
}

fn values(n: usize, dim: usize) -> Vec<f32> {
    let mut random = SplitMix(n as u64);
    (0..n * dim)
        .map(|_| (random.next() >> 40) as f32 / (1 << 24) as f32 - 0.5)
        .collect()
}

/// The number of nodes that no walk from the entries reaches.
fn unreached(graph: &Graph) -> usize {
    let view = graph.view();
    let mut reached = vec![false; view.nodes()];
    let mut todo = graph.entries().to_vec();
    while let Some(node) = todo.pop() {
        if !std::mem::replace(&mut reached[node as usize], true) {
            view.each(node, |other| todo.push(other));
        }
    }
    reached.iter().filter(|reached| !**reached).count()
}

#[test]
fn should_reach_every_node_within_the_degree() {
    for n in [0, 1, 2, 17, 300, 3_000] {
        let graph = build(&values(n, 24), 24, Metric::EuclideanSquared, 2);
        assert_eq!(unreached(&graph), 0, "{n}");
        assert_eq!(graph.view().nodes(), n);
        let view = graph.view();
        for node in 0..n as u32 {
            let mut others = vec![];
            view.each(node, |other| others.push(other));
            assert!(
                others
                    .iter()
                    .all(|other| *other != node && (*other as usize) < n)
            );
            let count = others.len();
            others.sort_unstable();
            others.dedup();
            assert_eq!(others.len(), count, "no neighbour twice");
        }
    }
}

#[test]
fn should_tie_in_copies() {
    let kinds = values(20, 24);
    let copies: Vec<f32> = (0..2_000)
        .flat_map(|i| kinds[i % 20 * 24..][..24].to_vec())
        .collect();
    let graph = build(&copies, 24, Metric::EuclideanSquared, 2);
    let lost = unreached(&graph);
    assert_eq!(lost, 0);
}

#[test]
fn should_build_the_same_graph_twice_on_one_thread() {
    let values = values(1_000, 24);
    let [a, b] = [0, 1].map(|_| build(&values, 24, Metric::DotProduct, 1));
    assert_eq!(a.adjacency.as_slice(), b.adjacency.as_slice());
    assert_eq!(a.entries(), b.entries());
}

#[test]
fn should_enter_at_the_longest_rows_under_the_dot_product() {
    let mut values = values(2_000, 24);
    for v in &mut values[1_500 * 24..1_501 * 24] {
        *v *= 100.0;
    }
    let graph = build(&values, 24, Metric::DotProduct, 2);
    assert_eq!(graph.entries()[0], 1_500);
}
