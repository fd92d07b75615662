//! [`RegionOfCluster`]: what a process of one region needs to know of its cluster.

use super::{buckets, read};
use crate::cli::{failure::Usage, settings};
use anyhow::Context as _;
use isobath::node::ClusterParts;
use isobath_config::{ClusterConfig, Config, HiddenText};
use isobath_storage::model::Region;
use std::{collections::BTreeMap, path::Path, time::Duration};

/// Holds what regions prove to each other that they belong together.
const KEY: &str = "ISOBATH_CLUSTER_KEY";
/// The shortest key, in bytes.
const MIN_KEY: usize = 16;

/// What a process of one region needs to know of its cluster.
#[derive(Debug)]
pub(in crate::cli) struct RegionOfCluster {
    /// The region's bucket.
    pub(in crate::cli) bucket: String,
    /// The variables as they count for it.
    pub(in crate::cli) environment: Vec<(String, String)>,
    /// The others.
    pub(in crate::cli) parts: ClusterParts,
}

impl RegionOfCluster {
    /// What `file` says, for a process with these settings.
    pub(in crate::cli) fn read(file: &Path, config: &Config) -> anyhow::Result<Self> {
        let key = std::env::var(KEY).ok().map(HiddenText::new);
        let cluster = read(file)?;
        let short = key.as_ref().is_none_or(|key| key.expose().len() < MIN_KEY);
        if cluster.region.len() > 1 && short {
            let text = format!(
                "{KEY} must hold at least {MIN_KEY} characters, the same in all regions of a cluster"
            );
            return Err(Usage(text).into());
        }
        Self::new(cluster, config, key, BTreeMap::new())
    }

    /// The same for a cluster that was read, with longer ways to the other regions.
    pub(in crate::cli) fn new(
        cluster: ClusterConfig,
        config: &Config,
        key: Option<HiddenText>,
        delays: BTreeMap<Region, Duration>,
    ) -> anyhow::Result<Self> {
        let own: Region = config.region.parse()?;
        let Some(region) = cluster.get(own.as_str()) else {
            let names: Vec<&str> = cluster.region.iter().map(|r| r.name.as_str()).collect();
            let text = format!(
                "--region {own}: the cluster has the regions {}",
                names.join(", ")
            );
            return Err(Usage(text).into());
        };
        let bucket = region.bucket.clone();
        let environment = region.environment(&settings::environment());
        let stores = buckets::open_others(&cluster, config, own, &delays);
        let stores = stores.context("the buckets of the other regions")?;
        Ok(Self {
            bucket,
            environment,
            parts: ClusterParts {
                config: cluster,
                key,
                stores,
                delays,
            },
        })
    }
}
