//! What the layers do, over a store in memory and a paused clock.

mod bodies;

use super::*;
use crate::{Clock, SystemClock, error::ErrorKind};
use bytes::Bytes;
use futures::TryStreamExt;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutPayload, path::Path};
use std::{sync::Arc, time::Duration};

const KEY: &str = "a/key";

fn clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock)
}

/// An empty store, and the handle of its faults.
fn faulty(plan: FaultPlan) -> (Store, Arc<Faults>) {
    let faults = Faults::new(plan, clock());
    let store = compose(
        Backend::in_memory(),
        &StoreOptions::default(),
        &clock(),
        Some(&faults),
    );
    (store, faults)
}

fn quiet() -> (Store, Arc<Faults>) {
    faulty(FaultPlan::quiet(1))
}

async fn create(store: &Arc<dyn ObjectStore>, body: &'static str) -> Result<(), ErrorKind> {
    let put = store
        .put_opts(&Path::from(KEY), body.into(), PutMode::Create.into())
        .await;
    put.map(drop).map_err(|e| kind_of(&e))
}

async fn read(store: &Arc<dyn ObjectStore>) -> Result<Bytes, ErrorKind> {
    let found = store.get(&Path::from(KEY)).await.map_err(|e| kind_of(&e))?;
    found.bytes().await.map_err(|e| kind_of(&e))
}

#[tokio::test(start_paused = true)]
async fn should_apply_a_put_whose_reply_is_lost() {
    let (store, faults) = quiet();
    faults.aim(Op::Put, Path::from("a"), Fault::LoseReply);
    assert_eq!(create(&store.log, "one").await, Err(ErrorKind::Unavailable));
    assert_eq!(create(&store.log, "one").await, Err(ErrorKind::Conflict));
    assert_eq!(read(&store.log).await.unwrap(), "one");
    assert_eq!(faults.struck(), 1);
}

#[tokio::test(start_paused = true)]
async fn should_land_a_late_put_after_the_caller_gave_up() {
    let (store, faults) = quiet();
    faults.aim(
        Op::Put,
        Path::from(KEY),
        Fault::Late(Duration::from_secs(9)),
    );
    assert_eq!(create(&store.log, "one").await, Err(ErrorKind::Unavailable));
    assert_eq!(read(&store.log).await, Err(ErrorKind::NotFound));
    faults.settle().await;
    assert_eq!(read(&store.log).await.unwrap(), "one");
}

#[tokio::test(start_paused = true)]
async fn should_write_nothing_on_a_conflict_or_a_refusal() {
    let (store, faults) = quiet();
    faults.aim(Op::Put, Path::from(KEY), Fault::Conflict);
    faults.aim(Op::Put, Path::from(KEY), Fault::Refuse);
    assert_eq!(create(&store.log, "one").await, Err(ErrorKind::Conflict));
    assert_eq!(create(&store.log, "one").await, Err(ErrorKind::Unavailable));
    assert_eq!(read(&store.log).await, Err(ErrorKind::NotFound));
}

