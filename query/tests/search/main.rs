//! Searches of the sample data, by codes, by graphs and exactly.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may")]

mod shared;
mod slice;

use isobath_config::{IndexConfig, SearchConfig};
use isobath_query::{
    index::{IndexService, attach_codes},
    search::{Answer, Path, Query, RecallQuery, SearchError, SearchPool, recall, run},
    view::{Origin, RowSet, Version, View},
};
use isobath_storage::{
    Clock, SystemClock,
    model::{Id, Metric},
};
use slice::{filters, found, name, nearest, part, queries, row_set, rows, truth, view};
use std::{sync::Arc, time::Duration};
use tempfile::TempDir;

const DIM_TYPE: &str = "[384]f32";

const TIMEOUT: Duration = Duration::from_mins(1);

fn pool() -> SearchPool {
    SearchPool::start(&SearchConfig::default(), Arc::new(SystemClock)).unwrap()
}

async fn ask(pool: &SearchPool, view: &Arc<View>, query: Query) -> Answer {
    let view = Arc::clone(view);
    let found = pool.run(TIMEOUT, move |context| run(&view, &query, context));
    found.await.unwrap()
}

/// The share of the 10 nearest found under each filter, with the paths taken.
async fn recalls(pool: &SearchPool, view: View) -> Vec<(f64, Path)> {
    let (view, queries, mut out) = (Arc::new(view), queries(), vec![]);
    for (file, filter) in filters() {
        let (mut hits, mut all, mut path) = (0, 0, Path::Exact);
        for (vector, truth) in queries.iter().zip(truth(file, 10)) {
            let answer = ask(pool, &view, nearest(vector.clone(), filter.clone())).await;
            hits += found(&answer, &truth);
            all += truth.len();
            path = answer.stats.path;
        }
        #[expect(clippy::cast_precision_loss, reason = "a few thousand rows")]
        let recall = hits as f64 / all as f64;
        out.push((recall, path));
    }
    out
}

fn code(set: &RowSet) {
    let ty = DIM_TYPE.parse().unwrap();
    attach_codes(set, &name("vector"), ty, Metric::CosineDistance).unwrap();
}

/// A service that gives every part a graph.
fn service(folder: &TempDir) -> IndexService {
    let config = IndexConfig {
        min_rows_for_graph: 1,
        bits: Some(2),
        ..IndexConfig::default()
    };
    IndexService::start(folder.path(), &config, None).unwrap()
}

