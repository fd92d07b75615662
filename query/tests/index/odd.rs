//! What does not look like data: few rows, none, copies, zeros, huge values, rows without a vector.

use crate::data::{Built, Random, Rows, build_in, exact};
use isobath_query::index::{
    Index, IndexError, IndexParams, PreparedQuery, Scratch, SearchOptions, SearchPath, VectorSet,
    Vectors, build,
};
use isobath_storage::model::Metric;
use std::sync::atomic::AtomicBool;
use tempfile::TempDir;

fn forced(path: SearchPath) -> SearchOptions<'static> {
    SearchOptions {
        path: Some(path),
        ..SearchOptions::default()
    }
}

#[test]
fn should_find_everything_in_tiny_sets() {
    for n in [0, 1, 2, 3, 9, 50] {
        let (rows, queries) = Rows::clustered(n, 7, 3, 1);
        let built = Built::new(rows, &IndexParams::new(Metric::EuclideanSquared));
        for path in [SearchPath::Scan, SearchPath::Graph] {
            for k in [0, 1, 10, 1_000] {
                let found = built.search(queries.row(0), k, &forced(path));
                let want = exact(
                    &built.rows,
                    Metric::EuclideanSquared,
                    queries.row(0),
                    k,
                    |_| true,
                );
                assert_eq!(found.hits, want, "{n} {path:?} {k}");
            }
        }
    }
}

#[test]
fn should_find_copies() {
    let mut random = Random(3);
    let kinds: Vec<Vec<f32>> = (0..30)
        .map(|_| (0..48).map(|_| random.normal()).collect())
        .collect();
    let values = (0..3_000).flat_map(|i| kinds[i * 7 % 30].clone()).collect();
    let built = Built::new(
        Rows { values, dim: 48 },
        &IndexParams::new(Metric::CosineDistance),
    );
    for query in &kinds {
        let found = built.search(query, 10, &SearchOptions::default()).hits;
        let want = exact(&built.rows, Metric::CosineDistance, query, 10, |_| true);
        assert!(found.is_sorted_by(|a, b| (a.distance, a.row) < (b.distance, b.row)));
        assert_eq!(found.len(), 10);
        assert!(found.iter().all(|hit| hit.distance <= want[9].distance));
    }
}

#[test]
fn should_treat_zero_vectors_as_far_by_one() {
    let (mut rows, queries) = Rows::clustered(500, 20, 5, 2);
    rows.values[..200].fill(0.0);
    let built = Built::new(rows, &IndexParams::new(Metric::CosineDistance));
    for path in [SearchPath::Scan, SearchPath::Graph] {
        let recall = built.recall(&queries, &forced(path), |_| true);
        assert!(recall >= 0.97, "{path:?}: {recall}");
        let found = built.search(&[0.0; 20], 3, &forced(path));
        let rows: Vec<u32> = found.hits.iter().map(|hit| hit.row).collect();
        assert_eq!(rows, [0, 1, 2]);
        assert!(
            found
                .hits
                .iter()
                .all(|hit| (hit.distance - 1.0).abs() < 1e-6)
        );
    }
}

#[test]
fn should_rank_values_beyond_halves() {
    let (mut rows, mut queries) = Rows::clustered(2_000, 32, 10, 4);
    rows.values.iter_mut().for_each(|v| *v *= 1e6);
    queries.values.iter_mut().for_each(|v| *v *= 1e6);
    let built = Built::new(rows, &IndexParams::new(Metric::EuclideanSquared));
    let recall = built.recall(&queries, &forced(SearchPath::Graph), |_| true);
    assert!(recall >= 0.98, "{recall}");
}

