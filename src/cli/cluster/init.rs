//! `isobath cluster init`: makes buckets one cluster.

use super::buckets::{self, catalog, get};
use crate::cli::{chance, failure::Usage};
use anyhow::Context as _;
use isobath_config::ClusterConfig;
use isobath_storage::{
    format::{Member, Membership},
    model::{ClusterId, Region},
    store::{Marker, Store},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Write as _},
};

/// Makes the buckets of all regions of `cluster` one cluster; what an earlier call began is finished.
pub(in crate::cli) async fn run(cluster: &ClusterConfig) -> anyhow::Result<()> {
    let membership = init_all(cluster).await?;
    let names: Vec<String> = membership
        .members
        .iter()
        .map(|m| m.region.to_string())
        .collect();
    let said = format!(
        "cluster {} has the regions {}",
        membership.cluster.0,
        names.join(", ")
    );
    Ok(writeln!(io::stdout(), "{said}")?)
}

/// The same, and says nothing. What the regions consist of then.
pub(in crate::cli) async fn init_all(cluster: &ClusterConfig) -> anyhow::Result<Membership> {
    let stores = &buckets::open_all(cluster, true)?;
    let id = cluster_id(stores).await?;
    let mut members = vec![];
    for region in &cluster.region {
        let region: Region = region.name.parse()?;
        let marker = buckets::mark(get(stores, region)?, id, region).await?;
        members.push(Member {
            region,
            bucket: marker.bucket,
            since: 1,
        });
    }
    let known = buckets::newest(stores).await?;
    if known.as_ref().is_some_and(|known| known.number > 1) {
        let text = "the cluster exists and has changed since; use add-region or remove-region";
        return Err(Usage(text.to_owned()).into());
    }
    let membership = match known {
        None => Membership {
            number: 1,
            cluster: id,
            members,
            homes: buckets::homes(cluster)?,
            removed: vec![],
            created_at_ms: buckets::now_ms(),
        },
        Some(known) if known.members == members => known,
        Some(_) => {
            let text = "the buckets are a cluster of other regions than the file names";
            return Err(Usage(text.to_owned()).into());
        }
    };
    buckets::publish(stores, &membership).await?;
    Ok(membership)
}

/// The cluster that the buckets are of which are not empty; a new one where all are.
async fn cluster_id(stores: &BTreeMap<Region, Store>) -> anyhow::Result<ClusterId> {
    let (mut found, mut used) = (BTreeSet::new(), vec![]);
    for (region, store) in stores {
        let marker = Marker::read(store).await;
        if let Some(marker) = marker.with_context(|| format!("region {region}"))? {
            found.insert(marker.cluster);
            if catalog(store).newest_checkpoint().await?.is_some() {
                used.push(region.to_string());
            }
        }
    }
    match found.len() {
        0 => Ok(ClusterId(chance::fresh_id()?)),
        1 => Ok(found
            .first()
            .copied()
            .unwrap_or(ClusterId(chance::fresh_id()?))),
        _ => {
            let text = format!(
                "the buckets are of several clusters already{}{}",
                if used.is_empty() { "" } else { "; in use: " },
                used.join(", ")
            );
            Err(Usage(text).into())
        }
    }
}
