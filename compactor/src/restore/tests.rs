//! A restored bucket holds what the source held at the moment, and goes on from there.

use super::{Progress, Restore, Restored, Watch, refuse_used};
use crate::{
    scene::{Scene, digest_of, usual, write_some},
    state::{Moment, PartsInMemory, StateError},
    verify::verify,
};
use isobath_storage::{
    catalog::Catalog,
    model::{BucketId, ClusterId, Namespace},
    store::Marker,
};
use object_store::{ObjectStore, ObjectStoreExt, memory::InMemory};
use std::sync::Arc;
use uuid::Uuid;

#[derive(Debug)]
struct Nobody;

impl Watch for Nobody {
    fn progress(&self, _: Progress) {}
}

/// Restores what `from` held at a moment into a new bucket.
async fn restore(
    from: &Arc<dyn ObjectStore>,
    at: Option<u64>,
    namespace: Option<&Namespace>,
) -> Result<(Restored, Arc<dyn ObjectStore>), StateError> {
    let to: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let restored = restore_into(from, at, namespace, &to).await?;
    Ok((restored, to))
}

async fn restore_into(
    from: &Arc<dyn ObjectStore>,
    at: Option<u64>,
    namespace: Option<&Namespace>,
    to: &Arc<dyn ObjectStore>,
) -> Result<Restored, StateError> {
    let moment = Moment::open(Arc::clone(from), at).await?;
    let order = Restore {
        moment: &moment,
        namespace,
        to: Arc::clone(to),
        region: "a".parse().unwrap(),
        cluster: ClusterId(Uuid::from_u128(5)),
        bucket: BucketId(Uuid::from_u128(6)),
        now_ms: 9,
    };
    let [source, target] = [from, to].map(|store| PartsInMemory(Catalog::new(Arc::clone(store))));
    order.run(&source, &target, &Nobody).await
}

/// What a verification of a bucket says: it must be sound.
async fn sound(store: &Arc<dyn ObjectStore>) -> isobath_storage::model::ContentHash {
    let parts = PartsInMemory(Catalog::new(Arc::clone(store)));
    let report = verify(store, &parts, 0).await.unwrap();
    assert_eq!(report.damaged, []);
    assert_eq!(report.notes, []);
    report.digest.unwrap()
}

#[tokio::test]
async fn should_restore_every_moment() {
    let scene = usual().await;
    let times: Vec<u64> = scene
        .segments
        .iter()
        .map(|s| s.header.hlc_max.millis())
        .collect();
    for at in times {
        for t in [at, at + 500] {
            let expected = scene.expected(|header| header.hlc_max.millis() <= t);
            let (restored, to) = restore(&scene.store, Some(t), None).await.unwrap();
            assert_eq!(restored.digest, expected, "at {t}");
            assert_eq!(sound(&to).await, expected, "at {t}");
        }
    }
}

#[tokio::test]
async fn should_restore_from_a_copy_of_the_log_alone() {
    let scene = usual().await;
    let copy: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    for path in scene.paths(".seg").await {
        let bytes = scene.store.get(&path).await.unwrap().bytes().await.unwrap();
        copy.put(&path, bytes.into()).await.unwrap();
    }
    let (restored, to) = restore(&copy, None, None).await.unwrap();
    assert_eq!(restored.digest, scene.expected(|_| true));
    assert_eq!(sound(&to).await, restored.digest);
    let first = scene.paths(".seg").await.remove(0);
    copy.delete(&first).await.unwrap();
    let error = restore(&copy, None, None).await.unwrap_err();
    assert!(matches!(error, StateError::NotCovered { .. }), "{error}");
}

#[tokio::test]
async fn should_restore_one_namespace() {
    let scene = usual().await;
    for name in ["a", "b", "c"] {
        let name: Namespace = name.parse().unwrap();
        let (restored, to) = restore(&scene.store, None, Some(&name)).await.unwrap();
        let moment = Moment::open(Arc::clone(&to), None).await.unwrap();
        assert_eq!(moment.names(), [name.clone()].into());
        assert_eq!(sound(&to).await, restored.digest);
    }
    let missing = restore(&scene.store, None, Some(&"nobody".parse().unwrap())).await;
    assert!(matches!(missing.unwrap_err(), StateError::Invalid(_)));
}

