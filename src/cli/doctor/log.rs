//! The logs of the bucket: how far they go, and who claimed them.

use super::report::Report;
use anyhow::Context as _;
use futures::TryStreamExt as _;
use isobath_storage::{
    model::{Epoch, LogId},
    store::{
        Store,
        keys::{AnyKey, Key as _, SegmentKey},
    },
};
use object_store::path::Path;
use std::collections::BTreeMap;

/// What a listing tells about a log.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Found {
    segments: u64,
    bytes: u64,
    first: u64,
    last: u64,
    claim: Option<Epoch>,
}

/// Says how far each log goes.
pub(super) async fn check(store: &Store, report: &mut Report) -> anyhow::Result<()> {
    let logs = match find(store).await {
        Ok(logs) => logs,
        Err(error) => return report.bad(error.context("cannot list the logs")),
    };
    if logs.is_empty() {
        return report.note("there is no log yet");
    }
    for (log, found) in logs {
        let claim = found.claim.map_or("unclaimed".to_owned(), |epoch| {
            format!("claimed last by epoch {}", epoch.0)
        });
        if found.segments == 0 {
            report.note(format!("log {log} is empty, {claim}"))?;
            continue;
        }
        let Found { first, last, .. } = found;
        let size = indicatif::HumanBytes(found.bytes);
        report.good(format!(
            "log {log} holds segments {first} to {last}, {size}, {claim}"
        ))?;
        let missing = (last - first + 1).saturating_sub(found.segments);
        if missing > 0 {
            report.note(format!(
                "log {log} lacks {missing} segments between them: creates in flight, or fenced off"
            ))?;
        }
    }
    Ok(())
}

/// All logs by a listing of segments and claims.
async fn find(store: &Store) -> anyhow::Result<BTreeMap<LogId, Found>> {
    let mut logs: BTreeMap<LogId, Found> = BTreeMap::new();
    for prefix in ["log", "claim"] {
        let prefix = Path::from(prefix);
        let mut objects = store.data.list(Some(&prefix));
        while let Some(object) = objects.try_next().await? {
            match AnyKey::parse(&object.location) {
                Ok(AnyKey::Segment(SegmentKey { log, seq })) => {
                    let found = logs.entry(log).or_default();
                    let seq = seq.0;
                    found.first = if found.segments == 0 {
                        seq
                    } else {
                        found.first.min(seq)
                    };
                    found.last = found.last.max(seq);
                    found.segments += 1;
                    found.bytes += object.size;
                }
                Ok(AnyKey::Claim(claim)) => {
                    let found = logs.entry(claim.log).or_default();
                    found.claim = found.claim.max(Some(claim.epoch));
                }
                other => {
                    other.with_context(|| format!("{} is no object of ours", object.location))?;
                }
            }
        }
    }
    Ok(logs)
}
