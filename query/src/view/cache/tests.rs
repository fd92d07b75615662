//! The cache over a bucket in memory whose requests are counted.

use super::*;
use bytes::Bytes;
use futures::future::join_all;
use isobath_storage::{
    Clock, SystemClock,
    error::ErrorKind,
    model::ContentHash,
    store::{Backend, Op, Store, StoreOptions, compose},
};
use object_store::{ObjectStoreExt, path::Path};
use std::{fs, path::PathBuf, sync::Arc};
use tempfile::TempDir;

struct Fixture {
    store: Store,
    dir: TempDir,
}

impl Fixture {
    fn new() -> Self {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let options = StoreOptions::default();
        let backend = Backend::in_memory();
        Self {
            store: compose(backend, &options, &clock, None),
            dir: tempfile::tempdir().unwrap(),
        }
    }

    fn open(&self, max_bytes: u64) -> ObjectCache {
        let store = Arc::clone(&self.store.data);
        ObjectCache::open(self.dir.path(), max_bytes, store).unwrap()
    }

    async fn object(&self, seed: u8, len: usize) -> (Path, ContentHash, Bytes) {
        let bytes: Bytes = (0..=250u8)
            .cycle()
            .take(len)
            .map(|byte| byte ^ seed)
            .collect::<Vec<_>>()
            .into();
        let hash = ContentHash::of(&bytes);
        let key = Path::from(format!("data/{hash}"));
        let payload = bytes.clone().into();
        self.store.data.put(&key, payload).await.unwrap();
        (key, hash, bytes)
    }

    fn gets(&self) -> u64 {
        self.store.data_requests.of(Op::Get)
    }

    /// The files that lie in the folder.
    fn files(&self) -> Vec<PathBuf> {
        let shelves = fs::read_dir(self.dir.path()).unwrap();
        let shelves = shelves.map(|shelf| shelf.unwrap().path());
        shelves
            .filter(|shelf| shelf.is_dir())
            .flat_map(|shelf| fs::read_dir(shelf).unwrap())
            .map(|file| file.unwrap().path())
            .collect()
    }
}

#[tokio::test]
async fn should_fetch_an_object_once_however_many_ask() {
    let fixture = Fixture::new();
    let cache = fixture.open(1 << 30);
    let (key, hash, bytes) = fixture.object(1, 9 << 20).await;
    let asked = (0..20).map(|_| cache.fetch(&key, hash, Some(bytes.len() as u64)));
    for found in join_all(asked).await {
        assert_eq!(found.unwrap().map().unwrap(), bytes);
    }
    assert_eq!(fixture.gets(), 3, "9 MiB in pieces of 4");
    let known = cache.fetch(&key, hash, None).await.unwrap();
    assert_eq!((known.len(), fixture.gets()), (9 << 20, 3));
}

#[tokio::test]
async fn should_find_out_the_length_of_an_object() {
    let fixture = Fixture::new();
    let cache = fixture.open(1 << 30);
    for len in [1, 4 << 20, (4 << 20) + 1, 10 << 20] {
        let (key, hash, bytes) = fixture.object(7, len).await;
        let found = cache.fetch(&key, hash, None).await.unwrap();
        assert_eq!(found.map().unwrap(), bytes, "{len}");
    }
}

#[tokio::test]
async fn should_keep_to_its_bound_and_spare_what_is_held() {
    let fixture = Fixture::new();
    let cache = fixture.open(2_500);
    let mut objects = vec![];
    for seed in 0..4 {
        objects.push(fixture.object(seed, 1_000).await);
    }
    let fetch = async |at: usize| {
        let (key, hash, _) = &objects[at];
        cache.fetch(key, *hash, Some(1_000)).await.unwrap()
    };
    let held = fetch(0).await.map().unwrap();
    for at in 1..4 {
        drop(fetch(at).await);
        assert!(cache.bytes() <= 2_500);
    }
    let here: Vec<bool> = objects.iter().map(|o| cache.contains(o.1)).collect();
    assert_eq!(here, [true, false, false, true]);
    assert_eq!(fixture.files().len(), 2);
    assert_eq!(held, objects[0].2);
}

#[tokio::test]
async fn should_go_on_when_its_folder_is_emptied() {
    let fixture = Fixture::new();
    let cache = fixture.open(1 << 30);
    let (key, hash, bytes) = fixture.object(1, 5_000).await;
    let mapped = cache.fetch(&key, hash, None).await.unwrap().map().unwrap();
    fs::remove_dir_all(fixture.dir.path()).unwrap();
    assert_eq!(mapped, bytes, "a mapping stays valid");
    let again = cache.fetch(&key, hash, None).await.unwrap();
    assert_eq!(again.map().unwrap(), bytes);
    assert_eq!(fixture.gets(), 2);
}

