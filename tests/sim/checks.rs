//! What must hold when all is well again: see the invariants of the log's design for the numbers.

use super::{
    copier,
    world::{REGIONS, World, log},
};
use isobath_compactor::{
    gc::{Gc, Times},
    state::{Moment, PartsInMemory, StateError},
};
use isobath_storage::{
    catalog::Catalog,
    model::VersionVector,
    store::keys::{Key, SegmentKey},
};
use object_store::ObjectStoreExt;
use rand::RngExt;
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::time::{Instant, sleep};

/// So long after all is well again every region has what the others had.
const CONVERGES: Duration = Duration::from_mins(1);

/// Waits until every region has applied what each had written, and checks what all of them show.
pub(crate) async fn convergence(world: &World) {
    let until = Instant::now() + CONVERGES;
    let mut goal = VersionVector::default();
    for region in world.regions() {
        let life = world.life(region).unwrap();
        goal.merge(&life.shared.seen());
    }
    for acked in world.acked.lock().iter() {
        let lost = world.lost.lock().map(log) == Some(acked.log);
        if !lost {
            goal.advance(acked.log, acked.seq);
        }
    }
    for region in world.regions() {
        let life = world.life(region).unwrap();
        while !life.shared.seen().covers(&goal) {
            let seen = life.shared.seen();
            assert!(
                Instant::now() < until,
                "I17: {} is at {seen:?}, not at {goal:?}: {:?}",
                REGIONS[region],
                life.own.role()
            );
            sleep(Duration::from_millis(200)).await;
        }
        life.check_content("in the end");
        life.check_order();
    }
    acks(world);
}

/// Every acked write is there once, wherever one looks.
fn acks(world: &World) {
    let truth = world.truth.lock();
    let lost = world.lost.lock().map(log);
    for acked in world.acked.lock().iter() {
        let found = truth.find(acked.log, acked.key);
        if lost == Some(acked.log) && !acked.twice {
            continue;
        }
        assert_eq!(
            found,
            [acked.seq],
            "I1, I12: {} of {}",
            acked.key,
            acked.log
        );
        for region in world.regions() {
            let seen = world.life(region).unwrap().shared.seen();
            let name = REGIONS[region];
            assert!(
                seen.get(acked.log) >= acked.seq,
                "I1, I13: {name} lacks {}",
                acked.key
            );
        }
    }
}

/// What the buckets hold, read as a restore reads them, now and at a moment of the past.
pub(crate) async fn buckets(world: &World) {
    let mut rng = world.rng(7);
    for region in world.regions() {
        let bucket = world.bucket(region);
        let now = Moment::open(Arc::clone(&bucket), None).await.unwrap();
        check_moment(world, region, &now, u64::MAX).await;
        let newest = now.newest().millis();
        let at = newest.saturating_sub(rng.random_range(0..60_000));
        let then = Moment::open(bucket, Some(at)).await;
        if !matches!(then, Err(StateError::NotCovered { .. })) {
            check_moment(world, region, &then.unwrap(), at).await;
        }
    }
}

async fn check_moment(world: &World, region: usize, moment: &Moment, at: u64) {
    let parts = PartsInMemory(moment.catalog().clone());
    let found = moment.digest(&parts, |_| true).await.unwrap();
    let upto = moment.positions();
    let upto: VersionVector = upto.iter().map(|(log, at)| (*log, at.seq)).collect();
    let expected = world.truth.lock().digest(&upto, at);
    assert_eq!(
        found, expected,
        "I14: the bucket of {} at {at}",
        REGIONS[region]
    );
}

/// Deletes what a bucket needs no more, twice; restarts the region's process from what is left.
pub(crate) async fn garbage(world: &World) {
    let regions = world.regions();
    let region = regions[world.rng(8).random_range(0..regions.len())];
    let life = world.life(region).unwrap();
    // copies that were sent long ago have landed: later ones would go with the next pass
    sleep(Duration::from_secs(12)).await;
    let times = Times {
        retention: Duration::from_hours(1),
        grace: Duration::from_mins(10),
    };
    let bucket = world.bucket(region);
    let gc = Gc::new(Arc::clone(&bucket), times, Arc::clone(&life.birth.clock));
    let catalog = Catalog::new(Arc::clone(&bucket));
    let mut floors = BTreeMap::new();
    for pass in 1..=2 {
        let now = world.now_ms() + pass * 3 * 3_600_000;
        let swept = gc.run(now).await.unwrap();
        world.note(&format!("{} sweeps {swept:?}", REGIONS[region]));
        if pass == 1 {
            // what they cover goes in the next pass
            floors = catalog.floors().await.unwrap();
        }
    }
    world.kill(region);
    sleep(Duration::from_secs(1)).await;
    world.launch(region).await;
    sleep(Duration::from_secs(6)).await;
    for (log, floor) in floors {
        for seq in (1..=floor.seq.0).map(isobath_storage::model::Seq) {
            let path = SegmentKey { log, seq }.path();
            let there = bucket.head(&path).await.is_ok();
            assert!(!there, "I10: {path} is there again, below the floor");
        }
        let held = copier::held(&bucket, log, floor.seq).await;
        assert!(held >= floor.seq);
    }
}
