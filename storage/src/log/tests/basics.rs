//! Single promises of the log, without faults or with one.

use super::region::SimRegion;
use crate::log::{AppendError, Role};
use crate::model::{SegmentKind, Seq};
use crate::store::{FaultPlan, Op, StoreOptions, ThrottleOptions};
use futures::future::join_all;
use isobath_config::LogConfig;
use std::{sync::Arc, time::Duration};
use tokio::time::{Instant, sleep, timeout};

const SECOND: Duration = Duration::from_secs(1);

fn quiet() -> FaultPlan {
    FaultPlan::quiet(1)
}

#[tokio::test(start_paused = true)]
async fn should_ack_what_is_applied_and_durable() {
    let region = SimRegion::new(1);
    let node = region.launch("a", &quiet());
    let committed = node.write(7).await.unwrap();
    assert_eq!(committed.counts.deleted, Some(1));
    assert_eq!(node.handle.applied(), committed.stamp.seq);
    let live = region.live().await;
    let last = live.last().unwrap();
    assert_eq!(
        (last.header.seq, last.header.kind),
        (Seq(9), SegmentKind::Data)
    );
    assert_eq!(last.header.stamp(0), committed.stamp);
    assert!(matches!(node.handle.role(), Role::Owner { .. }));
}

#[tokio::test(start_paused = true)]
async fn should_answer_a_repeat_with_the_first_outcome() {
    let region = SimRegion::new(1);
    let node = region.launch("a", &quiet());
    let both = tokio::join!(node.write(7), node.write(7));
    let first = both.0.unwrap();
    assert_eq!(first, both.1.unwrap());
    assert_eq!(first, node.write(7).await.unwrap());
    assert_eq!(node.ledger.0.lock().applied.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn should_send_writes_on_to_the_owner() {
    let region = SimRegion::new(1);
    region.launch("a", &quiet());
    let owner = region.owner().await;
    let node = region.launch("b", &quiet());
    sleep(SECOND).await;
    let error = node.write(7).await.unwrap_err();
    assert!(matches!(error, AppendError::NotOwner { address: Some(a) } if a == owner));
}

#[tokio::test(start_paused = true)]
async fn should_show_every_process_what_was_acked_before_a_strong_read() {
    let region = SimRegion::new(1);
    let a = region.launch("a", &quiet());
    region.owner().await;
    let b = region.launch("b", &quiet());
    sleep(60 * SECOND).await;
    for key in 0..50 {
        let committed = a.write(key).await.unwrap();
        assert!(b.handle.barrier().await.unwrap() >= committed.stamp.seq);
        assert!(a.handle.barrier().await.unwrap() >= committed.stamp.seq);
        assert_eq!(b.ledger.0.lock().applied, a.ledger.0.lock().applied);
    }
}

#[tokio::test(start_paused = true)]
async fn should_pay_one_put_and_one_get_a_commit_and_no_list() {
    let region = SimRegion::new(1);
    let options = StoreOptions {
        throttle: ThrottleOptions {
            latency: Duration::from_millis(5),
            ..ThrottleOptions::default()
        },
        ..StoreOptions::default()
    };
    let owner = region.launch_with("a", &quiet(), options, LogConfig::default());
    owner.write(1).await.unwrap();
    let follower = region.launch_with("b", &quiet(), options, LogConfig::default());
    sleep(SECOND).await;
    let count = |op| {
        (
            owner.store.log_requests.of(op),
            follower.store.log_requests.of(op),
        )
    };
    let before = [Op::Put, Op::Get, Op::List].map(count);
    for key in 2..102 {
        owner.write(key).await.unwrap();
    }
    let after = [Op::Put, Op::Get, Op::List].map(count);
    assert_eq!(after[0].0 - before[0].0, 100);
    assert!(after[1].0 - before[1].0 <= 100);
    assert_eq!(after[2], before[2]);
    assert_eq!(after[0].1, before[0].1);
}

/// How long `writers` take for `each` writes in a row, at 5 ms a request.
async fn time_of(writers: u128, each: u128) -> Duration {
    let region = SimRegion::new(1);
    let options = StoreOptions {
        throttle: ThrottleOptions {
            latency: Duration::from_millis(5),
            ..ThrottleOptions::default()
        },
        ..StoreOptions::default()
    };
    let node = region.launch_with("a", &quiet(), options, LogConfig::default());
    region.owner().await;
    let start = Instant::now();
    let write = |writer| {
        let node = node.clone();
        async move {
            for i in 0..each {
                node.write(writer * 1_000 + i).await.unwrap();
            }
        }
    };
    join_all((0..writers).map(write)).await;
    start.elapsed()
}

#[tokio::test(start_paused = true)]
async fn should_commit_the_writes_of_several_writers_together() {
    let (one, four) = (time_of(1, 100).await, time_of(4, 100).await);
    assert!(
        four * 3 < one * 4,
        "100 writes took {one:?}, 400 by four writers {four:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn should_take_over_when_the_owner_is_killed() {
    let region = SimRegion::new(3);
    let a = region.launch("a", &quiet());
    a.write(1).await.unwrap();
    let b = region.launch("b", &quiet());
    sleep(SECOND).await;
    a.kill();
    let killed = Instant::now();
    loop {
        match b.write(2).await {
            Ok(_) => break,
            Err(AppendError::NotOwner { .. }) => sleep(Duration::from_millis(50)).await,
            Err(error) => panic!("{error}"),
        }
    }
    assert!(killed.elapsed() < 5 * SECOND, "{:?}", killed.elapsed());
    assert_eq!(b.ledger.0.lock().applied.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn should_hand_over_at_once_when_the_owner_leaves() {
    let region = SimRegion::new(3);
    let a = region.launch("a", &quiet());
    a.write(1).await.unwrap();
    let b = region.launch("b", &quiet());
    sleep(SECOND).await;
    a.shutdown.cancel();
    let left = Instant::now();
    while !matches!(b.handle.role(), Role::Owner { .. }) {
        sleep(Duration::from_millis(10)).await;
    }
    assert!(left.elapsed() < SECOND, "{:?}", left.elapsed());
    assert!(matches!(a.write(2).await, Err(AppendError::Stopped(_))));
}

#[tokio::test(start_paused = true)]
async fn should_let_a_frozen_owner_ack_only_what_precedes_the_newer_fence() {
    let region = SimRegion::new(5);
    let a = region.launch("a", &quiet());
    a.write(1).await.unwrap();
    let b = region.launch("b", &quiet());
    sleep(SECOND).await;
    let writes = (2..40).map(|key| {
        let a = a.clone();
        tokio::spawn(async move { (key, a.write(key).await) })
    });
    let writes: Vec<_> = writes.collect();
    tokio::task::yield_now().await;
    a.gate.set(false);
    sleep(5 * SECOND).await;
    assert!(matches!(b.handle.role(), Role::Owner { .. }));
    let newer = b.write(100).await.unwrap();
    sleep(4 * SECOND).await;
    a.gate.set(true);
    for write in writes {
        match write.await.unwrap() {
            (key, Ok(committed)) => {
                assert!(committed.stamp.seq < newer.stamp.seq);
                assert!(b.ledger.0.lock().holds(crate::model::IdempotencyKey(key)));
            }
            (_, Err(AppendError::NotOwner { address })) => {
                assert_eq!(address.as_deref(), Some("b"));
            }
            (_, Err(error)) => panic!("{error}"),
        }
    }
    assert!(matches!(
        a.write(101).await,
        Err(AppendError::NotOwner { .. })
    ));
}

#[tokio::test(start_paused = true)]
async fn should_hold_writes_for_some_time_when_the_store_is_out_of_reach() {
    let region = SimRegion::new(7);
    let node = region.launch("a", &quiet());
    region.owner().await;
    node.faults.set_down(true);
    let (first, second) = tokio::join!(node.write(1), async {
        sleep(SECOND).await;
        node.write(2).await
    });
    assert!(matches!(first, Err(AppendError::Unknown)));
    assert!(matches!(second, Err(AppendError::Unavailable(_))));
    node.faults.set_down(false);
    node.write(3).await.unwrap();
    assert!(node.write(1).await.is_ok());
    assert!(!node.ledger.0.lock().holds(crate::model::IdempotencyKey(2)));
}

#[tokio::test(start_paused = true)]
async fn should_outlast_a_store_that_is_away_for_long() {
    let region = SimRegion::new(8);
    let a = region.launch("a", &quiet());
    let b = region.launch("b", &quiet());
    region.owner().await;
    a.faults.set_down(true);
    b.faults.set_down(true);
    sleep(3_600 * SECOND).await;
    let struck = a.faults.struck() + b.faults.struck();
    assert!(struck < 20_000, "{struck} requests in an hour");
    a.faults.set_down(false);
    b.faults.set_down(false);
    sleep(20 * SECOND).await;
    let owner = region.process(&region.owner().await).unwrap();
    owner.write(1).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn should_stay_quiet_when_idle() {
    let region = SimRegion::new(9);
    let a = region.launch("a", &quiet());
    a.write(1).await.unwrap();
    let b = region.launch("b", &quiet());
    sleep(2 * 3_600 * SECOND).await;
    let count = |op| a.store.log_requests.of(op) + b.store.log_requests.of(op);
    let before = [Op::Put, Op::Get, Op::List].map(count);
    sleep(600 * SECOND).await;
    let after = [Op::Put, Op::Get, Op::List].map(count);
    assert!(
        after[0] - before[0] <= 3,
        "{} heartbeats in 10 minutes",
        after[0] - before[0]
    );
    assert!(
        after[1] - before[1] <= 120,
        "{} reads in 10 minutes",
        after[1] - before[1]
    );
    assert_eq!(after[2], before[2]);
    let caught_up = timeout(SECOND, b.handle.barrier()).await.unwrap().unwrap();
    assert_eq!(caught_up, a.handle.applied());
    assert!(Arc::strong_count(&region) > 0);
}
