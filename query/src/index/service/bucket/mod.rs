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
    model::ContentHash,
    store::keys::{IndexFile, IndexKey, Key},
};
use object_store::ObjectStore;
use std::{collections::BTreeMap, path::Path, sync::Arc};
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
    /// Ends requests when the service ends.
    stop: CancellationToken,
}

impl Shared {
    pub(super) fn new(bucket: IndexBucket) -> Self {
        Self {
            indexes: Indexes::new(Arc::clone(&bucket.store)),
            bucket,
            stop: CancellationToken::new(),
        }
    }

    /// Ends all requests, now and later.
    pub(super) fn close(&self) {
        self.stop.cancel();
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
