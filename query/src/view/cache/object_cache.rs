//! [`ObjectCache`]: immutable objects of the bucket as local files.

use super::{
    CacheError, CachedFile,
    download::{Pieces, damaged, download},
    entries::{Entries, Known},
    folder::{Folder, Unfinished, hash_of},
};
use crate::metrics::{CACHE_BYTES, CACHE_EVICTED_BYTES, CACHE_FETCHED_BYTES, CACHE_LOOKUPS};
use bytes::Bytes;
use isobath_storage::model::ContentHash;
use object_store::{ObjectStore, path::Path as Key};
use parking_lot::Mutex;
use std::{
    collections::HashMap,
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::{Arc, Weak},
};
use tokio::sync::Mutex as Turn;

/// Immutable objects of the bucket as local files, at most so many bytes of them.
///
/// Needs to be used within a tokio runtime; what takes long is done on its threads for blocking work.
#[derive(Debug)]
pub struct ObjectCache {
    folder: Folder,
    max_bytes: u64,
    store: Arc<dyn ObjectStore>,
    entries: Mutex<Entries>,
    /// Of each object that is being fetched whose turn it is.
    flights: Mutex<HashMap<ContentHash, Weak<Turn<()>>>>,
    pieces: Pieces,
}

impl ObjectCache {
    /// Keeps objects of `store` in the folder `dir`, of which nobody else may make use; what is there already is
    /// used, leftovers are deleted. Blocks for as long as it takes to list the folder.
    pub fn open(
        dir: &Path,
        max_bytes: u64,
        store: Arc<dyn ObjectStore>,
    ) -> Result<Self, CacheError> {
        let folder = Folder::open(dir)?;
        let mut entries = Entries::default();
        for (hash, bytes) in folder.scan()? {
            drop(entries.insert(hash, bytes, false));
        }
        let cache = Self {
            folder,
            max_bytes,
            store,
            entries: Mutex::new(entries),
            flights: Mutex::default(),
            pieces: Pieces::default(),
        };
        cache.make_room(0);
        Ok(cache)
    }

    /// The object at `key`, whose bytes have this hash and, where known, this length: from the folder, or else
    /// fetched. However many ask for it at a time, it is fetched once.
    pub async fn fetch(
        &self,
        key: &Key,
        hash: ContentHash,
        bytes: Option<u64>,
    ) -> Result<CachedFile, CacheError> {
        if let Some(found) = self.checked(hash) {
            return Ok(found);
        }
        let turn = self.turn(hash);
        let _turn = turn.lock().await;
        if let Some(found) = self.checked(hash) {
            return Ok(found);
        }
        if let Some(found) = self.left_by_another(hash).await {
            count(true);
            return Ok(found);
        }
        count(false);
        let (unfinished, file) = self.folder.create(hash)?;
        self.make_room(bytes.unwrap_or(0));
        let file = Arc::new(file);
        let bytes = download(&self.store, &self.pieces, key, bytes, &file).await?;
        metrics::counter!(CACHE_FETCHED_BYTES).increment(bytes);
        let file = Arc::into_inner(file).ok_or_else(|| damaged(key, "it is in use".into()))?;
        let (found, file) = hashed(file, unfinished.path()).await?;
        if found != hash {
            return Err(damaged(key, format!("the hash of its bytes is {found}")));
        }
        self.finish(unfinished, file, hash, bytes).await
    }

    /// Keeps an object that this node made itself, so that it need not be fetched.
    pub async fn put(&self, hash: ContentHash, bytes: Bytes) -> Result<CachedFile, CacheError> {
        let (unfinished, file) = self.folder.create(hash)?;
        let length = bytes.len() as u64;
        let path = unfinished.path().to_owned();
        let write = move || {
            (&file)
                .write_all(&bytes)
                .map(|()| file)
                .map_err(CacheError::disk("write", path))
        };
        let file = blocking(write).await?;
        self.finish(unfinished, file, hash, length).await
    }

    /// Moves a file that this node made itself into the cache; its bytes have this hash.
    pub async fn adopt(&self, path: &Path, hash: ContentHash) -> Result<CachedFile, CacheError> {
        let (unfinished, target) = self.folder.create(hash)?;
        let (from, to) = (path.to_owned(), unfinished.path().to_owned());
        let moved = move || {
            // the two may lie on different disks
            if fs::rename(&from, &to).is_err() {
                drop(target);
                fs::copy(&from, &to)
                    .and_then(|_| fs::remove_file(&from))
                    .map_err(CacheError::disk("move", &from))?;
            }
            let file = File::open(&to).map_err(CacheError::disk("open", &to))?;
            let length = file.metadata().map_err(CacheError::disk("look at", &to))?;
            Ok((file, length.len()))
        };
        let (file, length) = blocking(moved).await?;
        self.finish(unfinished, file, hash, length).await
    }

    /// Gives up objects that nothing here refers to any more: their files are deleted once nobody uses them, by
    /// [`Self::sweep`]. One that is fetched again before stays.
    pub fn release(&self, hashes: impl IntoIterator<Item = ContentHash>) {
        self.entries.lock().release(hashes);
        self.sweep();
    }

