//! [`Restore`]: what a bucket, or a copy of one, held at a moment, in a bucket of its own.
//!
//! 1. The target holds nothing.
//! 2. The parts, deletion vectors and indexes under the manifests of the checkpoint; then the manifests.
//! 3. The checkpoint's runs; every segment after it up to the moment as more runs.
//! 4. For each log a floor where it goes on, and a claim that hands on the highest epoch.
//! 5. The map, and checkpoint 1.
//! 6. The digests of both are compared.
//! 7. The marker. Without it nobody serves the bucket: what was interrupted before is no bucket.

mod bootstrap;
mod copy;
mod runs;
#[cfg(test)]
mod tests;

pub use bootstrap::bootstrap;

use crate::state::{Moment, OpenParts, StateError};
use copy::Copying;
use futures::TryStreamExt;
use isobath_storage::{
    catalog::{Catalog, Claim, Floor},
    format::{Checkpoint, NamespaceEntry, NamespaceMap, Position},
    model::{BucketId, ClusterId, ContentHash, Epoch, LogId, Namespace, Region, Seq, ShardId},
    store::{
        Marker,
        keys::{AnyKey, CheckpointKey, Key, MapKey},
    },
};
use object_store::ObjectStore;
use std::{collections::BTreeMap, fmt, sync::Arc};
use uuid::Uuid;

/// What is to be restored, and as what.
#[derive(Debug)]
pub struct Restore<'a> {
    /// What the source held at the moment.
    pub moment: &'a Moment,
    /// Only this namespace; all of them if none.
    pub namespace: Option<&'a Namespace>,
    /// The empty bucket.
    pub to: Arc<dyn ObjectStore>,
    /// The region that the new bucket belongs to; its log goes on where that of the source ended.
    pub region: Region,
    /// The id of the new cluster: nobody has it.
    pub cluster: ClusterId,
    /// The id of the new bucket: nobody has it.
    pub bucket: BucketId,
    /// The wall clock.
    pub now_ms: u64,
}

/// What was restored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// Names what readers see, in the source at the moment and in the new bucket.
    pub digest: ContentHash,
    /// Up to where each log was restored.
    pub logs: BTreeMap<LogId, Position>,
    /// How much was written.
    pub written: Progress,
}

/// How far a restore is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// Objects written.
    pub objects: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// Rows in parts, and mutations in runs.
    pub rows: u64,
}

/// Is told of progress after every object.
pub trait Watch: fmt::Debug + Send + Sync {
    /// So much is done.
    fn progress(&self, progress: Progress);
}

