//! [`Derived`]: parts and manifests of this node, which it can always make again from the log.

use super::NodeError;
use isobath_compactor::{CompactError, Compacted, Compactor, Job, Prior};
use isobath_query::view::{FoldInput, Installed, Live, PartError, PartSet, open_part};
use isobath_storage::{
    format::{Checkpoint, FormatError, Manifest, NamespaceEntry, NamespaceMap, Position, dead},
    log::Start,
    model::{BucketId, ContentHash, LogId, Namespace},
    store::keys::{CheckpointKey, DeadKey, Key, ManifestKey, MapKey, PartKey},
};
use object_store::{
    ObjectStore, ObjectStoreExt, PutMode, PutPayload, local::LocalFileSystem,
    path::Path as ObjectPath,
};
use parking_lot::Mutex;
use roaring::RoaringBitmap;
use std::{
    collections::BTreeMap,
    fs::{File, TryLockError},
    path::{Path, PathBuf},
    sync::Arc,
};

/// Parts and manifests of this node in its cache directory.
///
/// They are made from the log and can be made again: whatever is missing or damaged is thrown away.
#[derive(Debug)]
pub(super) struct Derived {
    dir: PathBuf,
    /// Held while the folder is in use: two processes would make objects of the same names.
    _lock: File,
    store: Arc<LocalFileSystem>,
    compactor: Compactor,
    manifests: Mutex<BTreeMap<Namespace, Manifest>>,
    checkpoint: Mutex<u64>,
    maps: Mutex<Vec<ContentHash>>,
    max_part_rows: u64,
}

