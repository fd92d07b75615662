//! [`Catalog`]: checkpoints and manifests, and what they refer to.

use super::{CatalogError, OpenCheckpoint};
use crate::{
    format::{
        Checkpoint, FormatError, Manifest, NamespaceMap, RunEntry, dead,
        run::{self, RunDirectory, SliceEntry},
    },
    model::{ContentHash, Namespace, Segment},
    store::{
        get_suffix,
        keys::{CheckpointKey, DeadKey, Key, ManifestKey, MapKey, RunKey},
    },
};
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutPayload, path::Path};
use roaring::RoaringBitmap;
use std::{collections::BTreeMap, sync::Arc};

/// How many objects are asked for at a time.
const AT_ONCE: usize = 16;

/// The checkpoints and manifests of a bucket: numbered, created once, never changed.
#[derive(Debug, Clone)]
pub struct Catalog {
    pub(super) store: Arc<dyn ObjectStore>,
}

impl Catalog {
    /// The catalog in `store`, whose requests are sent again where they fail in passing.
    pub fn new(store: Arc<dyn ObjectStore>) -> Self {
        Self { store }
    }

    /// The newest checkpoint, by one LIST; none where there never was one.
    pub async fn newest_checkpoint(&self) -> Result<Option<Checkpoint>, CatalogError> {
        let numbers = self.checkpoints().await?;
        match numbers.last() {
            Some(number) => self.checkpoint(*number).await,
            None => Ok(None),
        }
    }

