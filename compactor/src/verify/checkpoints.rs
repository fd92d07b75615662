//! Checkpoints, with their maps and runs.

use super::{
    Report,
    fetch::{Fetch, LARGE, SMALL, found, is_named, sound},
    listing::Listing,
};
use crate::state::StateError;
use futures::TryStreamExt;
use isobath_storage::{
    format::{Checkpoint, NamespaceEntry, NamespaceMap, RunEntry, run},
    model::{ContentHash, Namespace},
    store::keys::{CheckpointKey, Key, MapKey, PinKey, RunKey},
};
use std::collections::{BTreeMap, BTreeSet};

/// The checkpoints that could be read.
#[derive(Debug, Default)]
pub(super) struct Checkpoints {
    /// By number.
    pub(super) all: BTreeMap<u64, Checkpoint>,
    /// The manifests that they refer to.
    pub(super) manifests: BTreeMap<Namespace, BTreeSet<u64>>,
}

/// Reads and checks all checkpoints.
pub(super) async fn check(
    fetch: &Fetch,
    listing: &Listing,
    now_ms: u64,
    report: &mut Report,
) -> Result<Checkpoints, StateError> {
    let mut checkpoints = Checkpoints::default();
    let keys = listing.checkpoints.iter();
    let keys = keys.map(|number| (CheckpointKey(*number).path(), *number));
    let mut reads = std::pin::pin!(fetch.all(keys, SMALL));
    while let Some((path, number, bytes)) = reads.try_next().await? {
        let Some(bytes) = found(report, &path, bytes, "it was listed") else {
            continue;
        };
        let read = sound(report, &path, Checkpoint::decode(&bytes))?;
        match read {
            Some(read) if read.number == number => {
                checkpoints.all.insert(number, read);
            }
            Some(read) => report.damage(&path, format!("says it is number {}", read.number)),
            None => {}
        }
    }
    maps(fetch, &mut checkpoints, report).await?;
    runs(fetch, &checkpoints, report).await?;
    pins(fetch, &checkpoints, now_ms, report).await?;
    Ok(checkpoints)
}

async fn maps(
    fetch: &Fetch,
    checkpoints: &mut Checkpoints,
    report: &mut Report,
) -> Result<(), StateError> {
    let mut wanted: BTreeMap<ContentHash, u64> = BTreeMap::new();
    for checkpoint in checkpoints.all.values() {
        wanted.extend(
            checkpoint
                .maps
                .iter()
                .map(|hash| (*hash, checkpoint.number)),
        );
    }
    let keys = wanted.iter();
    let keys = keys.map(|(hash, by)| (MapKey(*hash).path(), (*hash, *by)));
    let mut reads = std::pin::pin!(fetch.all(keys, SMALL));
    while let Some((path, (hash, by), bytes)) = reads.try_next().await? {
        let Some(bytes) = found(report, &path, bytes, &needed_by(by)) else {
            continue;
        };
        if !is_named(report, &path, &bytes, hash) {
            continue;
        }
        if let Some(map) = sound(report, &path, NamespaceMap::decode(&bytes))? {
            for (namespace, NamespaceEntry { manifest, .. }) in map.namespaces {
                let numbers = checkpoints.manifests.entry(namespace).or_default();
                numbers.insert(manifest);
            }
        }
    }
    Ok(())
}

async fn runs(
    fetch: &Fetch,
    checkpoints: &Checkpoints,
    report: &mut Report,
) -> Result<(), StateError> {
    let mut wanted: BTreeMap<ContentHash, (RunEntry, u64)> = BTreeMap::new();
    for checkpoint in checkpoints.all.values() {
        let runs = checkpoint.runs.iter();
        wanted.extend(runs.map(|entry| (entry.hash, (*entry, checkpoint.number))));
    }
    let keys = wanted.into_iter();
    let keys = keys.map(|(hash, entry)| (RunKey(hash).path(), entry));
    let mut reads = std::pin::pin!(fetch.all(keys, LARGE));
    while let Some((path, (entry, by), bytes)) = reads.try_next().await? {
        let Some(bytes) = found(report, &path, bytes, &needed_by(by)) else {
            continue;
        };
        if is_named(report, &path, &bytes, entry.hash) {
            sound(report, &path, run::verify(&bytes))?;
            if bytes.len() as u64 != entry.bytes {
                let (said, path) = (entry.bytes, CheckpointKey(by).path());
                report.damage(
                    &path,
                    format!("says that run {} has {said} bytes", entry.hash),
                );
            }
        }
    }
    Ok(())
}

/// Pins hold checkpoints that are there.
async fn pins(
    fetch: &Fetch,
    checkpoints: &Checkpoints,
    now_ms: u64,
    report: &mut Report,
) -> Result<(), StateError> {
    for (id, pin) in fetch.catalog.pins().await? {
        let checkpoint = pin.checkpoint;
        if pin.holds_at(now_ms) && !checkpoints.all.contains_key(&checkpoint) {
            let what = format!("holds checkpoint {checkpoint}, which is missing or damaged");
            report.damage(&PinKey(id).path(), what);
        }
    }
    Ok(())
}

fn needed_by(checkpoint: u64) -> String {
    format!("checkpoint {checkpoint} refers to it")
}
