//! What one client may rely on.

use crate::{Subject, clock};
use bytes::Bytes;
use futures::TryStreamExt;
use isobath_storage::{
    error::ErrorKind,
    model::{ContentHash, Namespace, Seq},
    store::{
        Store, get_suffix,
        keys::{AnyKey, Key, ManifestKey, PartKey, SegmentKey},
        kind_of, probe,
    },
};
use object_store::{GetOptions, GetRange, ObjectStoreExt, PutMode, path::Path};
use std::time::Duration;
use uuid::Uuid;

/// How much is tried.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    /// Objects that are listed.
    pub(crate) objects: usize,
    /// Bytes of the large object.
    pub(crate) large: usize,
    /// Races of 16 creates.
    pub(crate) rounds: usize,
}

impl Size {
    pub(crate) const FULL: Self = Self {
        objects: 250,
        large: 16 << 20,
        rounds: 40,
    };
    pub(crate) const SMALL: Self = Self {
        objects: 60,
        large: 4 << 20,
        rounds: 10,
    };
}

pub(crate) async fn run(subject: &Subject, size: Size) {
    let store = subject.open("suite");
    passes_the_probe(&store).await;
    keeps_every_key(&store).await;
    lists_everything(&store, size.objects).await;
    reads_ranges_of_a_large_object(&store, size.large).await;
    deletes(&store).await;
    replaces_and_uploads_in_pieces(&store).await;
    keeps_prefixes_apart(subject).await;
}

pub(crate) async fn create(
    store: &Store,
    key: &str,
    body: impl Into<Bytes>,
) -> Result<(), ErrorKind> {
    let (key, body) = (Path::from(key), body.into().into());
    let put = store.log.put_opts(&key, body, PutMode::Create.into());
    put.await.map(drop).map_err(|error| kind_of(&error))
}

pub(crate) async fn read(store: &Store, key: &str) -> Result<Bytes, ErrorKind> {
    let found = store
        .log
        .get(&Path::from(key))
        .await
        .map_err(|error| kind_of(&error))?;
    found.bytes().await.map_err(|error| kind_of(&error))
}

/// How long one get of a missing key takes, once the connection stands.
pub(crate) async fn time_of_a_get(subject: &Subject) -> Duration {
    let store = subject.open("time");
    assert_eq!(read(&store, "missing").await, Err(ErrorKind::NotFound));
    let start = clock().monotonic();
    assert_eq!(read(&store, "missing").await, Err(ErrorKind::NotFound));
    clock().monotonic().saturating_sub(start)
}

async fn list(store: &Store, prefix: &str) -> Vec<Path> {
    let listed = store.data.list(Some(&Path::from(prefix)));
    let mut keys: Vec<_> = listed
        .map_ok(|object| object.location)
        .try_collect()
        .await
        .unwrap();
    keys.sort();
    keys
}

async fn passes_the_probe(store: &Store) {
    let run = Uuid::from_u128(clock().now_ms().into());
    let report = probe(store, run).await;
    let words: Vec<_> = report.checks.iter().map(ToString::to_string).collect();
    let bad = |word: &String| !word.starts_with("ok ") && !word.contains("this process");
    assert!(!words.iter().any(bad), "{words:#?}");
    report.verdict().unwrap();
    assert_eq!(list(store, "probe").await, []);
}

/// Also those whose names need escaping.
async fn keeps_every_key(store: &Store) {
    let names = ["plain", ".", "..", "A.b_c-9", &"n".repeat(128)];
    let names = names.map(|name| name.parse::<Namespace>().unwrap());
    let hash = ContentHash::of(b"part");
    let mut keys = vec![
        SegmentKey {
            log: "eu-1/0000".parse().unwrap(),
            seq: Seq(1),
        }
        .path(),
    ];
    for namespace in names {
        keys.push(
            ManifestKey {
                namespace: namespace.clone(),
                version: 1,
            }
            .path(),
        );
        keys.push(PartKey { namespace, hash }.path());
    }
    for key in &keys {
        store.log.put(key, key.to_string().into()).await.unwrap();
    }
    let mut listed = list(store, "manifest").await;
    listed.extend(list(store, "data").await);
    listed.extend(list(store, "log").await);
    listed.sort();
    keys.sort();
    assert_eq!(listed, keys);
    for key in keys {
        assert_eq!(AnyKey::parse(&key).unwrap().path(), key);
        assert_eq!(read_path(store, &key).await, key.to_string());
    }
}

