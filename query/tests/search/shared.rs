//! Indexes that several nodes share through one bucket.

use super::{DIM_TYPE, ask, pool};
use crate::slice::{name, nearest, part, row_set, rows, view};
use futures::{TryStreamExt, future::BoxFuture};
use isobath_config::IndexConfig;
use isobath_query::{
    index::{IndexBucket, IndexService, RowIndex},
    search::Path,
    view::{Installed, ObjectCache, Origin, PartSet, RowSet, View},
};
use isobath_storage::{
    Clock, SystemClock,
    catalog::Indexes,
    fold::{PartRows, SchemaState},
    format::BuildClaim,
    model::{ContentHash, Declaration, Id, Metric, PartEntry, Stamp, Value, VersionVector},
    store::{
        Backend, Op, Store, StoreOptions, compose,
        keys::{IndexFile, IndexKey, Key},
    },
};
use object_store::{ObjectStore, ObjectStoreExt, path::Path as ObjectPath};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tempfile::TempDir;
use tokio::runtime::Handle;
use uuid::Uuid;

/// A clock whose wall clock is set by hand.
#[derive(Debug, Default)]
struct HandClock(AtomicU64);

impl Clock for HandClock {
    fn now_ms(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn monotonic(&self) -> Duration {
        SystemClock.monotonic()
    }

    fn sleep(&self, time: Duration) -> BoxFuture<'static, ()> {
        SystemClock.sleep(time)
    }
}

/// A bucket, and the clock of its nodes.
struct Region {
    store: Store,
    clock: Arc<HandClock>,
}

struct Node {
    service: IndexService,
    cache: Arc<ObjectCache>,
    _home: TempDir,
}

impl Region {
    fn new() -> Self {
        let clock = Arc::new(HandClock::default());
        let options = StoreOptions::default();
        let backend = Backend::in_memory();
        let time = Arc::clone(&clock) as Arc<dyn Clock>;
        Self {
            store: compose(backend, &options, &time, None),
            clock,
        }
    }

    /// A node with an empty cache.
    fn node(&self, number: u128, builds: bool) -> Node {
        self.node_of(number, builds, true)
    }

    fn node_of(&self, number: u128, builds: bool, searches: bool) -> Node {
        let home = tempfile::tempdir().unwrap();
        let store = Arc::clone(&self.store.data);
        let cache = ObjectCache::open(&home.path().join("cache"), 1 << 30, store).unwrap();
        let cache = Arc::new(cache);
        let bucket = IndexBucket {
            store: Arc::clone(&self.store.data),
            cache: Arc::clone(&cache),
            clock: Arc::clone(&self.clock) as Arc<dyn Clock>,
            runtime: Handle::current(),
            node: Uuid::from_u128(number),
            builds,
            searches,
        };
        let config = IndexConfig {
            min_rows_for_graph: 1,
            bits: Some(2),
            ..IndexConfig::default()
        };
        let data = home.path().join("index");
        Node {
            service: IndexService::start(&data, &config, Some(bucket)).unwrap(),
            cache,
            _home: home,
        }
    }

    /// The keys of all objects of indexes.
    async fn keys(&self) -> Vec<IndexKey> {
        let listed = self.store.data.list(Some(&ObjectPath::from("data")));
        let found: Vec<_> = listed.try_collect().await.unwrap();
        let keys = found
            .iter()
            .map(|meta| IndexKey::parse(&meta.location).unwrap());
        keys.collect()
    }

    async fn of(&self, wanted: impl Fn(IndexFile) -> bool) -> Vec<IndexKey> {
        let mut keys = self.keys().await;
        keys.retain(|key| wanted(key.file));
        keys
    }

    fn indexes(&self) -> Indexes {
        Indexes::new(Arc::clone(&self.store.data))
    }
}

impl Node {
    /// Waits until every row of `view` is indexed.
    async fn index(&self, view: &View) {
        self.service.refresh(view);
        while self.service.status(view).unindexed_rows > 0 {
            SystemClock.sleep(Duration::from_millis(5)).await;
            self.service.refresh(view);
        }
    }
}

fn is_meta(file: IndexFile) -> bool {
    file == IndexFile::Meta
}

