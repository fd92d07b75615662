//! Tests of audit records: batches, faults of the store, and what is dropped.

use super::*;
use crate::{
    Clock, SystemClock,
    model::Region,
    store::{
        Fault, FaultPlan, Faults, Op,
        keys::{AuditKey, Key},
    },
};
use futures::TryStreamExt;
use isobath_config::AuditConfig;
use object_store::{ObjectStore, ObjectStoreExt, memory::InMemory};
use serde_json::Value;
use std::{sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

fn region() -> Region {
    "use1".parse().unwrap()
}

fn record(rows: u64) -> AuditRecord {
    AuditRecord {
        at_ms: 1_700_000_000_000 + rows,
        region: region(),
        key: Some("0123456789abcdef".to_owned()),
        namespace: Some("books".parse().unwrap()),
        kind: "upsert".to_owned(),
        subject: None,
        rows,
        token: Some("t".to_owned()),
        outcome: AuditOutcome::Committed,
    }
}

struct Scene {
    store: Arc<dyn ObjectStore>,
    stop: CancellationToken,
    log: AuditLog,
    task: tokio::task::JoinHandle<()>,
}

fn start(config: AuditConfig, node: u128, store: &Arc<dyn ObjectStore>) -> Scene {
    let stop = CancellationToken::new();
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let (log, task) = AuditLog::start(AuditParts {
        config,
        store: Arc::clone(store),
        region: region(),
        node: Uuid::from_u128(node),
        clock,
        shutdown: stop.clone(),
    });
    Scene {
        store: Arc::clone(store),
        stop,
        log,
        task,
    }
}

impl Scene {
    async fn end(self) -> Vec<Value> {
        self.stop.cancel();
        self.task.await.unwrap();
        lines(&self.store).await
    }
}

/// All records by key.
async fn lines(store: &Arc<dyn ObjectStore>) -> Vec<Value> {
    let mut objects: Vec<_> = store.list(None).try_collect().await.unwrap();
    objects.sort_by(|a, b| a.location.cmp(&b.location));
    let mut lines = vec![];
    for object in objects {
        AuditKey::parse(&object.location).unwrap();
        let bytes = store.get(&object.location).await.unwrap();
        let text = zstd::decode_all(bytes.bytes().await.unwrap().as_ref()).unwrap();
        let text = String::from_utf8(text).unwrap();
        lines.extend(text.lines().map(|line| serde_json::from_str(line).unwrap()));
    }
    lines
}

fn rows(lines: &[Value]) -> Vec<u64> {
    lines
        .iter()
        .map(|line| line["rows"].as_u64().unwrap())
        .collect()
}

#[tokio::test(start_paused = true)]
async fn should_store_records_in_order_and_together() {
    let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let scene = start(AuditConfig::default(), 1, &store);
    for n in 0..10_000 {
        scene.log.record(record(n)).await;
    }
    let lines = scene.end().await;
    assert_eq!(rows(&lines), (0..10_000).collect::<Vec<_>>());
    assert_eq!(
        lines[7],
        serde_json::json!({
            "time": "2023-11-14T22:13:20.007Z", "region": "use1", "key": "0123456789abcdef", "namespace": "books",
            "kind": "upsert", "rows": 7, "token": "t", "outcome": "committed",
        })
    );
    let objects: Vec<_> = store.list(None).try_collect::<Vec<_>>().await.unwrap();
    assert_eq!(objects.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn should_store_what_is_there_after_the_interval() {
    let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let scene = start(AuditConfig::default(), 1, &store);
    scene.log.record(record(1)).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(rows(&lines(&store).await), Vec::<u64>::new());
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(rows(&lines(&store).await), [1]);
    scene.end().await;
}

#[tokio::test(start_paused = true)]
async fn should_bound_the_wait_and_record_what_was_dropped() {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let faults = Faults::new(FaultPlan::quiet(1), clock);
    let store = faults.wrap(Arc::new(InMemory::new()));
    faults.set_down(true);
    let config = AuditConfig {
        queue: 2,
        ..AuditConfig::default()
    };
    let wait = config.wait;
    let scene = start(config, 1, &store);
    // the first one is not stored for now, two more wait
    scene.log.record(record(1)).await;
    tokio::time::sleep(Duration::from_mins(1)).await;
    let before = tokio::time::Instant::now();
    for n in 2..=5 {
        scene.log.record(record(n)).await;
    }
    let waited = before.elapsed();
    assert!(waited >= 2 * wait && waited <= 3 * wait, "{waited:?}");
    faults.heal();
    tokio::time::sleep(Duration::from_mins(1)).await;
    let lines = scene.end().await;
    assert_eq!(rows(&lines), [1, 2, 3, 2]);
    assert_eq!(lines[3]["kind"], "dropped");
}

#[tokio::test(start_paused = true)]
async fn should_store_records_once_whatever_the_store_answers() {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let faults = Faults::new(FaultPlan::quiet(1), clock);
    let store = faults.wrap(Arc::new(InMemory::new()));
    let scene = start(AuditConfig::default(), 1, &store);
    for fault in [
        Fault::Refuse,
        Fault::LoseReply,
        Fault::Conflict,
        Fault::Conflict,
    ] {
        faults.aim(Op::Put, AuditKey::prefix(region()), fault);
    }
    scene.log.record(record(1)).await;
    tokio::time::sleep(Duration::from_mins(1)).await;
    scene.log.record(record(2)).await;
    let lines = scene.end().await;
    assert_eq!(rows(&lines), [1, 2]);
}

#[tokio::test(start_paused = true)]
async fn should_end_in_time_where_the_store_is_gone() {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let faults = Faults::new(FaultPlan::quiet(1), clock);
    let store = faults.wrap(Arc::new(InMemory::new()));
    faults.set_down(true);
    let scene = start(AuditConfig::default(), 1, &store);
    scene.log.record(record(1)).await;
    let before = tokio::time::Instant::now();
    scene.stop.cancel();
    scene.task.await.unwrap();
    assert!(before.elapsed() < Duration::from_secs(15));
}

#[tokio::test(start_paused = true)]
async fn should_not_collide_with_another_process() {
    let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let (one, other) = (
        start(AuditConfig::default(), 1, &store),
        start(AuditConfig::default(), 2, &store),
    );
    one.log.record(record(5)).await;
    other.log.record(record(5)).await;
    other.end().await;
    assert_eq!(rows(&one.end().await), [5, 5]);
}
