//! [`Gc`]: carries plans out.

use super::{Fate, Plan, Times, gather::gather, plan, plan::owner};
use crate::state::StateError;
use futures::{StreamExt, TryStreamExt, stream};
use isobath_storage::{
    Clock,
    catalog::{Catalog, CatalogError},
    format::Checkpoint,
    model::{ContentHash, ContentHasher, Namespace, Region},
    store::keys::{AnyKey, CheckpointKey, DeadKey, Key, ManifestKey, MapKey, PartKey, RunKey},
};
use object_store::{ObjectStore, ObjectStoreExt, path::Path};
use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    sync::{Arc, Mutex, PoisonError},
};

/// Requests at a time.
const AT_ONCE: usize = 16;

/// Deletes from a bucket what nobody needs any more. Any number may run at once, and end anywhere.
#[derive(Debug)]
pub struct Gc {
    store: Arc<dyn ObjectStore>,
    catalog: Catalog,
    times: Times,
    clock: Arc<dyn Clock>,
    /// The catalogs of other regions' buckets, as far as they can be asked.
    members: BTreeMap<Region, Catalog>,
    /// Objects that were read whole and are what their names say.
    sound: Mutex<HashSet<ContentHash>>,
}

/// What a pass did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Swept {
    /// Floors that rose.
    pub floors: u64,
    /// Objects that went.
    pub objects: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// Objects that stay because another process made a manifest or checkpoint at the same time.
    pub left: u64,
}

impl Gc {
    /// For the bucket in `store`, whose requests are sent again where they fail in passing.
    pub fn new(store: Arc<dyn ObjectStore>, times: Times, clock: Arc<dyn Clock>) -> Self {
        Self {
            catalog: Catalog::new(Arc::clone(&store)),
            store,
            times,
            clock,
            members: BTreeMap::new(),
            sound: Mutex::default(),
        }
    }

    /// The same with the catalogs of the other regions' buckets: what the members of the cluster do not hold stays.
    /// While one of them cannot be asked, no floor rises.
    #[must_use]
    pub fn among(self, members: Option<BTreeMap<Region, Catalog>>) -> Self {
        Self {
            members: members.unwrap_or_default(),
            ..self
        }
    }

    /// What a pass would do at this time, in milliseconds since 1970; changes nothing.
    pub async fn plan(&self, now_ms: u64) -> Result<Plan, StateError> {
        let facts = gather(
            &self.store,
            &self.catalog,
            &self.members,
            &*self.clock,
            now_ms,
        )
        .await?;
        Ok(plan(&facts, &self.times))
    }

    /// One pass. Fails before anything goes where what has to stay is damaged.
    pub async fn run(&self, now_ms: u64) -> Result<Swept, StateError> {
        let plan = self.plan(now_ms).await?;
        self.carry_out(&plan, now_ms).await
    }

    /// Carries out a plan that was made a moment ago.
    pub async fn carry_out(&self, plan: &Plan, now_ms: u64) -> Result<Swept, StateError> {
        let mut swept = Swept::default();
        if let Some(base) = plan.base {
            self.verify(base).await?;
        }
        for (log, floor) in &plan.floors {
            swept.floors += u64::from(self.catalog.create_floor(*log, floor).await?);
        }
        let mut lost = BTreeSet::new();
        for (namespace, number) in &plan.renumber {
            if !self.next_manifest(namespace, *number).await? {
                lost.insert(namespace.clone());
            }
        }
        let checkpoint_lost = match plan.next_checkpoint {
            Some(number) => !self.next_checkpoint(number, now_ms).await?,
            None => false,
        };
        let mut going = vec![];
        for verdict in &plan.verdicts {
            let Fate::Delete(_) = verdict.fate else {
                continue;
            };
            let left = match owner(&verdict.key) {
                Some(namespace) => lost.contains(namespace),
                None => checkpoint_lost && matches!(verdict.key, AnyKey::Run(_) | AnyKey::Map(_)),
            };
            if left {
                swept.left += 1;
                continue;
            }
            swept.objects += 1;
            swept.bytes += verdict.bytes;
            going.push(verdict.key.path());
        }
        self.delete(going).await?;
        metrics::counter!(crate::metrics::GC_DELETED).increment(swept.objects);
        Ok(swept)
    }