impl Restore<'_> {
    /// Restores; `source` and `target` open parts of the two buckets.
    pub async fn run(
        &self,
        source: &dyn OpenParts,
        target: &dyn OpenParts,
        watch: &dyn Watch,
    ) -> Result<Restored, StateError> {
        refuse_used(&*self.to).await?;
        self.check()?;
        let mut copying = Copying::new(self.moment.catalog(), &self.to, watch);
        let mut namespaces = BTreeMap::new();
        if let Some(open) = &self.moment.checkpoint {
            for (namespace, entry) in &open.namespaces {
                if self.wants(namespace) {
                    copying.namespace(self.moment, namespace).await?;
                    namespaces.insert(namespace.clone(), entry.clone());
                }
            }
        }
        for namespace in self.moment.names().iter().filter(|name| self.wants(name)) {
            copying.adopted(self.moment, namespace).await?;
        }
        let runs = runs::write(self, &mut copying).await?;
        let logs = self.positions();
        self.hand_on(&logs, &copying.target).await?;
        let checkpoint = Checkpoint {
            number: 1,
            hlc_cut: self.moment.newest(),
            created_at_ms: self.now_ms,
            maps: write_maps(&mut copying, &namespaces).await?,
            runs,
            logs: logs.clone(),
        };
        let key = CheckpointKey(1).path();
        let bytes = checkpoint.encode().map_err(StateError::format(&key))?;
        copying.create_numbered(&key, bytes).await?;
        let digest = self.compare(source, target).await?;
        let marker = Marker::new(self.cluster, self.region, self.bucket);
        if !marker.finish(&*self.to).await? {
            let text = "somebody else set up the target meanwhile";
            return Err(StateError::Invalid(text.to_owned()));
        }
        Ok(Restored {
            digest,
            logs,
            written: copying.progress,
        })
    }

    pub(crate) fn wants(&self, namespace: &Namespace) -> bool {
        self.namespace.is_none_or(|wanted| wanted == namespace)
    }

    /// That there is something to restore.
    fn check(&self) -> Result<(), StateError> {
        let names = self.moment.names();
        match self.namespace {
            Some(wanted) if !names.contains(wanted) => Err(StateError::Invalid(format!(
                "there was no namespace {wanted} at that time"
            ))),
            None if self.moment.newest().millis() == 0 => Err(StateError::Invalid(
                "nothing was committed up to that time".to_owned(),
            )),
            _ => Ok(()),
        }
    }

    /// Where each log goes on. The region's own clock starts above everything that is restored.
    fn positions(&self) -> BTreeMap<LogId, Position> {
        let mut logs = self.moment.positions();
        let own = LogId::new(self.region, ShardId(0));
        logs.entry(own).or_insert_with(crate::state::origin);
        for (log, position) in &mut logs {
            if log.region == self.region {
                position.hlc = self.moment.newest();
            }
        }
        logs
    }

    /// Floors, and claims of the region's logs: the next owner's epoch is above all that was restored.
    async fn hand_on(
        &self,
        logs: &BTreeMap<LogId, Position>,
        target: &Catalog,
    ) -> Result<(), StateError> {
        for (log, position) in logs {
            if position.seq > Seq::ZERO {
                let floor = Floor {
                    k: 1,
                    seq: position.seq,
                    max_epoch: position.max_epoch,
                };
                target.create_floor(*log, &floor).await?;
            }
            if log.region == self.region && position.max_epoch > Epoch::ZERO {
                let mut claim = Claim::after(None, self.bucket.0, Uuid::nil(), 1);
                claim.epoch = position.max_epoch;
                claim.released = true;
                claim.claimed_at_ms = self.now_ms;
                target.create_claim(*log, &claim).await?;
            }
        }
        Ok(())
    }

    /// The digest of both sides, which must be one.
    async fn compare(
        &self,
        source: &dyn OpenParts,
        target: &dyn OpenParts,
    ) -> Result<ContentHash, StateError> {
        let wants = |namespace: &Namespace| self.wants(namespace);
        let restored = Moment::open(Arc::clone(&self.to), None).await?;
        let restored = restored.digest(target, |_| true).await?;
        let original = self.moment.digest(source, wants).await?;
        if restored == original {
            return Ok(original);
        }
        Err(StateError::Damaged {
            key: CheckpointKey(1).path().to_string(),
            why: format!("its digest is {restored}, that of the source is {original}"),
        })
    }
}

/// Writes the map of namespaces, in chunks.
async fn write_maps(
    copying: &mut Copying<'_>,
    namespaces: &BTreeMap<Namespace, NamespaceEntry>,
) -> Result<Vec<ContentHash>, StateError> {
    let mut maps = vec![];
    for namespaces in NamespaceMap::chunks(namespaces) {
        let map = NamespaceMap {
            checkpoint: 1,
            namespaces,
        };
        let bytes = map.encode().map_err(StateError::format("data/map"))?;
        let hash = ContentHash::of(&bytes);
        copying.create(&MapKey(hash).path(), bytes, 0).await?;
        maps.push(hash);
    }
    Ok(maps)
}

/// Refuses a target that holds anything but what a probe left behind.
pub async fn refuse_used(to: &dyn ObjectStore) -> Result<(), StateError> {
    let mut listed = to.list(None);
    let (mut ours, mut example) = (true, None);
    while let Some(object) = listed
        .try_next()
        .await
        .map_err(StateError::store("the listing"))?
    {
        match AnyKey::parse(&object.location) {
            Ok(AnyKey::Probe(_)) => {}
            Ok(AnyKey::Marker(_)) => {
                let text = "the target is a bucket in use: restore into an empty one";
                return Err(StateError::Invalid(text.to_owned()));
            }
            found => {
                ours &= found.is_ok();
                example.get_or_insert(object.location);
            }
        }
    }
    match example {
        None => Ok(()),
        Some(_) if ours => Err(StateError::Invalid(
            "the target holds what an interrupted restore left behind: empty it first".to_owned(),
        )),
        Some(path) => Err(StateError::Invalid(format!(
            "the target is not empty: it holds {path}"
        ))),
    }
}
