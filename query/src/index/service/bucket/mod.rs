//! Indexes that all nodes share: built once by who claims it, published to the bucket, fetched by everybody else.
//!
//! An index of a part is called by (part, attribute, parameters, *generation*). Builds are not reproducible: a
//! published index of which a file is missing or damaged cannot be made whole again. Who finds one so goes on to
//! the next generation, finds the index there or builds it; nodes that have all files keep using the one they have.

mod identity;
mod turn;

pub(super) use identity::Identity;
pub(super) use turn::Turn;

use crate::{
    index::{FileRef, IndexError},
    metrics::INDEX_FETCHES,
    view::{CacheError, CachedFile, ObjectCache},
};
use bytes::Bytes;
use futures::{TryStreamExt, stream, stream::StreamExt as _};
use isobath_storage::{
    Clock,
    catalog::Indexes,
    format::{BuiltFile, BuiltIndex},
    model::{ContentHash, Namespace},
    store::keys::{IndexFile, IndexKey, Key},
};
use object_store::ObjectStore;
use parking_lot::Mutex;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::Arc,
};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Generations of one index that are looked at; each one more was lost.
const GENERATIONS: u32 = 16;
/// Files of one index that are fetched or sent at a time.
pub(super) const FILES_AT_ONCE: usize = 3;

/// The bucket that the indexes of all nodes lie in.
#[derive(Debug, Clone)]
pub struct IndexBucket {
    /// The bucket.
    pub store: Arc<dyn ObjectStore>,
    /// Where its objects lie on this node.
    pub cache: Arc<ObjectCache>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// What requests are sent on.
    pub runtime: Handle,
    /// What this process is called in claims.
    pub node: Uuid,
    /// Whether this node builds what is missing; otherwise it waits until others have.
    pub builds: bool,
    /// Whether it searches; otherwise nothing is coded here. A node that does neither fetches no index: it only looks
    /// whether one is there.
    pub searches: bool,
}

/// The files of an index, by their names.
pub(super) type IndexFiles = BTreeMap<ContentHash, Bytes>;

/// Where an index stands.
#[derive(Debug)]
pub(super) enum Look {
    /// It was found, and opened.
    Found,
    /// There is none of this generation.
    Absent(u32),
}

/// The bucket as the service uses it.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) bucket: IndexBucket,
    pub(super) indexes: Indexes,
    /// By namespace and part the files that were fetched for it.
    files: Mutex<PartFiles>,
    /// Ends requests when the service ends.
    stop: CancellationToken,
}

/// By namespace and part the files of its indexes.
type PartFiles = BTreeMap<Namespace, BTreeMap<Arc<str>, BTreeSet<ContentHash>>>;

impl Shared {
    pub(super) fn new(bucket: IndexBucket) -> Self {
        Self {
            indexes: Indexes::new(Arc::clone(&bucket.store)),
            bucket,
            files: Mutex::default(),
            stop: CancellationToken::new(),
        }
    }

    /// Ends all requests, now and later.
    pub(super) fn close(&self) {
        self.stop.cancel();
    }

    /// Whether this node only looks which indexes are there.
    pub(super) fn only_looks(&self) -> bool {
        !self.bucket.builds && !self.bucket.searches
    }

    /// Notes the files that a part of a namespace has its index in.
    pub(super) fn note(&self, namespace: &Namespace, part: &Arc<str>, files: &IndexFiles) {
        let mut noted = self.files.lock();
        let parts = noted.entry(namespace.clone()).or_default();
        let known = parts.entry(Arc::clone(part)).or_default();
        known.extend(files.keys());
    }

    /// Gives up the files of a namespace's parts that are not `wanted`.
    pub(super) fn release(&self, namespace: &Namespace, wanted: impl Fn(&Arc<str>) -> bool) {
        let mut noted = self.files.lock();
        let Some(parts) = noted.get_mut(namespace) else {
            return;
        };
        let gone: Vec<ContentHash> = parts
            .extract_if(.., |part, _| !wanted(part))
            .flat_map(|(_, files)| files)
            .collect();
        if parts.is_empty() {
            noted.remove(namespace);
        }
        drop(noted);
        self.bucket.cache.release(gone);
    }

    /// Waits for requests; for the service's own threads.
    pub(super) fn wait<T>(
        &self,
        requests: impl Future<Output = Result<T, IndexError>>,
    ) -> Result<T, IndexError> {
        let requests = self.stop.run_until_cancelled(requests);
        let outcome = self.bucket.runtime.block_on(requests);
        outcome.unwrap_or(Err(IndexError::Cancelled))
    }