/// The name of a part.
fn hash(seed: &str) -> ContentHash {
    ContentHash::of(seed.as_bytes())
}

fn set(seed: &str) -> Arc<RowSet> {
    row_set(part(&hash(seed).to_string()), &some_rows())
}

/// A view of one part; every call has row sets of its own, like another node.
fn one_part() -> View {
    view(&[set("a")])
}

/// Every row is nearest to itself, by the graph.
async fn assert_searches_well(view: View) {
    let (pool, view) = (pool(), Arc::new(view));
    for (id, values) in some_rows().iter().step_by(17) {
        let Value::Vector(vector) = &values[3] else {
            panic!("no vector");
        };
        let answer = ask(&pool, &view, nearest(vector.to_f32(), None)).await;
        assert_eq!(answer.rows[0].id, Id::U64(*id));
        assert_eq!(answer.stats.path, Path::Graph);
    }
}

/// Few, since graphs are built slowly where nothing is optimised.
fn some_rows() -> Vec<(u64, [Value; 4])> {
    rows().into_iter().take(240).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn should_build_an_index_once_for_all_nodes() {
    let region = Region::new();
    let nodes = [
        region.node(1, true),
        region.node(2, true),
        region.node(3, false),
    ];
    let views = [one_part(), one_part(), one_part()];
    for (node, view) in nodes.iter().zip(&views) {
        node.service.refresh(view);
    }
    for (node, view) in nodes.iter().zip(views) {
        node.index(&view).await;
        assert_searches_well(view).await;
    }
    assert_eq!(region.of(is_meta).await.len(), 1);
    let files = region.of(|file| matches!(file, IndexFile::Data(_))).await;
    assert_eq!(files.len(), 2, "codes and a graph, built once");
    let late = region.node(4, false);
    let (view, puts) = (one_part(), region.store.data_requests.of(Op::Put));
    late.index(&view).await;
    assert_searches_well(view).await;
    assert_eq!(region.store.data_requests.of(Op::Put), puts);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn should_build_again_what_was_damaged_or_lost() {
    let region = Region::new();
    region.node(1, true).index(&one_part()).await;
    let mut generations = 1;
    for damaged in [true, false] {
        let newest = region.of(|file| matches!(file, IndexFile::Data(_))).await;
        for key in &newest {
            let path = key.path();
            let bytes = region
                .store
                .data
                .get(&path)
                .await
                .unwrap()
                .bytes()
                .await
                .unwrap();
            let mut bytes = bytes.to_vec();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 8;
            if damaged {
                region.store.data.put(&path, bytes.into()).await.unwrap();
            } else {
                region.store.data.delete(&path).await.unwrap();
            }
        }
        let (node, view) = (region.node(2, true), one_part());
        node.index(&view).await;
        assert_searches_well(view).await;
        generations += 1;
        assert_eq!(region.of(is_meta).await.len(), generations);
        let (reader, view) = (region.node(3, false), one_part());
        reader.index(&view).await;
        assert_searches_well(view).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn should_take_over_from_a_builder_that_died() {
    let region = Region::new();
    // the key is not known beforehand: another node's index says it
    let other = Region::new();
    other.node(1, true).index(&one_part()).await;
    let key = other.of(is_meta).await.remove(0);
    let claim = BuildClaim {
        node: Uuid::from_u128(9),
        expires_at_ms: 30_000,
    };
    assert!(region.indexes().claim(&key, 1, &claim).await.unwrap());
    let (node, view) = (region.node(1, true), one_part());
    node.service.refresh(&view);
    SystemClock.sleep(Duration::from_millis(300)).await;
    assert_eq!(region.keys().await.len(), 1, "it waits for the other");
    region.clock.0.store(30_001, Ordering::Relaxed);
    node.index(&view).await;
    let newest = region.indexes().newest_claim(&key).await.unwrap().unwrap();
    assert_eq!(newest.1.unwrap().node, Uuid::from_u128(1));
    assert!(newest.0 >= 2);
}

/// The parts of a manifest.
fn installed(sets: &[Arc<RowSet>]) -> Installed {
    let mut schema = SchemaState::default();
    let declared = Declaration {
        attribute: name("vector"),
        ty: DIM_TYPE.parse().unwrap(),
        metric: Some(Metric::CosineDistance),
    };
    schema.declare(stamp(), &declared);
    let part = |set: &Arc<RowSet>| PartSet {
        set: Arc::clone(set),
        rows: PartRows::new(Arc::clone(&set.rows), set.stamps.clone()),
        entry: PartEntry {
            hash: ContentHash([0; 32]),
            rows: set.len() as u64,
            bytes: 0,
            hlc_max: stamp().hlc,
            dead: None,
            dead_rows: 0,
            owner: None,
            stamp: None,
        },
    };
    Installed {
        schema,
        parts: sets.iter().map(part).collect(),
        seen: VersionVector::default(),
        last_write: stamp().hlc,
    }
}

fn stamp() -> Stamp {
    set("any").stamps.get(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn should_hold_back_a_merged_part_until_its_index_is_there() {
    let region = Region::new();
    let node = region.node(1, true);
    let all = some_rows();
    let (a, b) = all.split_at(120);
    let of = |seed: &str, rows: &[_]| row_set(part(&hash(seed).to_string()), rows);
    let (first, second, merged) = (of("first", a), of("second", b), of("merged", &all));
    let delta = row_set(Origin::Delta, b);
    let before = view(&[Arc::clone(&first), delta]);
    node.index(&view(&[Arc::clone(&first)])).await;
    let added = installed(&[Arc::clone(&first), Arc::clone(&second)]);
    assert!(
        node.service.is_ready(&before, &added),
        "nothing indexed goes"
    );
    let both = view(&[first, second]);
    node.index(&both).await;
    let next = installed(&[Arc::clone(&merged)]);
    assert!(!node.service.is_ready(&both, &next));
    while !node.service.is_ready(&both, &next) {
        // the build is not taken for one of a part that is gone
        node.service.refresh(&both);
        SystemClock.sleep(Duration::from_millis(5)).await;
    }
    let index = RowIndex::of(&merged, &name("vector"));
    assert!(matches!(index.as_deref(), Some(RowIndex::Built(_))));
    assert_searches_well(view(&[merged])).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn should_fetch_and_code_nothing_where_nobody_searches() {
    let region = Region::new();
    let watcher = region.node_of(2, false, false);
    let (before, after) = (one_part(), set("b"));
    watcher.service.refresh(&before);
    assert!(watcher.service.status(&before).unindexed_rows > 0);
    region.node(1, true).index(&one_part()).await;
    watcher.index(&before).await;
    let next = installed(&[Arc::clone(&after)]);
    assert!(
        !watcher.service.is_ready(&before, &next),
        "its index is missing"
    );
    region.node(1, true).index(&view(&[set("b")])).await;
    while !watcher.service.is_ready(&before, &next) {
        SystemClock.sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(watcher.cache.bytes(), 0);
    assert!(RowIndex::of(&after, &name("vector")).is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn should_give_up_the_files_of_parts_that_went() {
    let region = Region::new();
    let all = some_rows();
    let (a, b) = all.split_at(120);
    let of = |seed: &str, rows: &[_]| row_set(part(&hash(seed).to_string()), rows);
    let (node, reader) = (region.node(1, true), region.node(2, false));
    let (first, second) = (of("first", a), of("second", b));
    node.index(&view(&[Arc::clone(&first), Arc::clone(&second)]))
        .await;
    reader.index(&view(&[of("second", b)])).await;
    let rest = reader.cache.bytes();
    assert!(node.cache.bytes() > rest);
    let both = node.cache.bytes();
    let after = view(&[second]);
    node.service.refresh(&after);
    SystemClock.sleep(Duration::from_millis(50)).await;
    node.cache.sweep();
    assert_eq!(node.cache.bytes(), both, "somebody has the part yet");
    drop(first);
    while node.cache.bytes() > rest {
        SystemClock.sleep(Duration::from_millis(5)).await;
        node.cache.sweep();
    }
    assert_eq!(node.cache.bytes(), rest);
    assert_eq!(node.service.status(&after).unindexed_rows, 0);
}
