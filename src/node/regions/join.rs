//! Joining a cluster: nothing is written before every other region counts this one in.

use super::Regions;
use isobath_storage::{
    catalog::{Catalog, CatalogError},
    model::{LogId, Region, VersionVector},
};
use std::{
    error::Error,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

/// Between two looks at the others' acks.
const LOOK: Duration = Duration::from_secs(1);

/// Whether a region that is a member since membership `since` may have to wait: those of the first membership have
/// nobody to wait for, and one that was ever written to has waited.
pub(in crate::node) async fn must_join(
    own: &Catalog,
    log: LogId,
    since: u64,
) -> Result<bool, CatalogError> {
    if since <= 1 {
        return Ok(false);
    }
    let claims = isobath_storage::store::keys::ClaimKey::prefix(log);
    Ok(own.paths(&claims).await?.is_empty())
}

impl Regions {
    /// Lets the own log be claimed as soon as every other region counts this one in, and the views hold all that they
    /// had written until then: what is written here is newer than that.
    pub(super) async fn join(self: Arc<Self>, joining: Arc<AtomicBool>) {
        if !joining.load(Ordering::Acquire) {
            return;
        }
        let since = self.membership.get(self.region).map_or(0, |m| m.since);
        let mut missing: Vec<Region> = self.peers.keys().copied().collect();
        let mut wanted = VersionVector::default();
        while !missing.is_empty() {
            let mut left = vec![];
            for region in missing {
                match self.counts_us_in(region, since).await {
                    Ok(Some(holds)) => wanted.merge(&holds),
                    Ok(None) => left.push(region),
                    Err(error) => {
                        let error = &error as &dyn Error;
                        tracing::warn!(%region, error, "acks cannot be read");
                        left.push(region);
                    }
                }
            }
            missing = left;
            self.clock.sleep(LOOK).await;
        }
        while !self.positions.applied().covers(&wanted) {
            self.clock.sleep(LOOK).await;
        }
        tracing::info!("every other region counts this one in");
        joining.store(false, Ordering::Release);
    }

    /// What a region holds, if it knows that this one is a member.
    async fn counts_us_in(
        &self,
        region: Region,
        since: u64,
    ) -> Result<Option<VersionVector>, CatalogError> {
        let Some(catalog) = self.catalogs.get(&region) else {
            return Ok(None);
        };
        let ack = catalog.newest_ack().await?;
        Ok(ack
            .filter(|ack| ack.membership >= since)
            .map(|ack| ack.holds))
    }
}