#[test]
fn should_survive_values_at_the_end_of_the_range() {
    let mut random = Random(5);
    let values = (0..300 * 8)
        .map(|_| random.normal().signum() * f32::MAX / 2.0)
        .collect();
    for metric in [
        Metric::CosineDistance,
        Metric::EuclideanSquared,
        Metric::DotProduct,
    ] {
        let rows = Rows {
            values: Vec::clone(&values),
            dim: 8,
        };
        let built = Built::new(rows, &IndexParams::new(metric));
        for path in [SearchPath::Scan, SearchPath::Graph] {
            let found = built.search(&values[..8], 10, &forced(path));
            assert_eq!(found.hits.len(), 10);
            assert!(found.hits.iter().all(|hit| hit.distance.is_finite()));
        }
    }
}

#[test]
fn should_leave_out_rows_without_a_vector() {
    let (rows, queries) = Rows::clustered(3_000, 24, 10, 6);
    let nodes: Vec<u32> = (0..3_000).filter(|row| row % 3 != 0).collect();
    let dir = TempDir::new().unwrap();
    build_in(
        &rows.set(),
        Some(&nodes),
        &IndexParams::new(Metric::CosineDistance),
        &dir,
    );
    let index = Index::open(dir.path()).unwrap();
    index.verify().unwrap();
    let built = Built { index, rows, dir };
    let filter = isobath_query::index::Bitset::from_fn(3_000, |row| row % 2 == 0);
    for path in [SearchPath::Scan, SearchPath::Graph] {
        let with_vector = |row: u32| !row.is_multiple_of(3);
        let recall = built.recall(&queries, &forced(path), with_vector);
        assert!(recall >= 0.97, "{path:?}: {recall}");
        let options = SearchOptions {
            filter: Some(&filter),
            ..forced(path)
        };
        let even = |row: u32| with_vector(row) && row.is_multiple_of(2);
        let recall = built.recall(&queries, &options, even);
        assert!(recall >= 0.97, "filtered {path:?}: {recall}");
    }
}

#[test]
fn should_refuse_what_does_not_fit() {
    let (rows, _) = Rows::clustered(10, 4, 1, 1);
    let built = Built::new(rows.clone(), &IndexParams::new(Metric::CosineDistance));
    let search = |metric, query: &[f32]| {
        let query = PreparedQuery::new(metric, query).unwrap();
        let options = SearchOptions::default();
        let found = built.index.search(
            &query,
            &rows.set(),
            1,
            &options,
            |_| true,
            &mut Scratch::default(),
        );
        found.unwrap_err().to_string()
    };
    assert!(search(Metric::CosineDistance, &[1.0; 3]).starts_with("vector: 3 dimensions"));
    assert!(search(Metric::DotProduct, &[1.0; 4]).starts_with("metric: dot_product"));
    assert!(VectorSet::new(Vectors::F32(&[0.0; 7]), 2).is_err());
    let params = IndexParams::new(Metric::CosineDistance);
    let built = build(
        &rows.set(),
        Some(&[10]),
        &params,
        1,
        &AtomicBool::new(false),
        built.dir.path(),
    );
    assert_eq!(built.unwrap_err().to_string(), "nodes: row 10 of 10");
}

#[test]
fn should_stop_when_cancelled_and_when_expired() {
    let (rows, queries) = Rows::clustered(9_000, 16, 10, 1);
    let dir = TempDir::new().unwrap();
    let params = IndexParams::new(Metric::EuclideanSquared);
    let cancelled = build(
        &rows.set(),
        None,
        &params,
        2,
        &AtomicBool::new(true),
        dir.path(),
    );
    assert!(matches!(cancelled, Err(IndexError::Cancelled)));
    let built = Built::new(rows, &params);
    for path in [SearchPath::Scan, SearchPath::Graph] {
        let options = SearchOptions {
            list: Some(500),
            expired: Some(&|| true),
            ..forced(path)
        };
        let query = PreparedQuery::new(Metric::EuclideanSquared, queries.row(0)).unwrap();
        let rows = built.rows.set();
        let found = built.index.search(
            &query,
            &rows,
            10,
            &options,
            |_| true,
            &mut Scratch::default(),
        );
        assert!(matches!(found, Err(IndexError::Expired)), "{path:?}");
    }
}