#[tokio::test]
async fn should_refuse_an_object_with_other_bytes() {
    let fixture = Fixture::new();
    let cache = fixture.open(1 << 30);
    let (key, _, _) = fixture.object(1, 5_000).await;
    let other = ContentHash::of(b"other");
    let error = cache.fetch(&key, other, None).await.unwrap_err();
    assert!(
        error.is_lost() && error.kind() == ErrorKind::Corrupt,
        "{error}"
    );
    let error = cache.fetch(&key, other, Some(4_999)).await.unwrap_err();
    assert!(error.to_string().contains("5000 bytes"), "{error}");
    let missing = Path::from("data/none");
    let error = cache.fetch(&missing, other, None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!((cache.bytes(), fixture.files().len()), (0, 0));
}

#[tokio::test]
async fn should_take_up_what_an_earlier_process_left_unless_it_is_damaged() {
    let fixture = Fixture::new();
    let (whole, torn, flipped) = (
        fixture.object(1, 5_000).await,
        fixture.object(2, 5_000).await,
        fixture.object(3, 5_000).await,
    );
    let cache = fixture.open(1 << 30);
    for (key, hash, _) in [&whole, &torn, &flipped] {
        drop(cache.fetch(key, *hash, None).await.unwrap());
    }
    drop(cache);
    let file = |hash: ContentHash| {
        let name = hash.to_string();
        fixture.dir.path().join(&name[..2]).join(name)
    };
    fs::write(file(torn.1), &torn.2[..4_000]).unwrap();
    let mut bytes = flipped.2.to_vec();
    bytes[2_500] ^= 1;
    fs::write(file(flipped.1), bytes).unwrap();
    fs::write(file(whole.1).with_extension("3.part"), b"unfinished").unwrap();
    fs::write(fixture.dir.path().join("stray"), b"?").unwrap();

    let before = fixture.gets();
    let cache = fixture.open(1 << 30);
    assert_eq!(fixture.files().len(), 3, "leftovers are gone");
    for (at, (key, hash, bytes)) in [whole, torn, flipped].into_iter().enumerate() {
        let found = cache.fetch(&key, hash, Some(5_000)).await.unwrap();
        assert_eq!(found.map().unwrap(), bytes, "{at}");
        assert_eq!(
            fixture.gets() - before,
            at as u64,
            "only the damaged are fetched"
        );
    }
}

#[tokio::test]
async fn should_keep_what_the_node_made_itself() {
    let fixture = Fixture::new();
    let cache = fixture.open(1 << 30);
    let (put, adopted) = (Bytes::from("put"), b"adopted");
    let hash = ContentHash::of(&put);
    let found = cache.put(hash, put.clone()).await.unwrap();
    assert_eq!(found.map().unwrap(), put);
    let own = tempfile::NamedTempFile::new().unwrap();
    fs::write(own.path(), adopted).unwrap();
    let hash = ContentHash::of(adopted);
    drop(cache.adopt(own.path(), hash).await.unwrap());
    let found = cache.fetch(&Path::from("data/none"), hash, Some(7)).await;
    assert_eq!(&found.unwrap().map().unwrap()[..], adopted);
    assert!(!own.path().exists());
    assert_eq!((fixture.gets(), cache.bytes()), (0, 10));
}

#[tokio::test]
async fn should_send_what_it_keeps() {
    let fixture = Fixture::new();
    let cache = fixture.open(1 << 30);
    for len in [3usize, 8 << 20, (17 << 20) + 5] {
        let bytes = Bytes::from(vec![7; len]);
        let hash = ContentHash::of(&bytes);
        let key = Path::from(format!("data/{len}"));
        let kept = cache.put(hash, bytes.clone()).await.unwrap();
        for _ in 0..2 {
            cache.upload(&key, &kept).await.unwrap();
        }
        let sent = fixture.store.data.get(&key).await.unwrap();
        assert_eq!(sent.bytes().await.unwrap(), bytes, "{len}");
    }
}

#[tokio::test]
async fn should_be_refused_while_another_uses_the_folder() {
    let fixture = Fixture::new();
    let _cache = fixture.open(1 << 20);
    let store = Arc::clone(&fixture.store.data);
    let error = ObjectCache::open(fixture.dir.path(), 1 << 20, store).unwrap_err();
    assert!(matches!(error, CacheError::InUse { .. }), "{error}");
}
