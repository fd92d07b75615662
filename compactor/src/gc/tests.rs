//! A bucket that grows old: what goes, what stays, and that what stays is all that anybody needs.

use super::{Fate, Gc, Plan, Times};
use crate::{
    scene::{Scene, usual, write_some},
    state::{Moment, PartsInMemory},
    verify::verify,
};
use isobath_storage::{
    format::Pin,
    model::{ContentHash, Namespace},
    store::keys::{AnyKey, DeadKey, Key, PartKey, PinKey},
};
use object_store::ObjectStoreExt;
use std::{sync::Arc, time::Duration};
use uuid::Uuid;

const DAY: u64 = 24 * 60 * 60 * 1_000;
const HOUR: u64 = DAY / 24;

fn gc(scene: &Scene) -> Gc {
    let times = Times {
        retention: Duration::from_hours(24),
        grace: Duration::from_mins(10),
    };
    Gc::new(
        Arc::clone(&scene.store),
        times,
        Arc::new(isobath_storage::SystemClock),
    )
}

/// The wall clock, by which the store stamps its objects.
fn now() -> u64 {
    use isobath_storage::{Clock, SystemClock};
    SystemClock.now_ms()
}

/// The usual history, with a checkpoint at its end that holds all of it.
async fn old() -> Scene {
    let mut scene = usual().await;
    scene.now_ms = now();
    scene.fold(&"a".parse().unwrap(), true).await;
    scene.checkpoint().await;
    scene
}

async fn sound(scene: &Scene) -> ContentHash {
    let parts = PartsInMemory(scene.catalog.clone());
    let report = verify(&scene.store, &parts, now()).await.unwrap();
    assert_eq!(report.damaged, []);
    report.digest.unwrap()
}

fn going(plan: &Plan) -> Vec<String> {
    let going = plan
        .verdicts
        .iter()
        .filter(|v| matches!(v.fate, Fate::Delete(_)));
    going
        .map(|verdict| verdict.key.path().to_string())
        .collect()
}

#[tokio::test]
async fn should_delete_nothing_that_is_young() {
    let scene = old().await;
    for later in [0, HOUR, 23 * HOUR] {
        let plan = gc(&scene).plan(now() + later).await.unwrap();
        assert_eq!(going(&plan), Vec::<String>::new(), "after {later} ms");
        assert!(plan.floors.is_empty());
    }
}

#[tokio::test]
async fn should_leave_what_the_newest_state_needs_and_no_more() {
    let scene = old().await;
    let digest = sound(&scene).await;
    let (gc, segments) = (gc(&scene), scene.segments.len() as u64);
    let swept = gc.run(now() + 2 * DAY).await.unwrap();
    assert_eq!(swept.floors, 1);
    assert_eq!(sound(&scene).await, digest);
    // the floor is as new as the bucket: what it covers went in no pass before it was
    let swept = gc.run(now() + 2 * DAY + HOUR).await.unwrap();
    assert_eq!(swept.objects, segments);
    assert_eq!(sound(&scene).await, digest);
    for later in 3..6 {
        gc.run(now() + later * DAY).await.unwrap();
    }
    assert_eq!(sound(&scene).await, digest);
    assert_eq!(scene.paths(".seg").await, []);
    assert_eq!(scene.paths("checkpoint/").await.len(), 1);
    let moment = Moment::open(Arc::clone(&scene.store), None).await.unwrap();
    let open = moment.checkpoint.unwrap();
    let parts: usize = scene.manifests.values().map(|m| m.parts.len()).sum();
    assert_eq!(scene.paths("/part/").await.len(), parts);
    assert_eq!(scene.paths("data/run/").await.len(), open.runs.len());
    let plan = gc.plan(now() + 9 * DAY).await.unwrap();
    assert_eq!(going(&plan), Vec::<String>::new());
    assert!(plan.renumber.is_empty() && plan.next_checkpoint.is_none() && plan.floors.is_empty());
}

#[tokio::test]
async fn should_free_the_bytes_of_a_deleted_namespace() {
    let mut scene = old().await;
    let name: Namespace = "a".parse().unwrap();
    let (mut header, mut block) = crate::scene::history::upserts(&[]);
    let request = &mut block.requests[0];
    request.declarations.clear();
    request.mutations = vec![isobath_storage::model::Mutation::Control(
        isobath_storage::model::Control::Delete,
    )];
    block.namespace = name.clone();
    header.hlc_max = isobath_storage::model::Hlc::from_millis(90_000);
    header.hlc_min = header.hlc_max;
    header.ops = 1;
    scene.write(header, vec![block]).await;
    scene.fold(&name, true).await;
    scene.checkpoint().await;
    let digest = sound(&scene).await;
    let gc = gc(&scene);
    for later in 2..4 {
        gc.run(now() + later * DAY).await.unwrap();
    }
    assert_eq!(scene.paths("data/a/").await, []);
    assert_ne!(scene.paths("data/b/").await, []);
    assert_eq!(sound(&scene).await, digest);
}

