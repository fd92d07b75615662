//! The graph beside the one that the authors of the algorithm build: the `diskann` crates, full precision.

use crate::data::{Built, Rows, exact, wordnet};
use diskann::{
    graph::{DiskANNIndex, config, search::Knn},
    neighbor::Neighbor,
};
use diskann_inmem::{
    Context, Provider, Strategy,
    num::{Capacity, MaxDegree},
    repr::Full,
};
use diskann_utils::views::rowmajor;
use futures::executor::block_on;
use isobath_query::index::{IndexParams, SearchOptions, SearchPath};
use isobath_storage::model::Metric;
use std::num::NonZeroUsize;

const LIST: usize = 40;

/// The mean recall at 10 of the crates' index.
fn reference(rows: &Rows, queries: &Rows) -> f32 {
    let bounds = config::MaxDegree::slack(1.3);
    let metric = diskann_vector::distance::Metric::L2;
    let config = config::Builder::new_with(48, bounds, 64, metric.into(), |b| {
        b.alpha(1.2);
    });
    let config = config.build().unwrap();
    let start = rowmajor::Owned::row_vector(Box::from(rows.row(0)));
    let degree = MaxDegree::new(config.max_degree().get());
    let full = Full::config(Capacity::new(rows.len()), degree, metric, start).unwrap();
    let provider = Provider::<Full<f32>, u32>::new(full).unwrap();
    let index = DiskANNIndex::new(config, provider, NonZeroUsize::new(1));
    for i in 0..rows.len() {
        block_on(index.insert(&Strategy, &Context, &(i as u32), rows.row(i))).unwrap();
    }
    let recalls = (0..queries.len()).map(|i| {
        let mut out: Vec<Neighbor<u32>> = Vec::with_capacity(LIST);
        let knn = Knn::new_default(LIST).unwrap();
        block_on(index.search(knn, &Strategy, &Context, queries.row(i), &mut out)).unwrap();
        let want = exact(rows, Metric::EuclideanSquared, queries.row(i), 10, |_| true);
        let near = want
            .iter()
            .filter(|want| out.iter().take(10).any(|hit| *hit.id() == want.row));
        near.count() as f32 / want.len() as f32
    });
    recalls.sum::<f32>() / queries.len() as f32
}

#[test]
fn should_find_what_the_reference_finds() {
    let (rows, queries) = wordnet();
    let theirs = reference(&rows, &queries);
    let built = Built::new(rows, &IndexParams::new(Metric::EuclideanSquared));
    let options = SearchOptions {
        list: Some(LIST),
        path: Some(SearchPath::Graph),
        ..SearchOptions::default()
    };
    let ours = built.recall(&queries, &options, |_| true);
    assert!(theirs > 0.9, "{theirs}");
    assert!(ours >= theirs - 0.01, "{ours} {theirs}");
}
