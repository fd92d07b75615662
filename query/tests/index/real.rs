//! The sample of real vectors.

use crate::data::{Built, Rows, build_in, exact, recall, wordnet, wordnet_truth};
use half::f16;
use isobath_query::index::{
    Bits, Centre, Codes, Encoding, Index, IndexParams, PreparedQuery, Scratch, SearchOptions,
    SearchPath, VectorSet, Vectors, scan_codes,
};
use isobath_storage::model::Metric;
use tempfile::TempDir;

fn graph() -> SearchOptions<'static> {
    SearchOptions {
        path: Some(SearchPath::Graph),
        ..SearchOptions::default()
    }
}

#[test]
fn should_answer_as_the_ground_truth_says() {
    let (rows, queries) = wordnet();
    for (query, want) in (0..queries.len()).zip(wordnet_truth()) {
        let found = exact(
            &rows,
            Metric::CosineDistance,
            queries.row(query),
            10,
            |_| true,
        );
        let found: Vec<u32> = found.iter().map(|hit| hit.row).collect();
        assert_eq!(found, want[..10]);
    }
}

#[test]
fn should_find_by_the_graph_and_by_the_scan() {
    let (rows, queries) = wordnet();
    let built = Built::new(rows, &IndexParams::new(Metric::CosineDistance));
    let found = built.search(queries.row(0), 10, &graph());
    assert_eq!(found.stats.path, SearchPath::Graph);
    assert!(built.recall(&queries, &graph(), |_| true) >= 0.99);
    let found = built.search(queries.row(0), 10, &SearchOptions::default());
    assert_eq!(found.stats.path, SearchPath::Scan);
    assert!(built.recall(&queries, &SearchOptions::default(), |_| true) >= 0.995);
}

#[test]
fn should_find_a_hundred() {
    let (rows, queries) = wordnet();
    let built = Built::new(rows, &IndexParams::new(Metric::CosineDistance));
    for options in [graph(), SearchOptions::default()] {
        let mut sum = 0.0;
        for i in 0..queries.len() {
            let found = built.search(queries.row(i), 100, &options);
            let want = exact(
                &built.rows,
                Metric::CosineDistance,
                queries.row(i),
                100,
                |_| true,
            );
            sum += recall(&found.hits, &want);
        }
        let mean = sum / queries.len() as f32;
        assert!(mean >= 0.98, "{options:?}: {mean}");
    }
}

#[test]
fn should_find_in_halves_what_it_finds_in_floats() {
    let (rows, queries) = wordnet();
    let halves = rows.halves();
    let set = VectorSet::new(Vectors::F16(&halves), rows.dim).unwrap();
    let dir = TempDir::new().unwrap();
    build_in(&set, None, &IndexParams::new(Metric::CosineDistance), &dir);
    let index = Index::open(dir.path()).unwrap();
    let mut sum = 0.0;
    for i in 0..queries.len() {
        let query = PreparedQuery::new(Metric::CosineDistance, queries.row(i)).unwrap();
        let found = index
            .search(
                &query,
                &set,
                10,
                &graph(),
                |_| true,
                &mut Scratch::default(),
            )
            .unwrap();
        let rounded = Rows {
            values: halves.iter().copied().map(f16::to_f32).collect(),
            dim: rows.dim,
        };
        let want = exact(&rounded, Metric::CosineDistance, queries.row(i), 10, |_| {
            true
        });
        sum += recall(&found.hits, &want);
    }
    assert!(sum / queries.len() as f32 >= 0.99);
}

#[test]
fn should_build_twice_alike() {
    let (rows, queries) = wordnet();
    let recall = |_| {
        let built = Built::new(rows.clone(), &IndexParams::new(Metric::CosineDistance));
        built.recall(&queries, &graph(), |_| true)
    };
    let [a, b] = [0, 1].map(recall);
    assert!((a - b).abs() <= 0.006, "{a} {b}");
}

#[test]
fn should_scan_rows_without_an_index_around_a_fixed_centre() {
    let (rows, queries) = wordnet();
    for (bits, floor) in [(Bits::One, 0.97), (Bits::Two, 0.995), (Bits::Four, 0.999)] {
        let how = Encoding {
            metric: Metric::CosineDistance,
            bits,
            centre: Centre::Fixed(&vec![0.0; rows.dim]),
            threads: 1,
        };
        let codes = Codes::encode(&rows.set(), &how).unwrap();
        let mut scratch = Scratch::default();
        let mut sum = 0.0;
        for i in 0..queries.len() {
            let query = PreparedQuery::new(Metric::CosineDistance, queries.row(i)).unwrap();
            let all = 0..rows.len() as u32;
            let found =
                scan_codes(&codes, &rows.set(), &query, all, 10, |_| true, &mut scratch).unwrap();
            let want = exact(&rows, Metric::CosineDistance, queries.row(i), 10, |_| true);
            sum += recall(&found, &want);
        }
        let mean = sum / queries.len() as f32;
        assert!(mean >= floor, "{bits:?}: {mean}");
    }
}
