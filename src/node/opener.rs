//! [`Opener`]: brings namespaces from the bucket into the views.

use isobath_compactor::{CompactError, Compacted};
use isobath_query::view::{
    CacheError, Installed, Known, Lacking, Live, ObjectCache, PartError, PartSet, Views,
    open_cached_part,
};
use isobath_storage::{
    catalog::{Catalog, CatalogError, OpenCheckpoint},
    error::ErrorKind,
    fold::FoldError,
    format::{Manifest, NamespaceEntry, PartEntry},
    model::{ContentHash, Namespace},
    store::keys::{DeadKey, Key, PartKey},
};
use parking_lot::Mutex;
use roaring::RoaringBitmap;
use std::{
    collections::{BTreeMap, HashMap},
    path::Path,
    sync::{Arc, Weak},
};
use tokio::sync::Mutex as Turn;

/// Brings namespaces from the bucket into the views: whole ones when somebody asks for them, newer manifests of
/// those that are open.
#[derive(Debug)]
pub(super) struct Opener {
    pub(super) catalog: Catalog,
    pub(super) cache: Arc<ObjectCache>,
    pub(super) views: Arc<Views>,
    /// The manifest that each open namespace stands on.
    manifests: Mutex<BTreeMap<Namespace, Arc<Manifest>>>,
    /// Of each namespace that is being opened whose turn it is.
    flights: Mutex<HashMap<Namespace, Weak<Turn<()>>>>,
}