/// Why something derived could not be made or read.
#[derive(Debug, thiserror::Error)]
pub(super) enum DerivedError {
    #[error("the namespace could not be compacted")]
    Compact(#[from] CompactError),
    #[error("a part could not be opened")]
    Part(#[from] PartError),
    #[error("an object could not be read")]
    Format(#[from] FormatError),
    #[error("the cache directory failed")]
    Store(#[from] object_store::Error),
    #[error("a view could not take up its parts")]
    Fold(#[from] isobath_storage::fold::FoldError),
}

/// What a node starts from.
#[derive(Debug, Default)]
pub(super) struct Restored {
    /// Where the log is read on.
    pub(super) start: Start,
    /// The namespaces up to there.
    pub(super) namespaces: Vec<(Namespace, Installed)>,
}

/// Locks a file until the process ends.
fn lock(path: &Path) -> Result<File, NodeError> {
    let file = File::create(path).map_err(NodeError::cache(path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(NodeError::CacheInUse(path.to_owned())),
        Err(TryLockError::Error(error)) => Err(NodeError::cache(path)(error)),
    }
}

impl Derived {
    /// The folder of one bucket below `cache`.
    pub(super) fn open(
        cache: &Path,
        bucket: BucketId,
        max_part_rows: u64,
    ) -> Result<Self, NodeError> {
        let dir = cache.join("derived").join(bucket.0.to_string());
        std::fs::create_dir_all(&dir).map_err(NodeError::cache(&dir))?;
        let lock = lock(&dir.with_extension("lock"))?;
        let store = LocalFileSystem::new_with_prefix(&dir)
            .map_err(|error| NodeError::cache(&dir)(std::io::Error::other(error)))?;
        let store = Arc::new(store);
        let compactor = Compactor::new(Arc::clone(&store) as Arc<dyn ObjectStore>);
        Ok(Self {
            dir,
            _lock: lock,
            store,
            compactor,
            manifests: Mutex::default(),
            checkpoint: Mutex::default(),
            maps: Mutex::default(),
            max_part_rows,
        })
    }

    /// What the newest checkpoint describes; nothing where there is none, or where it is damaged, upon which
    /// the folder is emptied.
    pub(super) async fn restore(&self, log: LogId) -> Result<Restored, NodeError> {
        match self.read_and_sweep(log).await {
            Ok(restored) => Ok(restored),
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "derived data is made anew"
                );
                self.manifests.lock().clear();
                std::fs::remove_dir_all(&self.dir).map_err(NodeError::cache(&self.dir))?;
                std::fs::create_dir_all(&self.dir).map_err(NodeError::cache(&self.dir))?;
                Ok(Restored::default())
            }
        }
    }
}

impl Derived {
    async fn read(&self, log: LogId) -> Result<Restored, DerivedError> {
        let Some(checkpoint) = self.newest_checkpoint().await? else {
            return Ok(Restored::default());
        };
        let Some(position) = checkpoint.logs.get(&log) else {
            return Ok(Restored::default());
        };
        let mut namespaces = vec![];
        let mut entries = BTreeMap::new();
        for hash in &checkpoint.maps {
            let map = NamespaceMap::decode(&self.get(&MapKey(*hash).path()).await?)?;
            entries.extend(map.namespaces);
            self.maps.lock().push(*hash);
        }
        for (namespace, entry) in &entries {
            let key = ManifestKey {
                namespace: namespace.clone(),
                version: entry.manifest,
            };
            let manifest = Manifest::decode(&self.get(&key.path()).await?)?;
            namespaces.push((
                namespace.clone(),
                self.installed(&manifest, None, true).await?,
            ));
            self.manifests.lock().insert(namespace.clone(), manifest);
        }
        *self.checkpoint.lock() = checkpoint.number;
        let Position {
            seq,
            max_epoch,
            chain,
            hlc,
        } = *position;
        Ok(Restored {
            start: Start {
                seq,
                max_epoch,
                chain,
                hlc,
            },
            namespaces,
        })
    }

    /// What is younger than the checkpoint goes: it is made again under the same numbers.
    async fn read_and_sweep(&self, log: LogId) -> Result<Restored, DerivedError> {
        let restored = self.read(log).await?;
        let (checkpoint, manifests) = (*self.checkpoint.lock(), self.manifests.lock().clone());
        self.sweep(checkpoint, &manifests).await?;
        Ok(restored)
    }

    async fn newest_checkpoint(&self) -> Result<Option<Checkpoint>, DerivedError> {
        let listed = self
            .store
            .list_with_delimiter(Some(&CheckpointKey::prefix()))
            .await?;
        let keys = listed
            .objects
            .iter()
            .filter_map(|o| CheckpointKey::parse(&o.location).ok());
        let Some(newest) = keys.map(|CheckpointKey(number)| number).max() else {
            return Ok(None);
        };
        let bytes = self.get(&CheckpointKey(newest).path()).await?;
        Ok(Some(Checkpoint::decode(&bytes)?))
    }

    async fn get(&self, key: &ObjectPath) -> Result<bytes::Bytes, DerivedError> {
        Ok(self.store.get(key).await?.bytes().await?)
    }

    /// The parts of a manifest; those that `kept` finds among `prior` are taken from there.
    async fn installed(
        &self,
        manifest: &Manifest,
        prior: Option<(&[PartSet], &Compacted)>,
        verify: bool,
    ) -> Result<Installed, DerivedError> {
        let mut parts = vec![];
        for (at, entry) in manifest.parts.iter().enumerate() {
            let dead = match (prior, entry.dead) {
                (Some((_, compacted)), _) => Arc::clone(&compacted.dead[at]),
                (None, None) => Arc::default(),
                (None, Some(hash)) => {
                    let key = DeadKey {
                        namespace: manifest.namespace.clone(),
                        hash,
                    };
                    Arc::new(dead::decode(&self.get(&key.path()).await?)?)
                }
            };
            let kept = prior.and_then(|(parts, compacted)| parts.get(compacted.kept[at]?));
            parts.push(match kept {
                Some(part) => part.with_dead(dead),
                None => self.open_part(&manifest.namespace, entry.hash, dead, verify)?,
            });
        }
        Ok(Installed {
            schema: manifest.schema.clone(),
            parts,
            seen: manifest.seen.clone(),
            last_write: manifest.last_write,
        })
    }

    fn open_part(
        &self,
        namespace: &Namespace,
        hash: ContentHash,
        dead: Arc<RoaringBitmap>,
        verify: bool,
    ) -> Result<PartSet, DerivedError> {
        let key = PartKey {
            namespace: namespace.clone(),
            hash,
        };
        let file = self.store.path_to_filesystem(&key.path())?;
        Ok(open_part(&file, hash, dead, verify)?)
    }

    /// Folds what was written since the newest manifest and merges parts, all of them if `all`; the view goes
    /// over to what came out, once `prepare` is done with it. Whether there was anything to do.
    pub(super) async fn compact(
        &self,
        namespace: &Namespace,
        live: &Live,
        all: bool,
        prepare: impl FnOnce(&Installed),
    ) -> Result<bool, DerivedError> {
        let FoldInput {
            installed,
            blocks,
            seen,
            last_write,
        } = live.fold_input();
        let manifest = self.manifests.lock().get(namespace).cloned();
        let blocks: Vec<_> = blocks
            .iter()
            .filter_map(|b| Some((&b.segment().header, b.block()?)))
            .collect();
        let prior = Prior {
            schema: installed.schema.clone(),
            parts: installed
                .parts
                .iter()
                .map(|part| part.rows.clone())
                .collect(),
        };
        let compacted = self
            .compactor
            .compact(Job {
                namespace,
                manifest: manifest.as_ref(),
                prior,
                blocks,
                seen,
                last_write,
                // one region: all that was read of its log is all that there is up to there
                stable: last_write,
                all,
                max_part_rows: self.max_part_rows,
            })
            .await?;
        let Some(compacted) = compacted else {
            return Ok(false);
        };
        let prior = Some((installed.parts.as_slice(), &compacted));
        let installed = self.installed(&compacted.manifest, prior, false).await?;
        prepare(&installed);
        live.install(installed)?;
        self.manifests
            .lock()
            .insert(namespace.clone(), compacted.manifest);
        Ok(true)
    }

    /// Notes that every namespace is folded at least up to `position`, and sweeps what is not needed any more.
    pub(super) async fn checkpoint(&self, log: LogId, at: Start) -> Result<(), DerivedError> {
        let manifests = self.manifests.lock().clone();
        let number = *self.checkpoint.lock() + 1;
        let Start {
            seq,
            max_epoch,
            chain,
            hlc,
        } = at;
        let entry = |m: &Manifest| NamespaceEntry {
            manifest: m.number,
            created: m.schema.created().map(|stamp| stamp.hlc),
        };
        let map = NamespaceMap {
            checkpoint: number,
            namespaces: manifests
                .iter()
                .map(|(name, m)| (name.clone(), entry(m)))
                .collect(),
        };
        let map = map.encode()?;
        let hash = ContentHash::of(&map);
        self.store
            .put(&MapKey(hash).path(), PutPayload::from_bytes(map))
            .await?;
        *self.maps.lock() = vec![hash];
        let checkpoint = Checkpoint {
            number,
            logs: BTreeMap::from([(
                log,
                Position {
                    seq,
                    max_epoch,
                    chain,
                    hlc,
                },
            )]),
            hlc_cut: manifests.values().map(|m| m.hlc_cut).max().unwrap_or(hlc),
            created_at_ms: hlc.millis(),
            maps: vec![hash],
            runs: vec![],
        };
        let bytes = PutPayload::from_bytes(checkpoint.encode()?);
        let path = CheckpointKey(number).path();
        self.store
            .put_opts(&path, bytes, PutMode::Create.into())
            .await?;
        *self.checkpoint.lock() = number;
        self.sweep(number, &manifests).await
    }

    /// Deletes what neither the newest checkpoint nor a newest manifest refers to; both name the same ones here.
    async fn sweep(
        &self,
        checkpoint: u64,
        manifests: &BTreeMap<Namespace, Manifest>,
    ) -> Result<(), DerivedError> {
        use futures::TryStreamExt;
        let mut wanted: std::collections::HashSet<ObjectPath> =
            std::iter::once(CheckpointKey(checkpoint).path()).collect();
        wanted.extend(self.maps.lock().iter().map(|hash| MapKey(*hash).path()));
        for (namespace, manifest) in manifests {
            let namespace = namespace.clone();
            wanted.insert(
                ManifestKey {
                    namespace,
                    version: manifest.number,
                }
                .path(),
            );
            for part in &manifest.parts {
                let namespace = manifest.namespace.clone();
                wanted.insert(
                    PartKey {
                        namespace: namespace.clone(),
                        hash: part.hash,
                    }
                    .path(),
                );
                wanted.extend(part.dead.map(|hash| DeadKey { namespace, hash }.path()));
            }
        }
        let mut listed = self.store.list(None);
        while let Some(object) = listed.try_next().await? {
            if !wanted.contains(&object.location) {
                self.store.delete(&object.location).await?;
            }
        }
        Ok(())
    }
}