    /// Deletes what was given up and is in use no more. Cheap where there is nothing.
    pub fn sweep(&self) {
        let mut entries = self.entries.lock();
        let unheld = entries.unheld();
        if unheld.is_empty() {
            return;
        }
        for hash in unheld {
            // under the lock: a file of the same name may come back right after
            delete(&self.folder.file(hash));
            entries.remove(hash);
        }
        drop(entries);
        self.measure();
    }

    /// Whether the object is here, as far as one knows without looking at its bytes.
    pub fn contains(&self, hash: ContentHash) -> bool {
        self.entries.lock().contains(hash)
    }

    /// The bytes of all files.
    pub fn bytes(&self) -> u64 {
        self.entries.lock().bytes()
    }

    pub(super) fn store(&self) -> &Arc<dyn ObjectStore> {
        &self.store
    }

    /// The file, if it is here and was compared with its hash already.
    fn checked(&self, hash: ContentHash) -> Option<CachedFile> {
        let known = self.entries.lock().touch(hash)?;
        if !known.checked {
            return None;
        }
        let found = self.open_file(hash, known);
        if found.is_some() {
            count(true);
        }
        found
    }

    /// The file, if an earlier process left it and it is undamaged.
    async fn left_by_another(&self, hash: ContentHash) -> Option<CachedFile> {
        let known = self.entries.lock().touch(hash)?;
        let lease = known.lease.clone();
        let CachedParts { path, file, bytes } = self.open_parts(hash, &known)?;
        match hashed(file, &path).await {
            Ok((found, file)) if found == hash => {
                self.entries.lock().note_checked(hash);
                Some(CachedFile::new(path, file, bytes, lease))
            }
            outcome => {
                let error = outcome.err().map(|error| error.to_string());
                tracing::warn!(file = %path.display(), error, "a damaged file is fetched again");
                self.forget(hash);
                None
            }
        }
    }

    fn open_file(&self, hash: ContentHash, known: Known) -> Option<CachedFile> {
        let CachedParts { path, file, bytes } = self.open_parts(hash, &known)?;
        Some(CachedFile::new(path, file, bytes, known.lease))
    }

    /// Opens a file; one that is missing or has another length is forgotten.
    fn open_parts(&self, hash: ContentHash, known: &Known) -> Option<CachedParts> {
        let path = self.folder.file(hash);
        let opened = File::open(&path).and_then(|file| Ok((file.metadata()?.len(), file)));
        match opened {
            Ok((bytes, file)) if bytes == known.bytes => Some(CachedParts { path, file, bytes }),
            _ => {
                self.forget(hash);
                None
            }
        }
    }

    /// Puts a file, which is whole now, under its final name.
    async fn finish(
        &self,
        unfinished: Unfinished,
        file: File,
        hash: ContentHash,
        bytes: u64,
    ) -> Result<CachedFile, CacheError> {
        self.make_room(bytes);
        let path = self.folder.file(hash);
        let to = path.clone();
        let file = blocking(move || unfinished.finish(&to).map(|()| file)).await?;
        let lease = self.entries.lock().insert(hash, bytes, true);
        self.measure();
        Ok(CachedFile::new(path, file, bytes, lease))
    }

    /// Deletes what was used least recently, so that `coming` more bytes fit.
    fn make_room(&self, coming: u64) {
        let mut entries = self.entries.lock();
        let before = entries.bytes();
        for hash in entries.victims(coming, self.max_bytes) {
            // under the lock: a file of the same name may come back right after
            delete(&self.folder.file(hash));
            entries.remove(hash);
        }
        let evicted = before - entries.bytes();
        drop(entries);
        metrics::counter!(CACHE_EVICTED_BYTES).increment(evicted);
        self.measure();
    }

    fn forget(&self, hash: ContentHash) {
        let mut entries = self.entries.lock();
        delete(&self.folder.file(hash));
        entries.remove(hash);
    }

    fn turn(&self, hash: ContentHash) -> Arc<Turn<()>> {
        let mut flights = self.flights.lock();
        flights.retain(|_, turn| turn.strong_count() > 0);
        if let Some(turn) = flights.get(&hash).and_then(Weak::upgrade) {
            return turn;
        }
        let turn = Arc::new(Turn::new(()));
        flights.insert(hash, Arc::downgrade(&turn));
        turn
    }

    fn measure(&self) {
        #[expect(clippy::cast_precision_loss, reason = "a gauge needs no last digits")]
        metrics::gauge!(CACHE_BYTES).set(self.bytes() as f64);
    }
}

/// A file that was opened.
struct CachedParts {
    path: PathBuf,
    file: File,
    bytes: u64,
}

/// The hash of a file's bytes.
async fn hashed(mut file: File, path: &Path) -> Result<(ContentHash, File), CacheError> {
    let path = path.to_owned();
    blocking(move || {
        let hash = hash_of(&mut file).map_err(CacheError::disk("read", path))?;
        Ok((hash, file))
    })
    .await
}

/// Runs what blocks where it may.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, CacheError> + Send + 'static,
) -> Result<T, CacheError> {
    let outcome = tokio::task::spawn_blocking(work).await;
    outcome.unwrap_or_else(|error| Err(CacheError::disk("work on", "a file")(error.into())))
}

fn delete(path: &Path) {
    if let Err(error) = fs::remove_file(path)
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!(file = %path.display(), %error, "a cached file could not be deleted");
    }
}

fn count(found: bool) {
    let found = if found { "true" } else { "false" };
    metrics::counter!(CACHE_LOOKUPS, "found" => found).increment(1);
}
