//! [`Bucket`]: the region's bucket, opened and recognised.

use super::NodeError;
use async_trait::async_trait;
use isobath_storage::{
    log::BucketCheck,
    model::{BucketId, ClusterId, Region},
    store::{KnownBuckets, Marker, Store, StoreError, probe},
};
use std::{error::Error, path::Path};
use uuid::Uuid;

/// The region's bucket, opened and recognised.
#[derive(Debug, Clone)]
pub(super) struct Bucket {
    pub(super) store: Store,
    pub(super) marker: Marker,
}

impl Bucket {
    /// Probes the bucket and recognises it by its marker, or makes a new one its own under ids from `new_id`; the
    /// folder `cache` remembers it. Only where the region is `alone` a new bucket is made its own: those of a cluster
    /// are marked when they become part of it.
    pub(super) async fn recognise(
        store: Store,
        region: Region,
        cache: &Path,
        alone: bool,
        mut new_id: impl FnMut() -> Uuid,
    ) -> Result<Self, NodeError> {
        std::fs::create_dir_all(cache).map_err(NodeError::cache(cache))?;
        probe(&store, new_id()).await.verdict()?;
        let known = KnownBuckets::new(cache);
        let remembered = known.recall(&store.url).map_err(NodeError::cache(cache))?;
        if !alone && remembered.is_none() && Marker::read(&store).await?.is_none() {
            return Err(NodeError::NoMembership);
        }
        let fresh = Marker::new(ClusterId(new_id()), region, BucketId(new_id()));
        let marker = Marker::ensure(&store, fresh, remembered).await?;
        known
            .remember(&store.url, marker.bucket)
            .map_err(NodeError::cache(cache))?;
        Ok(Self { store, marker })
    }
}

#[async_trait]
impl BucketCheck for Bucket {
    async fn check(&self) -> Result<(), Box<dyn Error + Send + Sync>> {
        loop {
            match self.marker.check(&self.store).await {
                Ok(()) => return Ok(()),
                Err(lost @ StoreError::BucketLost { .. }) => return Err(Box::new(lost)),
                Err(error) => {
                    tracing::warn!(%error, "bucket marker cannot be read");
                    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
                }
            }
        }
    }
}
