//! Filters and hidden rows.

use crate::data::{Built, Rows, exact, recall};
use isobath_query::index::{Bitset, IndexParams, SearchOptions, SearchPath};
use isobath_storage::model::Metric;

fn filtered(
    built: &Built,
    queries: &Rows,
    path: Option<SearchPath>,
    pass: impl Fn(u32) -> bool,
) -> f32 {
    let filter = Bitset::from_fn(built.rows.len(), |row| pass(row as u32));
    let options = SearchOptions {
        path,
        filter: Some(&filter),
        ..SearchOptions::default()
    };
    built.recall(queries, &options, pass)
}

#[test]
fn should_find_under_filters_of_every_selectivity() {
    let (rows, queries) = Rows::clustered(6_000, 48, 40, 21);
    let built = Built::new(rows, &IndexParams::new(Metric::CosineDistance));
    for every in [1, 2, 5, 20, 100, 1_000, 5_000, 20_000] {
        // where less than one in five passes only a caller who insists gets a walk
        let paths = if every <= 5 {
            &[None, Some(SearchPath::Graph)][..]
        } else {
            &[None]
        };
        for path in paths.iter().copied() {
            let recall = filtered(&built, &queries, path, |row| row % every == 7 % every);
            assert!(recall >= 0.97, "1 of {every} {path:?}: {recall}");
        }
    }
}

#[test]
fn should_find_under_a_filter_that_keeps_away_from_the_query() {
    let (rows, queries) = Rows::clustered(6_000, 48, 40, 22);
    let built = Built::new(rows, &IndexParams::new(Metric::EuclideanSquared));
    // the farther half of the rows, seen from the first query
    let far = exact(
        &built.rows,
        Metric::EuclideanSquared,
        queries.row(0),
        3_000,
        |_| true,
    );
    let mut near = vec![false; 6_000];
    for hit in far {
        near[hit.row as usize] = true;
    }
    let filter = Bitset::from_fn(6_000, |row| !near[row]);
    let options = SearchOptions {
        path: Some(SearchPath::Graph),
        filter: Some(&filter),
        ..SearchOptions::default()
    };
    let found = built.search(queries.row(0), 10, &options);
    let want = exact(
        &built.rows,
        Metric::EuclideanSquared,
        queries.row(0),
        10,
        |row| filter.contains(row),
    );
    assert_eq!(found.stats.path, SearchPath::Scan);
    // thousands of rows are about as far as the nearest that passes
    let (last, limit) = (found.hits[9].distance, want[9].distance * 1.02);
    assert!(last <= limit, "{last} {limit}");
}

#[test]
fn should_look_beyond_hidden_rows() {
    let (rows, queries) = Rows::clustered(6_000, 48, 40, 23);
    let built = Built::new(rows, &IndexParams::new(Metric::CosineDistance));
    for path in [SearchPath::Scan, SearchPath::Graph] {
        let options = SearchOptions {
            path: Some(path),
            ..SearchOptions::default()
        };
        let mut sum = 0.0;
        for i in 0..queries.len() {
            let query = queries.row(i);
            let mut hidden = vec![false; 6_000];
            let nearest = exact(&built.rows, Metric::CosineDistance, query, 150, |_| true);
            for hit in nearest {
                hidden[hit.row as usize] = true;
            }
            let visible = |row: u32| !hidden[row as usize];
            let found = built.search_visible(query, 10, &options, visible);
            let want = exact(&built.rows, Metric::CosineDistance, query, 10, visible);
            assert_eq!(found.hits.len(), 10);
            sum += recall(&found.hits, &want);
        }
        let mean = sum / queries.len() as f32;
        assert!(mean >= 0.95, "{path:?}: {mean}");
    }
}

#[test]
fn should_find_nothing_where_nothing_is_visible() {
    let (rows, queries) = Rows::clustered(6_000, 16, 10, 24);
    let built = Built::new(rows, &IndexParams::new(Metric::CosineDistance));
    let found = built.search_visible(queries.row(0), 10, &SearchOptions::default(), |_| false);
    assert!(found.hits.is_empty());
}