async fn indexed(service: &IndexService, view: &View) {
    service.refresh(view);
    while service.status(view).unindexed_rows > 0 {
        SystemClock.sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn should_find_what_is_nearest_without_an_index() {
    let pool = pool();
    let view = view(&[row_set(part("a"), &rows())]);
    for (recall, path) in recalls(&pool, view).await {
        assert!(recall >= 0.999, "{recall}");
        assert_eq!(path, Path::Exact);
    }
}

#[tokio::test]
async fn should_find_what_is_nearest_by_codes_of_several_row_sets() {
    let rows = rows();
    let sets = [
        row_set(part("a"), &rows[..800]),
        row_set(Origin::Delta, &rows[800..1_400]),
        row_set(Origin::Delta, &rows[1_400..]),
    ];
    for set in &sets {
        code(set);
    }
    let recalls = recalls(&pool(), view(&sets)).await;
    assert!(
        recalls.iter().all(|(recall, _)| *recall >= 0.99),
        "{recalls:?}"
    );
    assert_eq!(recalls[0].1, Path::Codes);
}

#[tokio::test]
async fn should_find_what_is_nearest_by_the_graph() {
    let folder = tempfile::tempdir().unwrap();
    let service = service(&folder);
    let view = view(&[row_set(part("a"), &rows())]);
    assert_eq!(service.status(&view).unindexed_rows, 2_000);
    indexed(&service, &view).await;
    let recalls = recalls(&pool(), view).await;
    assert!(
        recalls.iter().all(|(recall, _)| *recall >= 0.97),
        "{recalls:?}"
    );
    assert_eq!(recalls[0].1, Path::Graph);
}

#[tokio::test]
async fn should_find_updates_and_hide_what_they_replace() {
    let folder = tempfile::tempdir().unwrap();
    let (service, pool, rows) = (service(&folder), pool(), rows());
    let old = row_set(part("a"), &rows);
    indexed(&service, &view(&[Arc::clone(&old)])).await;
    let mut moved = rows[7].clone();
    moved.1[3] = rows[1_000].1[3].clone();
    let sets = [Arc::clone(&old), row_set(Origin::Delta, &[moved])];
    old.hidden.hide(7, Version(2));
    let at = |sets: &[Arc<RowSet>], version| {
        let view = view(sets);
        Arc::new(View { version, ..view })
    };
    let vector = |row: usize| match &rows[row].1[3] {
        isobath_storage::model::Value::Vector(vector) => vector.to_f32(),
        other => panic!("{other:?}"),
    };
    let before = ask(&pool, &at(&sets[..1], Version(1)), nearest(vector(7), None)).await;
    assert_eq!(before.rows[0].id, Id::U64(rows[7].0));
    assert_eq!(before.stats.path, Path::Graph);
    let now = at(&sets, Version(2));
    let after = ask(&pool, &now, nearest(vector(7), None)).await;
    assert_eq!(after.rows.len(), 10);
    assert!(after.rows.iter().all(|hit| hit.id != Id::U64(rows[7].0)));
    let there = ask(&pool, &now, nearest(vector(1_000), None)).await;
    let ids: Vec<Id> = there.rows[..2].iter().map(|hit| hit.id.clone()).collect();
    assert_eq!(ids, [rows[7].0, rows[1_000].0].map(Id::U64));
    assert_eq!(there.stats.path, Path::Mixed);
    assert_eq!(there.stats.exhaustive_search_count, 1);
}

#[tokio::test]
async fn should_open_a_finished_index_and_delete_it_with_its_part() {
    let folder = tempfile::tempdir().unwrap();
    let rows = rows();
    let folders = || {
        let indexes = folder.path().join("wordnet/index");
        let entries = std::fs::read_dir(indexes).unwrap();
        let entry = |entry: std::io::Result<std::fs::DirEntry>| entry.unwrap().path();
        entries.map(entry).collect::<Vec<_>>()
    };
    indexed(&service(&folder), &view(&[row_set(part("a"), &rows)])).await;
    let [first] = folders().try_into().unwrap();
    let meta = std::fs::metadata(first.join("meta")).unwrap();
    let second = service(&folder);
    let view_of = |hash| view(&[row_set(part(hash), &rows)]);
    indexed(&second, &view_of("a")).await;
    let again = std::fs::metadata(first.join("meta")).unwrap();
    assert_eq!(meta.modified().unwrap(), again.modified().unwrap());
    indexed(&second, &view_of("b")).await;
    let [other] = folders().try_into().unwrap();
    assert_ne!(first, other);
}

#[tokio::test]
async fn should_build_a_damaged_index_again() {
    let folder = tempfile::tempdir().unwrap();
    let rows = rows();
    indexed(&service(&folder), &view(&[row_set(part("a"), &rows)])).await;
    let indexes = std::fs::read_dir(folder.path().join("wordnet/index")).unwrap();
    for index in indexes {
        for file in std::fs::read_dir(index.unwrap().path()).unwrap() {
            let path = file.unwrap().path();
            let mut bytes = std::fs::read(&path).unwrap();
            let last = bytes.len() - 1;
            bytes[last / 2] ^= 4;
            std::fs::write(&path, bytes).unwrap();
        }
    }
    let view = view(&[row_set(part("a"), &rows)]);
    indexed(&service(&folder), &view).await;
    let recalls = recalls(&pool(), view).await;
    assert!(recalls[0].0 >= 0.97, "{recalls:?}");
    assert_eq!(recalls[0].1, Path::Graph);
}

#[tokio::test]
async fn should_measure_recall() {
    let set = row_set(part("a"), &rows());
    code(&set);
    let view = view(&[set]);
    let query = RecallQuery {
        attribute: None,
        vector: None,
        num: 25,
        top_k: 10,
        recall_target: None,
        filter: None,
    };
    let pool = pool();
    let report = pool.run(TIMEOUT, move |context| recall(&view, &query, context));
    let report = report.await.unwrap();
    assert!(report.avg_recall >= 0.98, "{}", report.avg_recall);
    assert!((report.avg_ann_count - 10.0).abs() < 1e-9);
    assert_eq!(report.ground_truth.len(), 25);
    let nearest = &report.ground_truth[0].nearest_neighbors[0];
    assert!(
        nearest.distance.unwrap() < 1e-5,
        "a row is nearest to itself"
    );
}

#[tokio::test]
async fn should_give_up_at_the_deadline() {
    let found = pool().run(Duration::ZERO, |_| Ok(())).await;
    assert!(
        matches!(found, Err(SearchError::DeadlineExceeded)),
        "{found:?}"
    );
}

#[tokio::test]
async fn should_refuse_more_than_can_wait() {
    let config = SearchConfig {
        threads: 1,
        queue: 1,
        ..SearchConfig::default()
    };
    let pool = SearchPool::start(&config, Arc::new(SystemClock)).unwrap();
    let (release, wait) = std::sync::mpsc::sync_channel::<()>(0);
    let (started, running) = tokio::sync::oneshot::channel();
    let first = pool.run(TIMEOUT, move |_| {
        started.send(()).unwrap();
        wait.recv().unwrap();
        Ok(())
    });
    let others = async {
        running.await.unwrap();
        let second = pool.run(TIMEOUT, |_| Ok(()));
        let third = async {
            let refused = pool.run(TIMEOUT, |_| Ok(())).await;
            release.send(()).unwrap();
            refused
        };
        let (second, third) = futures::join!(second, third);
        second.unwrap();
        assert!(matches!(third, Err(SearchError::Overloaded)), "{third:?}");
    };
    let (first, ()) = futures::join!(first, others);
    first.unwrap();
}
