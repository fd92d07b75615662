//! `isobath cluster status`: what each bucket holds.

use super::buckets::{self, catalog};
use crate::cli::bucket;
use isobath_config::ClusterConfig;
use isobath_storage::{
    model::{LogId, Region},
    store::{Marker, Store},
};
use std::io::{self, Write as _};

/// Prints what the buckets of all regions of `cluster` hold; a region that cannot be reached is said to be so.
pub(super) async fn run(cluster: &ClusterConfig) -> anyhow::Result<()> {
    let stores = buckets::open_all(cluster, false)?;
    let mut out = io::stdout();
    let mut failed = None;
    for (region, store) in &stores {
        match describe(*region, store).await {
            Ok(lines) => lines.iter().try_for_each(|line| writeln!(out, "{line}"))?,
            Err(error) => {
                writeln!(out, "{region}: {error:#}")?;
                failed = Some(error);
            }
        }
    }
    failed.map_or(Ok(()), Err)
}

async fn describe(region: Region, store: &Store) -> anyhow::Result<Vec<String>> {
    let Some(marker) = Marker::read(store).await? else {
        return Ok(vec![format!(
            "{region}: {} is no bucket of isobath",
            store.url
        )]);
    };
    let catalog = catalog(store);
    let membership = catalog.newest_membership().await?;
    let said = membership.as_ref().map_or_else(
        || "alone".to_owned(),
        |m| {
            let names: Vec<&str> = m.members.iter().map(|m| m.region.as_str()).collect();
            format!("membership {}: {}", m.number, names.join(", "))
        },
    );
    let mut lines = vec![format!(
        "{region}: {}, cluster {}, {said}",
        store.url, marker.cluster.0
    )];
    let ack = catalog.newest_ack().await?;
    let floors = catalog.floors().await?;
    for (log, objects) in bucket::logs(store).await? {
        let last = objects.ends().map_or(0, |(_, last)| last.0);
        let floor = floors.get(&log).map_or(0, |floor| floor.seq.0);
        let acked = ack.as_ref().map_or(0, |ack| ack.holds.get(log).0);
        let gaps = objects.gaps();
        let kind = if is_own(log, region) { "own" } else { "copy" };
        lines.push(format!(
            "  log {log} ({kind}): up to {last}, deleted up to {floor}, acked up to {acked}, {gaps} missing"
        ));
    }
    Ok(lines)
}

fn is_own(log: LogId, region: Region) -> bool {
    log.region == region
}