async fn read_path(store: &Store, key: &Path) -> Bytes {
    store.data.get(key).await.unwrap().bytes().await.unwrap()
}

/// Whatever order they come in, over several pages, from the start and from the middle.
async fn lists_everything(store: &Store, objects: usize) {
    let mut keys: Vec<_> = (0..objects)
        .map(|n| Path::from(format!("list/{n:05}")))
        .collect();
    // Written neither upwards nor downwards.
    let order = (0..objects).map(|n| &keys[n * 7 % objects]);
    let puts = order.map(|key| store.data.put(key, "listed".into()));
    futures::future::try_join_all(puts).await.unwrap();
    create(store, "list-of-others/1", "x").await.unwrap();
    keys.sort();
    assert_eq!(list(store, "list").await, keys);
    let middle = &keys[objects / 2];
    let after = store
        .data
        .list_with_offset(Some(&Path::from("list")), middle);
    let mut after: Vec<_> = after
        .map_ok(|object| object.location)
        .try_collect()
        .await
        .unwrap();
    after.sort();
    assert_eq!(after, keys[objects / 2 + 1..]);
    let top = store.data.list_with_delimiter(None).await.unwrap();
    assert!(
        top.common_prefixes.contains(&Path::from("list")),
        "{:?}",
        top.common_prefixes
    );
    assert_eq!(list(store, "no-such-prefix").await, []);
}

async fn reads_ranges_of_a_large_object(store: &Store, large: usize) {
    let key = Path::from("large");
    let body: Bytes = (0..=250_u8).cycle().take(large).collect();
    create(store, "large", body.clone()).await.unwrap();
    assert_eq!(read_path(store, &key).await, body);
    let end = large as u64;
    let ranges = [0..1, 100_000..300_000, end - 1..end];
    let pieces = store.data.get_ranges(&key, &ranges).await.unwrap();
    for (range, piece) in ranges.iter().zip(&pieces) {
        let (from, to) = (
            usize::try_from(range.start).unwrap(),
            usize::try_from(range.end).unwrap(),
        );
        assert_eq!(piece, &body[from..to]);
    }
    let rest = GetOptions {
        range: Some(GetRange::Offset(end - 10)),
        ..GetOptions::default()
    };
    let rest = store
        .data
        .get_opts(&key, rest)
        .await
        .unwrap()
        .bytes()
        .await
        .unwrap();
    assert_eq!(rest, body[large - 10..]);
    let (suffix, meta) = get_suffix(&*store.data, &key, 70_000).await.unwrap();
    assert_eq!((&suffix[..], meta.size), (&body[large - 70_000..], end));
    assert_eq!(store.data.head(&key).await.unwrap().size, end);
}

async fn deletes(store: &Store) {
    let kind = |result: object_store::Result<()>| result.map_err(|error| kind_of(&error));
    let missing = kind(store.data.delete(&Path::from("never/there")).await);
    assert!(
        matches!(missing, Ok(()) | Err(ErrorKind::NotFound)),
        "{missing:?}"
    );
    for body in ["one", "two"] {
        create(store, "deleted", body).await.unwrap();
        assert_eq!(
            create(store, "deleted", "other").await,
            Err(ErrorKind::Conflict)
        );
        assert_eq!(read(store, "deleted").await.unwrap(), body);
        store.data.delete(&Path::from("deleted")).await.unwrap();
        assert_eq!(read(store, "deleted").await, Err(ErrorKind::NotFound));
    }
}

async fn replaces_and_uploads_in_pieces(store: &Store) {
    let key = Path::from("pieces");
    store.data.put(&key, "old".into()).await.unwrap();
    let mut upload = store.data.put_multipart(&key).await.unwrap();
    let piece = vec![7_u8; 5 << 20];
    upload.put_part(piece.clone().into()).await.unwrap();
    upload.put_part("end".into()).await.unwrap();
    assert_eq!(
        read_path(store, &key).await,
        "old",
        "seen before it is complete"
    );
    upload.complete().await.unwrap();
    assert_eq!(read_path(store, &key).await, [&piece[..], b"end"].concat());
}

async fn keeps_prefixes_apart(subject: &Subject) {
    let (one, two) = (subject.open("apart"), subject.open("apart-too"));
    create(&one, "key", "one").await.unwrap();
    create(&two, "key", "two").await.unwrap();
    assert_eq!(list(&one, "").await, [Path::from("key")]);
    assert_eq!(read(&two, "key").await.unwrap(), "two");
}