    /// Deletes objects, in this order by and large; one that is not there is gone already.
    async fn delete(&self, paths: Vec<Path>) -> Result<(), StateError> {
        let deletes = paths.into_iter().map(|path| async move {
            match self.store.delete(&path).await {
                Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
                Err(error) => Err(StateError::store(&path)(error)),
            }
        });
        stream::iter(deletes)
            .buffered(AT_ONCE)
            .try_for_each(|()| async { Ok(()) })
            .await
    }

    /// Creates the manifest after `number` with the content of that one; whether it is the newest now.
    async fn next_manifest(&self, namespace: &Namespace, number: u64) -> Result<bool, StateError> {
        let mut manifest = match self.catalog.manifest(namespace, number).await {
            Ok(manifest) => manifest,
            // it was superseded so long ago that another pass deleted it
            Err(CatalogError::Missing { .. }) => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        manifest.number += 1;
        let key = ManifestKey {
            namespace: namespace.clone(),
            version: manifest.number,
        };
        let key = key.path();
        let bytes = manifest.encode().map_err(StateError::format(&key))?;
        let created = self.catalog.create(&key, bytes).await?;
        let numbers = self.catalog.manifests(namespace).await?;
        Ok(created && numbers.last() == Some(&manifest.number))
    }

    /// Creates the checkpoint after `number` with the content of that one; whether it is the newest now.
    async fn next_checkpoint(&self, number: u64, now_ms: u64) -> Result<bool, StateError> {
        let Some(checkpoint) = self.catalog.checkpoint(number).await? else {
            return Ok(false);
        };
        let next = Checkpoint {
            number: number + 1,
            created_at_ms: now_ms,
            ..checkpoint
        };
        let key = CheckpointKey(next.number).path();
        let bytes = next.encode().map_err(StateError::format(&key))?;
        let created = self.catalog.create(&key, bytes).await?;
        let numbers = self.catalog.checkpoints().await?;
        Ok(created && numbers.last() == Some(&next.number))
    }

    /// Reads whatever a checkpoint refers to, each object once in the life of this process.
    async fn verify(&self, number: u64) -> Result<(), StateError> {
        let checkpoint = self.catalog.checkpoint(number).await?;
        let missing = || StateError::Damaged {
            key: CheckpointKey(number).path().to_string(),
            why: "it is missing".to_owned(),
        };
        let checkpoint = checkpoint.ok_or_else(missing)?;
        let maps = checkpoint.maps.iter();
        let mut needed: Vec<_> = maps.map(|hash| (MapKey(*hash).path(), *hash)).collect();
        let runs = checkpoint.runs.iter();
        needed.extend(runs.map(|run| (RunKey(run.hash).path(), run.hash)));
        let open = self.catalog.open(checkpoint).await?;
        for (namespace, entry) in &open.namespaces {
            let manifest = self.catalog.manifest(namespace, entry.manifest).await?;
            for part in &manifest.parts {
                needed.push((PartKey::of(namespace, part).path(), part.hash));
            }
            for hash in manifest.parts.iter().filter_map(|part| part.dead) {
                let namespace = namespace.clone();
                needed.push((DeadKey { namespace, hash }.path(), hash));
            }
        }
        for (path, hash) in needed {
            self.check(&path, hash).await?;
        }
        Ok(())
    }

    /// That an object's bytes are those that its name is the hash of.
    async fn check(&self, path: &Path, hash: ContentHash) -> Result<(), StateError> {
        let known = || self.sound.lock().unwrap_or_else(PoisonError::into_inner);
        if known().contains(&hash) {
            return Ok(());
        }
        let object = self.store.get(path).await;
        let mut pieces = object.map_err(StateError::store(path))?.into_stream();
        let mut hasher = ContentHasher::default();
        while let Some(piece) = pieces.try_next().await.map_err(StateError::store(path))? {
            hasher.update(&piece);
        }
        if hasher.finish() != hash {
            return Err(StateError::Damaged {
                key: path.to_string(),
                why: "its bytes are not those that its name is the hash of".to_owned(),
            });
        }
        known().insert(hash);
        Ok(())
    }
}
