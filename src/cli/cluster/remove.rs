//! `isobath cluster remove-region`: one region less.

use super::buckets::{self, catalog, get};
use crate::cli::{bucket, failure::Usage};
use isobath_config::ClusterConfig;
use isobath_storage::{
    format::{Membership, Removed},
    model::{LogId, Region, Seq, ShardId, VersionVector},
    store::{
        Store,
        keys::{Key as _, SegmentKey},
    },
};
use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Write as _},
};

/// Removes `name` from the regions of `cluster`: its own bucket is not asked.
pub(super) async fn run(cluster: &ClusterConfig, name: &str) -> anyhow::Result<()> {
    let region: Region = name.parse()?;
    let mut others = cluster.clone();
    others.region.retain(|other| other.name != name);
    let stores = buckets::open_all(&others, false)?;
    let Some(known) = buckets::newest(&stores).await? else {
        return Err(Usage("there is no cluster yet; use init".to_owned()).into());
    };
    let mut out = io::stdout();
    if known.get(region).is_none() {
        buckets::publish(&stores, &known).await?;
        return Ok(writeln!(out, "region {region} is no member")?);
    }
    if known.members.len() == 1 {
        return Err(Usage("the last region cannot be removed".to_owned()).into());
    }
    let log = LogId::new(region, ShardId(0));
    let survivors = known.members.iter().map(|m| m.region);
    let survivors: Vec<Region> = survivors.filter(|r| *r != region).collect();
    let upto = unite(&stores, &survivors, log).await?;
    let mut next = Membership {
        number: known.number + 1,
        created_at_ms: buckets::now_ms(),
        homes: buckets::homes(cluster)?,
        ..known
    };
    next.members.retain(|member| member.region != region);
    next.homes.retain(|home| home.region != region);
    next.removed.push(Removed {
        region,
        upto: VersionVector::from_iter([(log, upto)]),
    });
    buckets::publish(&stores, &next).await?;
    Ok(writeln!(
        out,
        "region {region} is no member any more; of its log counts what comes up to segment {upto}"
    )?)
}

/// Gives each of the `survivors` what the others hold of a log: the longest prefix without a gap. Its end.
async fn unite(
    stores: &BTreeMap<Region, Store>,
    survivors: &[Region],
    log: LogId,
) -> anyhow::Result<Seq> {
    let mut held: BTreeMap<Region, BTreeSet<Seq>> = BTreeMap::new();
    let mut from = Seq::ZERO;
    for region in survivors {
        let store = get(stores, *region)?;
        let found = bucket::logs(store).await?.remove(&log);
        let segments = found.map(|found| found.segments.into_keys().collect());
        held.insert(*region, segments.unwrap_or_default());
        let floor = catalog(store).floors().await?.remove(&log);
        from = from.max(floor.map_or(Seq::ZERO, |floor| floor.seq));
    }
    let anywhere = |seq: Seq| held.iter().find(|(_, all)| all.contains(&seq));
    let mut upto = from;
    while let Some((holder, _)) = anywhere(upto.next()) {
        let seq = upto.next();
        let path = SegmentKey { log, seq }.path();
        for (region, _) in held.iter().filter(|(_, all)| !all.contains(&seq)) {
            let bytes = bucket::read(get(stores, *holder)?, &path).await?;
            isobath_storage::format::segment::decode(&bytes)?;
            catalog(get(stores, *region)?).create(&path, bytes).await?;
        }
        upto = seq;
    }
    Ok(upto)
}
