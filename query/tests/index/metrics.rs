//! Every metric, odd dimensions, wide norms.

use crate::data::{Built, Rows};
use isobath_query::index::{IndexParams, SearchOptions, SearchPath};
use isobath_storage::model::Metric;

const METRICS: [Metric; 3] = [
    Metric::CosineDistance,
    Metric::EuclideanSquared,
    Metric::DotProduct,
];

#[test]
fn should_find_in_every_metric_and_dimension() {
    for metric in METRICS {
        for dim in [1, 3, 63, 65, 100, 120] {
            let (rows, queries) = Rows::clustered(700, dim, 20, dim as u64);
            let built = Built::new(rows, &IndexParams::new(metric));
            for path in [SearchPath::Scan, SearchPath::Graph] {
                let options = SearchOptions {
                    path: Some(path),
                    ..SearchOptions::default()
                };
                let recall = built.recall(&queries, &options, |_| true);
                assert!(recall >= 0.97, "{metric} {dim} {path:?}: {recall}");
            }
        }
    }
}

#[test]
fn should_find_by_the_dot_product_among_wide_norms() {
    let (rows, queries) = Rows::clustered(6_000, 64, 50, 5);
    let built = Built::new(
        rows.with_norms(0.5, 6),
        &IndexParams::new(Metric::DotProduct),
    );
    let options = SearchOptions::default();
    assert_eq!(
        built.search(queries.row(0), 10, &options).stats.path,
        SearchPath::Graph
    );
    let recall = built.recall(&queries, &options, |_| true);
    assert!(recall >= 0.97, "{recall}");
}

#[test]
fn should_find_by_euclidean_distance_among_wide_norms() {
    let (rows, queries) = Rows::clustered(6_000, 64, 50, 8);
    let built = Built::new(
        rows.with_norms(0.5, 9),
        &IndexParams::new(Metric::EuclideanSquared),
    );
    let recall = built.recall(&queries, &SearchOptions::default(), |_| true);
    assert!(recall >= 0.97, "{recall}");
}

#[test]
fn should_find_among_rows_sorted_by_cluster() {
    let (rows, queries) = Rows::clustered(6_000, 64, 40, 11);
    let mut order: Vec<&[f32]> = (0..rows.len()).map(|i| rows.row(i)).collect();
    let (one, two) = (rows.row(0).to_vec(), rows.row(1).to_vec());
    let side = |row: &[f32]| -> f32 {
        let planes = row.iter().zip(one.iter().zip(&two));
        planes.map(|(v, (a, b))| v * (a - b)).sum()
    };
    order.sort_by(|a, b| side(a).total_cmp(&side(b)));
    let sorted = Rows {
        values: order.concat(),
        dim: 64,
    };
    let built = Built::new(sorted, &IndexParams::new(Metric::EuclideanSquared));
    let recall = built.recall(&queries, &SearchOptions::default(), |_| true);
    assert!(recall >= 0.97, "{recall}");
}
