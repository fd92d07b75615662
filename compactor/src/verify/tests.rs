//! Verification names what is damaged, and nothing else.

use super::{Report, verify};
use crate::{
    scene::{Scene, usual, write_some},
    state::PartsInMemory,
};
use object_store::{ObjectStoreExt, path::Path};

async fn report(scene: &Scene) -> Report {
    let parts = PartsInMemory(scene.catalog.clone());
    verify(&scene.store, &parts, 0).await.unwrap()
}

/// What a verification finds after one object was changed; its path.
async fn after(kind: &str, change: impl FnOnce(&mut Vec<u8>)) -> (Path, Report) {
    let scene = usual().await;
    let path = scene.paths(kind).await.remove(0);
    scene.damage(&path, change).await;
    (path, report(&scene).await)
}

async fn without(scene: &Scene, path: &Path) -> Report {
    scene.store.delete(path).await.unwrap();
    report(scene).await
}

#[tokio::test]
async fn should_find_nothing_wrong_with_a_sound_bucket() {
    let scene = usual().await;
    let report = report(&scene).await;
    assert_eq!(report.damaged, []);
    assert_eq!(report.digest, Some(scene.expected(|_| true)));
    // the marker alone is missing
    assert_eq!(report.notes.len(), 1, "{:?}", report.notes);
}

#[tokio::test]
async fn should_name_an_object_with_a_flipped_bit() {
    for kind in [
        "part/",
        "manifest/",
        "checkpoint/",
        "data/run",
        "data/map",
        "dead/",
        ".seg",
    ] {
        let (path, report) = after(kind, |bytes| {
            let at = bytes.len() / 2;
            bytes[at] ^= 4;
        })
        .await;
        let named: Vec<_> = report.damaged.iter().map(|found| &found.key).collect();
        assert!(named.contains(&&path.to_string()), "{path}: {named:?}");
        assert_eq!(report.digest, None);
    }
}

#[tokio::test]
async fn should_name_an_object_that_is_cut_off() {
    for kind in [
        "part/",
        "manifest/",
        "checkpoint/",
        "data/run",
        "data/map",
        "dead/",
        ".seg",
    ] {
        let (path, report) = after(kind, |bytes| bytes.truncate(bytes.len() - 9)).await;
        let named: Vec<_> = report.damaged.iter().map(|found| &found.key).collect();
        assert!(named.contains(&&path.to_string()), "{path}: {named:?}");
    }
}

#[tokio::test]
async fn should_name_a_missing_object() {
    for kind in ["part/", "manifest/a", "data/run", "data/map", "dead/"] {
        let scene = usual().await;
        let path = scene.paths(kind).await.remove(0);
        let report = without(&scene, &path).await;
        // an old manifest and what only it refers to may be gone
        let old = kind == "manifest/a" && report.damaged.is_empty();
        let named = report
            .damaged
            .iter()
            .any(|found| found.key == path.to_string());
        assert!(named || old, "{path}: {:?}", report.damaged);
    }
}

#[tokio::test]
async fn should_name_a_hole_in_a_log() {
    let count = usual().await.segments.len();
    for at in 0..count - 1 {
        let scene = usual().await;
        let path = scene.paths(".seg").await.remove(at);
        let report = without(&scene, &path).await;
        let [found] = &report.damaged[..] else {
            panic!("segment {at}: {:?}", report.damaged);
        };
        assert_eq!(found.key, path.to_string());
    }
}

#[tokio::test]
async fn should_take_creates_in_flight_for_what_they_are() {
    let mut scene = usual().await;
    let seen = scene.seen();
    for _ in 0..3 {
        write_some(&mut scene, "a", 7).await;
    }
    // three creates in flight know of nothing after what was acked before them
    let last = scene.paths(".seg").await;
    let last = &last[last.len() - 3..];
    let mut rewritten = scene.segments[scene.segments.len() - 3..].to_vec();
    for (path, segment) in last.iter().zip(&mut rewritten) {
        segment.header.seen = seen.clone();
        let bytes = isobath_storage::format::segment::encode(segment).unwrap();
        scene.damage(path, |old| *old = bytes.to_vec()).await;
    }
    let report = without(&scene, &last[0]).await;
    assert_eq!(report.damaged, []);
    let noted = report
        .notes
        .iter()
        .any(|note| note.key == last[0].to_string());
    assert!(noted, "{:?}", report.notes);
}

#[tokio::test]
async fn should_find_a_segment_that_was_replaced() {
    let scene = usual().await;
    let paths = scene.paths(".seg").await;
    let mut other = scene.segments[2].clone();
    other.header.nonce.0 += 1;
    let bytes = isobath_storage::format::segment::encode(&other).unwrap();
    scene.damage(&paths[2], |old| *old = bytes.to_vec()).await;
    let report = report(&scene).await;
    let [found] = &report.damaged[..] else {
        panic!("{:?}", report.damaged);
    };
    assert!(found.what.contains("another history"), "{found:?}");
}

#[tokio::test]
async fn should_name_a_missing_or_damaged_file_of_an_index() {
    use isobath_storage::{
        format::{BuiltFile, BuiltIndex},
        model::ContentHash,
        store::keys::{IndexFile, IndexKey, Key},
    };
    for lost in [false, true] {
        let scene = usual().await;
        let namespace = "a".parse().unwrap();
        let part = scene.manifests[&namespace].parts[0].hash;
        let hash = ContentHash::of(b"codes");
        let key = IndexKey {
            namespace,
            part,
            params: hash,
            file: IndexFile::Meta,
        };
        let index = BuiltIndex {
            part,
            of: String::new(),
            files: vec![BuiltFile { hash, bytes: 5 }],
            about: "codes".into(),
        };
        scene.put(&key.path(), index.encode().unwrap()).await;
        let file = key.with_file(IndexFile::Data(hash)).path();
        scene.put(&file, "codes".into()).await;
        assert_eq!(report(&scene).await.damaged, []);
        let report = if lost {
            without(&scene, &file).await
        } else {
            scene.damage(&file, |bytes| bytes[2] ^= 1).await;
            report(&scene).await
        };
        let [found] = &report.damaged[..] else {
            panic!("{:?}", report.damaged);
        };
        assert_eq!(found.key, file.to_string());
    }
}