/// Why a namespace cannot be opened, or go over to another manifest.
#[derive(Debug, thiserror::Error)]
pub(super) enum OpenError {
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    #[error(transparent)]
    Cache(#[from] CacheError),
    #[error("a part could not be opened")]
    Part(#[from] PartError),
    #[error("mutations could not be applied")]
    Fold(#[from] FoldError),
    #[error("the namespace could not be compacted")]
    Compact(#[from] CompactError),
}

impl OpenError {
    /// What a caller can do about it.
    pub(super) fn kind(&self) -> ErrorKind {
        match self {
            Self::Catalog(error) | Self::Compact(CompactError::Catalog(error)) => error.kind(),
            Self::Cache(error) => error.kind(),
            Self::Part(_) => ErrorKind::Corrupt,
            Self::Fold(_) | Self::Compact(_) => ErrorKind::Internal,
        }
    }
}

impl Opener {
    pub(super) fn new(catalog: Catalog, cache: Arc<ObjectCache>, views: Arc<Views>) -> Self {
        Self {
            catalog,
            cache,
            views,
            manifests: Mutex::default(),
            flights: Mutex::default(),
        }
    }

    /// The namespace, which is opened if need be, with all that it adopted; `None` where nothing was ever written
    /// to it.
    pub(super) async fn open(&self, namespace: &Namespace) -> Result<Option<Arc<Live>>, OpenError> {
        let turn = match self.views.known(namespace) {
            Known::Absent => return Ok(None),
            Known::Open(live) if !live.is_lacking() => return Ok(Some(live)),
            Known::Open(_) | Known::Closed(_) => self.turn(namespace),
        };
        let _turn = turn.lock().await;
        let live = self.opened(namespace).await?;
        if let Some(live) = &live {
            while let Some(lacking) = live.lacking() {
                self.supply(live, lacking).await?;
            }
        }
        Ok(live)
    }

    /// The namespace, which is opened if need be, and may lack parts.
    async fn opened(&self, namespace: &Namespace) -> Result<Option<Arc<Live>>, OpenError> {
        loop {
            let checkpoint = match self.views.known(namespace) {
                Known::Absent => return Ok(None),
                Known::Open(live) => return Ok(Some(live)),
                Known::Closed(checkpoint) => checkpoint,
            };
            let number = checkpoint.as_ref().map(|c| c.checkpoint.number);
            let read = self.read(namespace, checkpoint.as_deref()).await;
            let (live, manifest) = match read {
                Ok(read) => read,
                // what an older checkpoint refers to may be gone
                Err(_) if self.newest() != number => continue,
                Err(error) => return Err(error),
            };
            if let Some(live) = self.views.open(namespace, live, number)? {
                if let Some(manifest) = manifest {
                    self.note(manifest);
                }
                return Ok(Some(live));
            }
        }
    }

    /// Opens the parts that a namespace is to adopt, and lets it go on with them.
    async fn supply(&self, live: &Live, lacking: Lacking) -> Result<(), OpenError> {
        let Lacking {
            namespace,
            stamp,
            adoption,
        } = lacking;
        let mut parts = vec![];
        for entry in adoption.parts {
            let entry = entry.stamped(stamp);
            let dead = self.dead(&namespace, &entry).await?;
            parts.push(self.part(&namespace, &entry, dead).await?);
        }
        Ok(live.supply(stamp, parts)?)
    }

    /// Takes over a part that was written on this node.
    pub(super) async fn keep(&self, file: &Path, hash: ContentHash) -> Result<(), OpenError> {
        self.cache.adopt(file, hash).await?;
        Ok(())
    }

    /// The deletion vector of a part.
    async fn dead(
        &self,
        namespace: &Namespace,
        entry: &PartEntry,
    ) -> Result<Arc<RoaringBitmap>, OpenError> {
        let Some(hash) = entry.dead else {
            return Ok(Arc::default());
        };
        let namespace = namespace.clone();
        let key = DeadKey { namespace, hash };
        Ok(Arc::new(self.catalog.dead(&key).await?))
    }

    fn newest(&self) -> Option<u64> {
        let checkpoint = self.views.checkpoint();
        checkpoint.map(|checkpoint| checkpoint.checkpoint.number)
    }

    fn turn(&self, namespace: &Namespace) -> Arc<Turn<()>> {
        let mut flights = self.flights.lock();
        if let Some(turn) = flights.get(namespace).and_then(Weak::upgrade) {
            return turn;
        }
        flights.retain(|_, turn| turn.strong_count() > 0);
        let turn = Arc::default();
        flights.insert(namespace.clone(), Arc::downgrade(&turn));
        turn
    }

    /// A namespace as a checkpoint has it.
    async fn read(
        &self,
        namespace: &Namespace,
        checkpoint: Option<&OpenCheckpoint>,
    ) -> Result<(Live, Option<Manifest>), OpenError> {
        let entry = checkpoint.and_then(|c| c.namespaces.get(namespace));
        let manifest = match entry {
            Some(entry) => Some(self.catalog.manifest(namespace, entry.manifest).await?),
            None => None,
        };
        let installed = match &manifest {
            Some(manifest) => self.installed(manifest, &[]).await?,
            None => Installed::default(),
        };
        let live = Live::new(namespace.clone(), installed);
        let slices = checkpoint.into_iter().flat_map(|c| c.slices(namespace));
        for (run, slice) in slices {
            for segment in self.catalog.slice(run, slice).await? {
                live.apply(&Arc::new(segment), 0)?;
            }
        }
        Ok((live, manifest))
    }

    /// What a manifest describes; parts that are among `prior` are taken from there.
    pub(super) async fn installed(
        &self,
        manifest: &Manifest,
        prior: &[PartSet],
    ) -> Result<Installed, OpenError> {
        let mut parts = vec![];
        for entry in &manifest.parts {
            let dead = self.dead(&manifest.namespace, entry).await?;
            let known = prior.iter().find(|part| part.is(entry));
            parts.push(match known {
                Some(part) => part.under(entry, dead),
                None => self.part(&manifest.namespace, entry, dead).await?,
            });
        }
        Ok(Installed {
            schema: manifest.schema.clone(),
            parts,
            seen: manifest.seen.clone(),
            last_write: manifest.last_write,
        })
    }

    /// Opens a part from the cache, which fetches it if need be.
    pub(super) async fn part(
        &self,
        namespace: &Namespace,
        entry: &PartEntry,
        dead: Arc<RoaringBitmap>,
    ) -> Result<PartSet, OpenError> {
        let key = PartKey::of(namespace, entry);
        let bytes = Some(entry.bytes);
        let file = self.cache.fetch(&key.path(), entry.hash, bytes).await?;
        Ok(open_cached_part(file, entry.clone(), dead)?)
    }

    /// What a compaction made of `prior`, out of the cache.
    pub(super) async fn compacted(
        &self,
        compacted: Compacted,
        prior: &[PartSet],
    ) -> Result<(Installed, Manifest), OpenError> {
        let mut written: HashMap<ContentHash, _> = compacted.written.into_iter().collect();
        let manifest = compacted.manifest;
        let mut parts = vec![];
        for ((entry, kept), dead) in manifest
            .parts
            .iter()
            .zip(compacted.kept)
            .zip(compacted.dead)
        {
            if let Some(file) = written.remove(&entry.hash) {
                self.cache.adopt(file.path(), entry.hash).await?;
            }
            parts.push(match kept.and_then(|at| prior.get(at)) {
                Some(part) => part.under(entry, dead),
                None => self.part(&manifest.namespace, entry, dead).await?,
            });
        }
        let installed = Installed {
            schema: manifest.schema.clone(),
            parts,
            seen: manifest.seen.clone(),
            last_write: manifest.last_write,
        };
        Ok((installed, manifest))
    }

    /// The manifest that an open namespace stands on; none where it has none.
    pub(super) fn manifest(&self, namespace: &Namespace) -> Option<Arc<Manifest>> {
        self.manifests.lock().get(namespace).cloned()
    }

    /// A namespace stands on this manifest from now on.
    pub(super) fn note(&self, manifest: Manifest) {
        let mut manifests = self.manifests.lock();
        let known = manifests.get(&manifest.namespace);
        if known.is_none_or(|known| known.number < manifest.number) {
            manifests.insert(manifest.namespace.clone(), Arc::new(manifest));
        }
    }

    /// The map of the next checkpoint: that of `prior` with the newer manifests of this node.
    pub(super) fn namespaces(
        &self,
        prior: Option<&OpenCheckpoint>,
    ) -> BTreeMap<Namespace, NamespaceEntry> {
        let mut namespaces = prior.map_or_else(BTreeMap::new, |prior| prior.namespaces.clone());
        for (name, manifest) in &*self.manifests.lock() {
            let known = namespaces.get(name);
            if known.is_none_or(|known| known.manifest < manifest.number) {
                namespaces.insert(name.clone(), manifest.entry());
            }
        }
        namespaces
    }
}
