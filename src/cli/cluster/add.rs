//! `isobath cluster add-region`: one more region.

use super::buckets::{self, catalog, get};
use crate::cli::failure::Usage;
use anyhow::Context as _;
use isobath_compactor::restore::bootstrap;
use isobath_config::ClusterConfig;
use isobath_storage::{
    format::{Member, Membership},
    model::Region,
    store::Store,
};
use std::{
    collections::BTreeMap,
    io::{self, Write as _},
};

/// Adds `name` to the regions of `cluster`.
pub(super) async fn run(cluster: &ClusterConfig, name: &str) -> anyhow::Result<()> {
    let region: Region = name.parse()?;
    let stores = buckets::open_all(cluster, true)?;
    let target = get(&stores, region)?;
    let others: BTreeMap<Region, Store> = stores
        .iter()
        .filter(|(known, _)| **known != region)
        .map(|(known, store)| (*known, store.clone()))
        .collect();
    let Some(known) = buckets::newest(&others).await? else {
        return Err(Usage("there is no cluster yet; use init".to_owned()).into());
    };
    let mut out = io::stdout();
    if known.get(region).is_some() {
        buckets::publish(&stores, &known).await?;
        return Ok(writeln!(out, "region {region} is a member")?);
    }
    if known.removed.iter().any(|removed| removed.region == region) {
        let text = format!("region {region} was removed; a region comes back under another name");
        return Err(Usage(text).into());
    }
    // an earlier change must be everywhere before the next one
    buckets::publish(&stores, &known).await?;
    let marker = buckets::mark(target, known.cluster, region).await?;
    if let Some(source) = whole(&known, &others).await? {
        let source = get(&stores, source)?;
        let copied = bootstrap(&source.data, &target.data).await;
        let copied = copied.with_context(|| format!("cannot copy the state of {}", source.url))?;
        writeln!(out, "copied {copied} objects from {}", source.url)?;
    }
    let number = known.number + 1;
    let mut next = Membership {
        number,
        created_at_ms: buckets::now_ms(),
        homes: buckets::homes(cluster)?,
        ..known
    };
    next.members.push(Member {
        region,
        bucket: marker.bucket,
        since: number,
    });
    buckets::publish(&stores, &next).await?;
    Ok(writeln!(out, "region {region} is a member from now on")?)
}

/// The member whose state the new region starts from, where the logs alone do not hold all: that with the newest
/// checkpoint.
async fn whole(
    known: &Membership,
    stores: &BTreeMap<Region, Store>,
) -> anyhow::Result<Option<Region>> {
    let (mut newest, mut deleted) = (None, false);
    for member in &known.members {
        let catalog = catalog(get(stores, member.region)?);
        deleted |= !catalog.floors().await?.is_empty();
        if let Some(checkpoint) = catalog.newest_checkpoint().await? {
            newest = newest.max(Some((checkpoint.hlc_cut, member.region)));
        }
    }
    Ok(newest.filter(|_| deleted).map(|(_, region)| region))
}
