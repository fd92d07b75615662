//! The buckets of a cluster's regions, opened.

use crate::cli::{chance, failure::Usage, settings};
use anyhow::Context as _;
use isobath_config::{ClusterConfig, Config};
use isobath_storage::{
    Clock, SystemClock,
    catalog::Catalog,
    format::{Home, Membership},
    model::{BucketId, ClusterId, Region},
    store::{Marker, Store, StoreOptions},
};
use std::{collections::BTreeMap, sync::Arc, time::Duration};

/// Opens the buckets of all regions, each with its own variables.
pub(in crate::cli) fn open_all(
    cluster: &ClusterConfig,
    create_dir: bool,
) -> anyhow::Result<BTreeMap<Region, Store>> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let (config, environment) = (Config::default(), settings::environment());
    let options = StoreOptions {
        create_dir,
        ..StoreOptions::from_config(&config.store, &config.log)
    };
    let mut stores = BTreeMap::new();
    for region in &cluster.region {
        let store = Store::open(
            &region.bucket,
            region.environment(&environment),
            &options,
            &clock,
        );
        let store = store.with_context(|| format!("region {}", region.name))?;
        stores.insert(region.name.parse()?, store);
    }
    Ok(stores)
}

/// Opens the buckets of all regions but `own`, as a node with these settings does; a request to one of them takes
/// longer by its delay.
pub(super) fn open_others(
    cluster: &ClusterConfig,
    config: &Config,
    own: Region,
    delays: &BTreeMap<Region, Duration>,
) -> anyhow::Result<BTreeMap<Region, Store>> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let environment = settings::environment();
    let mut stores = BTreeMap::new();
    for region in &cluster.region {
        let name: Region = region.name.parse()?;
        if name == own {
            continue;
        }
        let mut options = StoreOptions {
            // a region whose directory is gone does not keep the others from starting
            create_dir: true,
            ..StoreOptions::from_config(&config.store, &config.log)
        };
        options.throttle.latency += delays.get(&name).copied().unwrap_or_default();
        let environment = region.environment(&environment);
        let store = Store::open(&region.bucket, environment, &options, &clock);
        stores.insert(name, store.with_context(|| format!("region {name}"))?);
    }
    Ok(stores)
}

/// The catalog of a bucket.
pub(super) fn catalog(store: &Store) -> Catalog {
    Catalog::new(Arc::clone(&store.data))
}

/// The bucket of a region that the file names.
pub(super) fn get(stores: &BTreeMap<Region, Store>, region: Region) -> anyhow::Result<&Store> {
    let store = stores.get(&region);
    Ok(store.ok_or_else(|| Usage(format!("the file does not name region {region}")))?)
}

/// Marks a bucket as that of a region of a cluster, unless it is.
pub(super) async fn mark(
    store: &Store,
    cluster: ClusterId,
    region: Region,
) -> anyhow::Result<Marker> {
    let fresh = Marker::new(cluster, region, BucketId(chance::fresh_id()?));
    let marker = Marker::ensure(store, fresh, None).await;
    let marker = marker.with_context(|| format!("region {region}"))?;
    if marker.cluster != cluster {
        let text = format!("the bucket of region {region} is of another cluster");
        return Err(Usage(text).into());
    }
    Ok(marker)
}

/// The newest membership that any of the buckets holds; all of those before it are copied to where they are missing,
/// so that an interrupted change is finished.
pub(super) async fn newest(stores: &BTreeMap<Region, Store>) -> anyhow::Result<Option<Membership>> {
    let mut newest: Option<Membership> = None;
    for (region, store) in stores {
        let found = catalog(store).newest_membership().await;
        let found = found.with_context(|| format!("region {region}"))?;
        let known = newest.as_ref().map_or(0, |m| m.number);
        newest = found.filter(|found| found.number > known).or(newest);
    }
    Ok(newest)
}

/// Publishes a membership: first in the bucket of the member with the lowest name, which decides between changes at
/// the same time, then in all others.
pub(super) async fn publish(
    stores: &BTreeMap<Region, Store>,
    membership: &Membership,
) -> anyhow::Result<()> {
    let mut regions: Vec<Region> = membership.members.iter().map(|m| m.region).collect();
    regions.sort_unstable();
    for region in regions {
        let catalog = catalog(get(stores, region)?);
        let created = catalog.create_membership(membership).await;
        if !created.with_context(|| format!("region {region}"))? {
            let text = format!(
                "region {region} holds another change number {}; look at `isobath cluster status`, then try again",
                membership.number
            );
            return Err(Usage(text).into());
        }
    }
    Ok(())
}

/// The homes that the file names.
pub(super) fn homes(cluster: &ClusterConfig) -> anyhow::Result<Vec<Home>> {
    let homes = cluster.home.iter().map(|home| {
        Ok(Home {
            prefix: home.prefix.clone(),
            region: home.region.parse()?,
        })
    });
    homes.collect()
}

/// Now, in milliseconds since 1970.
pub(super) fn now_ms() -> u64 {
    SystemClock.now_ms()
}