#[tokio::test]
async fn should_hold_what_a_snapshot_holds() {
    let mut scene = usual().await;
    let pin = Pin {
        checkpoint: 1,
        name: None,
        created_at_ms: now(),
        expires_at_ms: Some(now() + 20 * DAY),
    };
    let id = Uuid::from_u128(1);
    scene.catalog.create_pin(id, &pin).await.unwrap();
    let parts = PartsInMemory(scene.catalog.clone());
    let at = |store| Moment::at_checkpoint(store, 1);
    let moment = at(Arc::clone(&scene.store)).await.unwrap();
    let held = moment.digest(&parts, |_| true).await.unwrap();
    scene.now_ms = now();
    scene.fold(&"a".parse().unwrap(), true).await;
    scene.checkpoint().await;
    let gc = gc(&scene);
    for later in 2..9 {
        gc.run(now() + later * DAY).await.unwrap();
    }
    let moment = at(Arc::clone(&scene.store)).await.unwrap();
    assert_eq!(moment.digest(&parts, |_| true).await.unwrap(), held);
    let before = scene.paths("").await.len();
    for later in 21..24 {
        gc.run(now() + later * DAY).await.unwrap();
    }
    assert!(scene.paths("").await.len() < before);
    assert!(scene.store.head(&PinKey(id).path()).await.is_err());
    sound(&scene).await;
}

#[tokio::test]
async fn should_sweep_orphans_after_their_maker_lost_its_number() {
    let scene = old().await;
    let (namespace, hash) = ("a".parse::<Namespace>().unwrap(), ContentHash::of(b"x"));
    let orphans = [
        PartKey {
            namespace: namespace.clone(),
            hash,
        }
        .path(),
        DeadKey { namespace, hash }.path(),
        isobath_storage::store::keys::RunKey(hash).path(),
        isobath_storage::store::keys::MapKey(hash).path(),
    ];
    for orphan in &orphans {
        scene.put(orphan, "x".into()).await;
    }
    let digest = sound(&scene).await;
    let newest = scene.manifests[&"a".parse().unwrap()].number;
    let checkpoint = scene
        .catalog
        .newest_checkpoint()
        .await
        .unwrap()
        .unwrap()
        .number;
    let plan = gc(&scene).plan(now() + DAY + HOUR).await.unwrap();
    assert!(
        plan.next_checkpoint.is_some() && plan.renumber.len() == 1,
        "{plan:?}"
    );
    gc(&scene).run(now() + DAY + HOUR).await.unwrap();
    for orphan in &orphans {
        assert!(
            scene.store.head(orphan).await.is_err(),
            "{orphan} is still there"
        );
    }
    let numbers = scene
        .catalog
        .manifests(&"a".parse().unwrap())
        .await
        .unwrap();
    assert_eq!(numbers.last(), Some(&(newest + 1)));
    let numbers = scene.catalog.checkpoints().await.unwrap();
    assert_eq!(numbers.last(), Some(&(checkpoint + 1)));
    assert_eq!(sound(&scene).await, digest);
}

#[tokio::test]
async fn should_delete_nothing_where_what_has_to_stay_is_damaged() {
    let scene = old().await;
    let hash = scene.manifests[&"a".parse().unwrap()].parts[0].hash;
    let key = PartKey {
        namespace: "a".parse().unwrap(),
        hash,
    };
    let path = key.path();
    scene
        .damage(&path, |bytes| {
            let at = bytes.len() / 2;
            bytes[at] ^= 1;
        })
        .await;
    let before = scene.paths("").await;
    let error = gc(&scene).run(now() + 2 * DAY).await.unwrap_err();
    assert!(error.to_string().contains(path.as_ref()), "{error}");
    assert_eq!(scene.paths("").await, before);
}

#[tokio::test]
async fn should_sweep_copies_that_arrive_again_below_the_floor() {
    let scene = old().await;
    let gc = gc(&scene);
    let first = scene.paths(".seg").await.remove(0);
    let bytes = scene
        .store
        .get(&first)
        .await
        .unwrap()
        .bytes()
        .await
        .unwrap();
    for later in 2..4 {
        gc.run(now() + later * DAY).await.unwrap();
    }
    assert_eq!(scene.paths(".seg").await, []);
    scene.put(&first, bytes).await;
    let digest = sound(&scene).await;
    gc.run(now() + 4 * DAY).await.unwrap();
    assert_eq!(scene.paths(".seg").await, []);
    assert_eq!(sound(&scene).await, digest);
}

#[tokio::test]
async fn should_keep_the_log_while_a_membership_is_not_understood() {
    let scene = old().await;
    let key = isobath_storage::store::keys::ClusterKey(1).path();
    scene.put(&key, "{}".into()).await;
    let swept = gc(&scene).run(now() + 2 * DAY).await.unwrap();
    assert_eq!(swept.floors, 0);
    assert_ne!(scene.paths(".seg").await, []);
}

#[tokio::test]
async fn should_read_on_after_segments_went() {
    let mut scene = old().await;
    let gc = gc(&scene);
    for later in 2..4 {
        gc.run(now() + later * DAY).await.unwrap();
    }
    write_some(&mut scene, "b", 40).await;
    assert_eq!(scene.digest(None).await, scene.expected(|_| true));
    assert_eq!(sound(&scene).await, scene.expected(|_| true));
    let never = |verdict: &super::Verdict| {
        matches!(verdict.key, AnyKey::Floor(_)) && matches!(verdict.fate, Fate::Delete(_))
    };
    assert!(
        !gc.plan(now() + 9 * DAY)
            .await
            .unwrap()
            .verdicts
            .iter()
            .any(never)
    );
}
