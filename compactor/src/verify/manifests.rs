//! Manifests, with their parts and deletion vectors, and the indexes of these parts.

use super::{
    Report,
    checkpoints::Checkpoints,
    fetch::{Fetch, LARGE, SMALL, found, is_named, sound},
    listing::Listing,
};
use crate::state::StateError;
use futures::TryStreamExt;
use isobath_storage::{
    format::{Manifest, PartEntry, dead, part::Part},
    model::{ContentHash, Namespace},
    store::keys::{DeadKey, Key, ManifestKey, PartKey},
};
use std::collections::{BTreeMap, BTreeSet};

/// Parts that somebody refers to.
pub(super) type Parts = BTreeSet<(Namespace, ContentHash)>;

/// What manifests refer to, with the number of one that does.
#[derive(Debug, Default)]
struct Wanted {
    parts: BTreeMap<(Namespace, ContentHash), (PartEntry, u64)>,
    dead: BTreeMap<(Namespace, ContentHash), (u64, u64)>,
}

/// Reads and checks all manifests, and what the reachable ones refer to; tells the parts among it.
pub(super) async fn check(
    fetch: &Fetch,
    listing: &Listing,
    checkpoints: &Checkpoints,
    report: &mut Report,
) -> Result<Parts, StateError> {
    let mut wanted = Wanted::default();
    let mut all = listing.manifests.clone();
    for (namespace, numbers) in &checkpoints.manifests {
        all.entry(namespace.clone()).or_default().extend(numbers);
    }
    let keys = all.iter().flat_map(|(namespace, numbers)| {
        numbers.iter().map(|number| ManifestKey {
            namespace: namespace.clone(),
            version: *number,
        })
    });
    let keys = keys.map(|key| (key.path(), key));
    let mut reads = std::pin::pin!(fetch.all(keys, SMALL));
    while let Some((path, key, bytes)) = reads.try_next().await? {
        let Some(bytes) = found(report, &path, bytes, "a checkpoint refers to it") else {
            continue;
        };
        let Some(manifest) = sound(report, &path, Manifest::decode(&bytes))? else {
            continue;
        };
        if (&manifest.namespace, manifest.number) != (&key.namespace, key.version) {
            let (namespace, number) = (manifest.namespace, manifest.number);
            report.damage(&path, format!("says it is number {number} of {namespace}"));
        } else if is_reachable(&key, listing, checkpoints) {
            wanted.add(manifest);
        }
    }
    parts(fetch, &wanted, report).await?;
    let parts = wanted.parts.keys().cloned().collect();
    deletion_vectors(fetch, wanted, report).await?;
    Ok(parts)
}

/// Whether a checkpoint refers to a manifest, or it is the newest.
fn is_reachable(key: &ManifestKey, listing: &Listing, checkpoints: &Checkpoints) -> bool {
    let referred = checkpoints.manifests.get(&key.namespace);
    let listed = listing.manifests.get(&key.namespace);
    referred.is_some_and(|numbers| numbers.contains(&key.version))
        || listed.and_then(|numbers| numbers.last()) == Some(&key.version)
}

impl Wanted {
    fn add(&mut self, manifest: Manifest) {
        for entry in manifest.parts {
            if let Some(hash) = entry.dead {
                let key = (manifest.namespace.clone(), hash);
                self.dead.insert(key, (entry.dead_rows, manifest.number));
            }
            let key = (entry.owner(&manifest.namespace).clone(), entry.hash);
            self.parts.insert(key, (entry, manifest.number));
        }
    }
}

async fn parts(fetch: &Fetch, wanted: &Wanted, report: &mut Report) -> Result<(), StateError> {
    let keys = wanted.parts.iter().map(|((namespace, hash), value)| {
        let key = PartKey {
            namespace: namespace.clone(),
            hash: *hash,
        };
        (key.path(), (namespace, value))
    });
    let mut reads = std::pin::pin!(fetch.all(keys, LARGE));
    while let Some((path, (namespace, (entry, by)), bytes)) = reads.try_next().await? {
        let Some(bytes) = found(report, &path, bytes, &needed_by(*by)) else {
            continue;
        };
        if !is_named(report, &path, &bytes, entry.hash) {
            continue;
        }
        let length = bytes.len() as u64;
        let Some(part) = sound(report, &path, Part::open(bytes))? else {
            continue;
        };
        if part.namespace != *namespace {
            report.damage(&path, format!("says it is a part of {}", part.namespace));
        }
        if (part.rows.len() as u64, length) != (entry.rows, entry.bytes) {
            let (rows, what) = (part.rows.len(), "is not what its manifest says");
            report.damage(&path, format!("{what}: {rows} rows, {length} bytes"));
        }
    }
    Ok(())
}

async fn deletion_vectors(
    fetch: &Fetch,
    wanted: Wanted,
    report: &mut Report,
) -> Result<(), StateError> {
    let keys = wanted.dead.into_iter().map(|((namespace, hash), value)| {
        let key = DeadKey { namespace, hash };
        (key.path(), (hash, value))
    });
    let mut reads = std::pin::pin!(fetch.all(keys, SMALL));
    while let Some((path, (hash, (rows, by)), bytes)) = reads.try_next().await? {
        let Some(bytes) = found(report, &path, bytes, &needed_by(by)) else {
            continue;
        };
        if !is_named(report, &path, &bytes, hash) {
            continue;
        }
        if let Some(dead) = sound(report, &path, dead::decode(&bytes))?
            && dead.len() != rows
        {
            report.damage(&path, format!("holds {} rows, not {rows}", dead.len()));
        }
    }
    Ok(())
}

fn needed_by(manifest: u64) -> String {
    format!("manifest {manifest} refers to it")
}