    /// Looks for an index, and opens it by `open`; one that is damaged gives way to the next generation.
    pub(super) fn look(
        &self,
        identity: &Identity,
        open: impl Fn(&BuiltIndex, &IndexFiles) -> Result<(), IndexError>,
    ) -> Result<Look, IndexError> {
        for generation in 0..GENERATIONS {
            let key = identity.key(generation);
            let found = self.wait(self.fetch(&key)).and_then(|found| match found {
                Some((index, files)) => open(&index, &files).map(|()| true),
                None => Ok(false),
            });
            match found {
                Ok(true) => return Ok(Look::Found),
                Ok(false) => return Ok(Look::Absent(generation)),
                Err(error) if error.needs_rebuild() => {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(index = %key.prefix(), error, "an index is lost");
                }
                Err(error) => return Err(error),
            }
        }
        let path = identity.key(GENERATIONS).prefix();
        let fault = format!("{GENERATIONS} indexes were lost");
        Err(IndexError::corrupt(path.as_ref(), fault))
    }

    /// Whether some node has published an index; of its files nothing is looked at.
    pub(super) fn is_published(&self, identity: &Identity) -> Result<bool, IndexError> {
        for generation in 0..GENERATIONS {
            let key = identity.key(generation);
            match self.wait(async { Ok(self.indexes.find(&key).await?) }) {
                Ok(found) => return Ok(found.is_some()),
                Err(error) if error.needs_rebuild() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(false)
    }

    async fn fetch(&self, key: &IndexKey) -> Result<Option<(BuiltIndex, IndexFiles)>, IndexError> {
        let index = self.indexes.find(key).await?;
        let label = if index.is_some() { "true" } else { "false" };
        metrics::counter!(INDEX_FETCHES, "found" => label).increment(1);
        let Some(index) = index else {
            return Ok(None);
        };
        let fetch = |file: BuiltFile| async move {
            let path = key.with_file(IndexFile::Data(file.hash)).path();
            let cache = &self.bucket.cache;
            let found = cache.fetch(&path, file.hash, Some(file.bytes)).await?;
            Ok::<_, CacheError>((file.hash, found.map()?))
        };
        let files = stream::iter(index.files.clone()).map(fetch);
        let files = files.buffer_unordered(FILES_AT_ONCE).try_collect().await?;
        Ok(Some((index, files)))
    }

    /// Takes the turn to build an index, unless another node has it.
    pub(super) fn turn(&self, key: &IndexKey) -> Result<Turn, IndexError> {
        self.wait(async {
            let taken = Turn::take(&self.indexes, key, &self.bucket).await;
            taken.map_err(IndexError::from)
        })
    }

    /// Moves the files of a finished index from `folder` into the cache, sends them to the bucket, and makes the
    /// index known unless another was first.
    pub(super) fn publish(
        &self,
        key: &IndexKey,
        identity: &Identity,
        folder: &Path,
        (files, about): (Vec<FileRef>, serde_json::Value),
    ) -> Result<(), IndexError> {
        let named = |file: &FileRef| {
            let hash = file.content();
            let hash =
                hash.ok_or_else(|| IndexError::corrupt(&file.hash, "its name is no hash"))?;
            let bytes = file.bytes;
            Ok(BuiltFile { hash, bytes })
        };
        let files: Result<Vec<BuiltFile>, IndexError> = files.iter().map(named).collect();
        let index = BuiltIndex {
            part: identity.part,
            of: identity.of().to_owned(),
            files: files?,
            about,
        };
        self.wait(async {
            let send = |file: BuiltFile| self.send(key, folder, file);
            let files = stream::iter(index.files.clone()).map(send);
            let kept = files.buffer_unordered(FILES_AT_ONCE);
            // held until the index is opened, so that they are not evicted before
            let _held: Vec<CachedFile> = kept.try_collect().await?;
            let first = self.indexes.publish(key, &index).await;
            first.map(drop).map_err(IndexError::from)
        })
    }

    async fn send(
        &self,
        key: &IndexKey,
        folder: &Path,
        file: BuiltFile,
    ) -> Result<CachedFile, CacheError> {
        let own = folder.join(file.hash.to_string());
        let kept = self.bucket.cache.adopt(&own, file.hash).await?;
        let path = key.with_file(IndexFile::Data(file.hash)).path();
        self.bucket.cache.upload(&path, &kept).await?;
        Ok(kept)
    }
}