    /// The numbers of all checkpoints that are there, ascending.
    pub async fn checkpoints(&self) -> Result<Vec<u64>, CatalogError> {
        let paths = self.list(&CheckpointKey::prefix()).await?;
        let keys = paths.iter().filter_map(|p| CheckpointKey::parse(p).ok());
        let mut numbers: Vec<u64> = keys.map(|key| key.0).collect();
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// The checkpoint of this number, if it is there.
    pub async fn checkpoint(&self, number: u64) -> Result<Option<Checkpoint>, CatalogError> {
        let key = CheckpointKey(number).path();
        match self.get(&key).await {
            Ok(bytes) => Checkpoint::decode(&bytes)
                .map(Some)
                .map_err(CatalogError::format(&key)),
            Err(CatalogError::Missing { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The manifest of this number.
    pub async fn manifest(
        &self,
        namespace: &Namespace,
        number: u64,
    ) -> Result<Manifest, CatalogError> {
        let key = ManifestKey {
            namespace: namespace.clone(),
            version: number,
        };
        let key = key.path();
        let bytes = self.get(&key).await?;
        Manifest::decode(&bytes).map_err(CatalogError::format(&key))
    }

    /// The numbers of a namespace's manifests that are there, ascending.
    pub async fn manifests(&self, namespace: &Namespace) -> Result<Vec<u64>, CatalogError> {
        let paths = self.list(&ManifestKey::prefix(namespace)).await?;
        let keys = paths
            .iter()
            .filter_map(|path| ManifestKey::parse(path).ok());
        let mut numbers: Vec<u64> = keys.map(|key| key.version).collect();
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// A deletion vector.
    pub async fn dead(&self, key: &DeadKey) -> Result<RoaringBitmap, CatalogError> {
        let key = key.path();
        dead::decode(&self.get(&key).await?).map_err(CatalogError::format(&key))
    }

    /// Creates an object; whether it was not there before.
    pub async fn create(&self, key: &Path, bytes: Bytes) -> Result<bool, CatalogError> {
        let payload = PutPayload::from_bytes(bytes);
        let put = self.store.put_opts(key, payload, PutMode::Create.into());
        match put.await {
            Ok(_) => Ok(true),
            Err(object_store::Error::AlreadyExists { .. }) => Ok(false),
            Err(error) => Err(CatalogError::store(key)(error)),
        }
    }

    /// Creates an object under a number. Whether this call made it: where it is there already, its bytes tell.
    pub async fn create_numbered(&self, key: &Path, bytes: Bytes) -> Result<bool, CatalogError> {
        if self.create(key, bytes.clone()).await? {
            return Ok(true);
        }
        // a request that was sent again after its answer was lost meets its own object
        Ok(self.get(key).await? == bytes)
    }

    /// Reads the map and the directories of the runs that a checkpoint refers to.
    pub async fn open(&self, checkpoint: Checkpoint) -> Result<OpenCheckpoint, CatalogError> {
        let maps = stream::iter(checkpoint.maps.clone()).map(|hash| self.map(hash));
        let maps: Vec<NamespaceMap> = maps.buffered(AT_ONCE).try_collect().await?;
        let mut chunks = vec![];
        let mut namespaces = BTreeMap::new();
        for (hash, map) in checkpoint.maps.iter().zip(maps) {
            chunks.push((*hash, map.namespaces.clone()));
            namespaces.extend(map.namespaces);
        }
        let runs = stream::iter(checkpoint.runs.clone()).map(|entry| self.run(entry));
        let runs = runs.buffered(AT_ONCE).try_collect().await?;
        Ok(OpenCheckpoint {
            checkpoint,
            namespaces,
            chunks,
            runs,
        })
    }

    async fn map(&self, hash: ContentHash) -> Result<NamespaceMap, CatalogError> {
        let key = MapKey(hash).path();
        let bytes = self.get(&key).await?;
        if ContentHash::of(&bytes) != hash {
            let fault =
                FormatError::corrupt("map of namespaces", "its bytes are not those of its name");
            return Err(CatalogError::format(&key)(fault));
        }
        NamespaceMap::decode(&bytes).map_err(CatalogError::format(&key))
    }

    async fn run(&self, entry: RunEntry) -> Result<(RunEntry, RunDirectory), CatalogError> {
        let key = RunKey(entry.hash).path();
        let mut length = run::SUFFIX as u64;
        loop {
            let suffix = get_suffix(&*self.store, &key, length).await;
            let (suffix, _) = suffix.map_err(CatalogError::store(&key))?;
            match run::decode_directory(&suffix) {
                Err(FormatError::Truncated { needed, .. })
                    if needed > length && needed <= entry.bytes =>
                {
                    length = needed;
                }
                read => return Ok((entry, read.map_err(CatalogError::format(&key))?)),
            }
        }
    }

    /// The blocks of one namespace in a run, in log order.
    pub async fn slice(
        &self,
        run: ContentHash,
        slice: &SliceEntry,
    ) -> Result<Vec<Segment>, CatalogError> {
        let key = RunKey(run).path();
        let bytes = self.slice_bytes(run, slice).await?;
        slice.decode(&bytes).map_err(CatalogError::format(&key))
    }

    /// The bytes of one namespace in a run; not verified yet.
    pub async fn slice_bytes(
        &self,
        run: ContentHash,
        slice: &SliceEntry,
    ) -> Result<Bytes, CatalogError> {
        let key = RunKey(run).path();
        let bytes = self.store.get_range(&key, slice.range()).await;
        bytes.map_err(CatalogError::store(&key))
    }

    /// The bytes of an object.
    pub async fn get(&self, key: &Path) -> Result<Bytes, CatalogError> {
        let read = async { self.store.get(key).await?.bytes().await };
        read.await.map_err(CatalogError::store(key))
    }

    /// Whether an object is there.
    pub async fn has(&self, key: &Path) -> Result<bool, CatalogError> {
        match self.store.head(key).await {
            Ok(_) => Ok(true),
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(CatalogError::store(key)(error)),
        }
    }

    /// The paths of all objects below `prefix`.
    pub(super) async fn list(&self, prefix: &Path) -> Result<Vec<Path>, CatalogError> {
        let listed = self.store.list(Some(prefix));
        let paths: Result<Vec<Path>, _> = listed.map_ok(|meta| meta.location).try_collect().await;
        paths.map_err(CatalogError::store(prefix))
    }
}