#[tokio::test]
async fn should_restore_what_was_restored_and_written_to() {
    let scene = usual().await;
    let (first, to) = restore(&scene.store, None, None).await.unwrap();
    let marker = Marker::read_in(&*to).await.unwrap().unwrap();
    assert_eq!(
        (marker.region.as_str(), marker.bucket.0),
        ("a", Uuid::from_u128(6))
    );
    let mut second = Scene::new();
    second.store = Arc::clone(&to);
    second.catalog = Catalog::new(Arc::clone(&to));
    second.positions = first.logs;
    write_some(&mut second, "d", 1).await;
    let (again, last) = restore(&to, None, None).await.unwrap();
    assert_ne!(again.digest, first.digest);
    assert_eq!(digest_of(&last, None).await, again.digest);
}

#[tokio::test]
async fn should_restore_a_checkpoint_whose_log_is_gone() {
    let scene = usual().await;
    let expected = Moment::at_checkpoint(Arc::clone(&scene.store), 1)
        .await
        .unwrap();
    let parts = PartsInMemory(scene.catalog.clone());
    let expected = expected.digest(&parts, |_| true).await.unwrap();
    for path in scene.paths(".seg").await {
        scene.store.delete(&path).await.unwrap();
    }
    let moment = Moment::at_checkpoint(Arc::clone(&scene.store), 1)
        .await
        .unwrap();
    assert_eq!(moment.digest(&parts, |_| true).await.unwrap(), expected);
    assert_eq!(expected, scene.expected(|header| header.seq.0 <= 6));
}

#[tokio::test]
async fn should_refuse_a_target_that_is_not_empty() {
    let scene = usual().await;
    let error = refuse_used(&*scene.store).await.unwrap_err();
    assert!(error.to_string().contains("interrupted"), "{error}");
    let (_, to) = restore(&scene.store, None, None).await.unwrap();
    let error = refuse_used(&*to).await.unwrap_err();
    assert!(error.to_string().contains("in use"), "{error}");
    let other: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    other.put(&"photo.jpg".into(), "x".into()).await.unwrap();
    let error = refuse_used(&*other).await.unwrap_err();
    assert!(error.to_string().contains("photo.jpg"), "{error}");
}

#[tokio::test]
async fn should_not_restore_damage() {
    let usual_paths = usual().await;
    for kind in ["part/", "data/run", "data/map", "dead/", ".seg"] {
        for at in 0..usual_paths.paths(kind).await.len() {
            let scene = usual().await;
            let path = scene.paths(kind).await.remove(at);
            scene
                .damage(&path, |bytes| {
                    let at = bytes.len() / 2;
                    bytes[at] ^= 1;
                })
                .await;
            match restore(&scene.store, None, None).await {
                // what nothing needs any more may be damaged
                Ok((restored, _)) => assert_eq!(restored.digest, scene.expected(|_| true)),
                Err(error) => assert!(error.to_string().contains(path.as_ref()), "{error}"),
            }
        }
    }
}

#[tokio::test]
async fn should_leave_no_bucket_behind_when_it_is_interrupted() {
    let scene = usual().await;
    let path = scene.paths(".seg").await.pop().unwrap();
    scene.damage(&path, |bytes| bytes[200] ^= 1).await;
    let to: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    restore_into(&scene.store, Some(8_500), None, &to)
        .await
        .unwrap();
    let to: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    assert!(restore_into(&scene.store, None, None, &to).await.is_err());
    assert!(Marker::read_in(&*to).await.unwrap().is_none());
}

#[tokio::test]
async fn should_give_a_new_region_the_state_of_another() {
    let mut scene = usual().await;
    scene.fold(&"a".parse().unwrap(), true).await;
    scene.checkpoint().await;
    let to: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let copied = super::bootstrap(&scene.store, &to).await.unwrap();
    assert!(copied > 0);
    assert_eq!(digest_of(&to, None).await, scene.expected(|_| true));
    let floors = Catalog::new(Arc::clone(&to)).floors().await.unwrap();
    for (log, position) in &scene.positions {
        assert_eq!(floors[log].seq, position.seq);
    }
    // what an interrupted call left is no obstacle
    super::bootstrap(&scene.store, &to).await.unwrap();
    assert_eq!(digest_of(&to, None).await, scene.expected(|_| true));
    let empty: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    assert_eq!(super::bootstrap(&empty, &to).await.unwrap(), 0);
}