#[tokio::test(start_paused = true)]
async fn should_refuse_everything_while_cut_off() {
    let (store, faults) = quiet();
    faults.set_down(true);
    assert_eq!(create(&store.log, "one").await, Err(ErrorKind::Unavailable));
    assert!(store.log.list(None).try_collect::<Vec<_>>().await.is_err());
    faults.set_down(false);
    assert_eq!(create(&store.log, "one").await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn should_give_up_the_log_s_slow_requests_by_their_size() {
    let (store, faults) = quiet();
    let slow = Fault::Slow(Duration::from_secs(7));
    faults.aim(Op::Put, Path::from(KEY), slow);
    assert_eq!(create(&store.log, "one").await, Err(ErrorKind::Unavailable));
    faults.aim(Op::Put, Path::from(KEY), slow);
    let large = PutPayload::from(vec![0; 30_000_000]);
    store.log.put(&Path::from(KEY), large).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn should_send_data_again_but_never_the_log() {
    let (store, faults) = quiet();
    for _ in 0..2 {
        faults.aim(Op::Put, Path::from(KEY), Fault::Refuse);
        faults.aim(Op::Get, Path::from(KEY), Fault::Refuse);
        faults.aim(Op::List, Path::default(), Fault::Refuse);
    }
    assert_eq!(create(&store.data, "one").await, Ok(()));
    assert_eq!(read(&store.data).await.unwrap(), "one");
    assert_eq!(
        store
            .data
            .list(None)
            .try_collect::<Vec<_>>()
            .await
            .unwrap()
            .len(),
        1
    );
    assert_eq!(
        [Op::Put, Op::Get, Op::List].map(|op| store.data_requests.of(op)),
        [3, 3, 3]
    );
    assert_eq!(store.log_requests.of(Op::Put), 0);
}

#[tokio::test(start_paused = true)]
async fn should_give_up_after_the_last_attempt() {
    let (store, faults) = quiet();
    faults.set_down(true);
    assert_eq!(
        create(&store.data, "one").await,
        Err(ErrorKind::Unavailable)
    );
    assert_eq!(store.data_requests.of(Op::Put), 5);
}

#[tokio::test(start_paused = true)]
async fn should_know_its_own_bytes_after_a_lost_reply() {
    let (store, faults) = quiet();
    faults.aim(Op::Put, Path::from(KEY), Fault::LoseReply);
    assert_eq!(create(&store.data, "one").await, Ok(()));
    assert_eq!(
        create(&store.data, "one").await,
        Err(ErrorKind::Conflict),
        "a second create"
    );
}

#[tokio::test(start_paused = true)]
async fn should_not_take_another_s_bytes_for_its_own() {
    let (store, faults) = quiet();
    assert_eq!(create(&store.log, "two").await, Ok(()));
    faults.aim(Op::Put, Path::from(KEY), Fault::Refuse);
    assert_eq!(create(&store.data, "one").await, Err(ErrorKind::Conflict));
    assert_eq!(read(&store.data).await.unwrap(), "two");
}

#[tokio::test(start_paused = true)]
async fn should_send_again_after_a_conflict_with_nobody() {
    let (store, faults) = quiet();
    faults.aim(Op::Put, Path::from(KEY), Fault::Conflict);
    assert_eq!(create(&store.data, "one").await, Ok(()));
    assert_eq!(read(&store.data).await.unwrap(), "one");
}

#[tokio::test(start_paused = true)]
async fn should_list_in_another_order_by_the_seed_only() {
    let mut orders = Vec::new();
    for seed in [1, 1, 2] {
        let (store, _) = faulty(FaultPlan::quiet(seed));
        for n in 0..50 {
            store
                .log
                .put(&Path::from(format!("k/{n:02}")), "x".into())
                .await
                .unwrap();
        }
        let listed: Vec<_> = store.log.list(None).try_collect().await.unwrap();
        orders.push(
            listed
                .into_iter()
                .map(|meta| meta.location)
                .collect::<Vec<_>>(),
        );
    }
    assert_eq!(orders[0], orders[1]);
    assert_ne!(orders[0], orders[2]);
    assert!(!orders[0].is_sorted());
}

#[tokio::test(start_paused = true)]
async fn should_strike_the_same_requests_for_the_same_seed() {
    let mut runs = Vec::new();
    for seed in [7, 7, 8] {
        let (store, faults) = faulty(FaultPlan::stormy(seed));
        let mut outcomes = Vec::new();
        for n in 0..200 {
            let path = Path::from(format!("k/{n}"));
            let put = store
                .log
                .put_opts(&path, "x".into(), PutMode::Create.into())
                .await;
            outcomes.push(put.map(drop).map_err(|e| kind_of(&e)));
        }
        assert!((30..90).contains(&faults.struck()), "{}", faults.struck());
        runs.push(outcomes);
    }
    assert_eq!(runs[0], runs[1]);
    assert_ne!(runs[0], runs[2]);
}

#[tokio::test(start_paused = true)]
async fn should_slow_requests_by_latency_and_bytes() {
    let latency = Duration::from_millis(20);
    let throttle = ThrottleOptions {
        latency,
        bytes_per_second: Some(1000),
    };
    let options = StoreOptions {
        throttle,
        ..StoreOptions::default()
    };
    let store = compose(Backend::in_memory(), &options, &clock(), None);
    let start = tokio::time::Instant::now();
    store
        .data
        .put(&Path::from(KEY), vec![0; 500].into())
        .await
        .unwrap();
    assert_eq!(start.elapsed().as_millis(), 520);
    read(&store.data).await.unwrap();
    assert_eq!(start.elapsed().as_millis(), 1040);
    assert_eq!(
        (store.data_requests.sent(), store.data_requests.received()),
        (500, 500)
    );
}

#[tokio::test]
async fn should_share_memory_by_name_and_keep_prefixes_apart() {
    let open = |url| Store::open(url, [("", ""); 0], &StoreOptions::default(), &clock()).unwrap();
    let (one, same, below) = (
        open("memory://shared"),
        open("memory://shared"),
        open("memory://shared/below"),
    );
    assert_eq!(create(&one.log, "one").await, Ok(()));
    assert_eq!(read(&same.data).await.unwrap(), "one");
    assert_eq!(read(&below.data).await, Err(ErrorKind::NotFound));
    assert_eq!(create(&below.log, "two").await, Ok(()));
    assert_eq!(
        one.log
            .list(None)
            .try_collect::<Vec<_>>()
            .await
            .unwrap()
            .len(),
        2
    );
    assert!(!one.durable);
}

#[tokio::test(start_paused = true)]
async fn should_find_memory_usable_and_leave_nothing_behind() {
    let (store, faults) = quiet();
    let report = probe(&store, uuid::Uuid::nil()).await;
    let words: Vec<String> = report.checks.iter().map(ToString::to_string).collect();
    assert_eq!(
        words.iter().filter(|w| w.starts_with("ok ")).count(),
        6,
        "{words:?}"
    );
    assert!(words[6].contains("gone with this process"), "{words:?}");
    report.verdict().unwrap();
    assert!(
        store
            .log
            .list(None)
            .try_collect::<Vec<_>>()
            .await
            .unwrap()
            .is_empty()
    );
    faults.set_down(true);
    let error = probe(&store, uuid::Uuid::nil())
        .await
        .verdict()
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
}

/// A store that overwrites where it should refuse.
#[derive(Debug)]
struct Overwrites;

impl layer::Layer for Overwrites {
    async fn around<T: Send + 'static>(
        &self,
        _request: &layer::Request,
        attempt: layer::Attempt<'_, T>,
    ) -> object_store::Result<T> {
        attempt().await
    }

    async fn put(
        &self,
        _request: &layer::Request,
        _payload: &PutPayload,
        attempt: layer::Attempt<'_, object_store::PutResult>,
    ) -> object_store::Result<object_store::PutResult> {
        drop(attempt().await);
        Ok(object_store::PutResult {
            e_tag: None,
            version: None,
            extensions: object_store::Extensions::new(),
        })
    }

    fn list(
        self: &Arc<Self>,
        _request: layer::Request,
        listing: layer::Listing,
    ) -> futures::stream::BoxStream<'static, object_store::Result<object_store::ObjectMeta>> {
        listing()
    }
}

#[tokio::test(start_paused = true)]
async fn should_say_which_capability_is_missing() {
    let mut backend = Backend::in_memory();
    backend.store = Arc::new(layer::Layered::new(backend.store, Arc::new(Overwrites)));
    let store = compose(backend, &StoreOptions::default(), &clock(), None);
    let error = probe(&store, uuid::Uuid::nil())
        .await
        .verdict()
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("a second create of the same key was accepted"),
        "{error}"
    );
    assert!(error.contains("16 of them won"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn should_answer_creates_truly_in_any_storm() {
    for seed in 0..3000 {
        let late_max = Duration::from_millis(300);
        let (store, faults) = faulty(FaultPlan {
            late_max,
            ..FaultPlan::stormy(seed)
        });
        let answer = create(&store.data, "mine").await;
        faults.heal();
        faults.settle().await;
        let stored = read(&store.data).await;
        match answer {
            Ok(()) => assert_eq!(stored.unwrap(), "mine", "seed {seed}"),
            other => assert_eq!(
                other,
                Err(ErrorKind::Unavailable),
                "seed {seed}: {stored:?}"
            ),
        }
    }
}
