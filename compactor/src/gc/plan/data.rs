//! [`Reachable`]: parts, deletion vectors, runs, maps and indexes that somebody refers to.

use super::{Fate, Plan, catalog::Kept, delete, is_young, keep};
use crate::gc::{Facts, Seen, rules::Rules};
use isobath_storage::{
    model::Namespace,
    store::keys::{
        AnyKey, CheckpointKey, DeadKey, IndexFile, IndexKey, ManifestKey, MapKey, PartKey, RunKey,
    },
};
use std::collections::HashMap;

/// An object that was created so long before a manifest or checkpoint was planned for no later one: by the store's
/// clock, which may be read a little late.
const MARGIN_MS: u64 = 10 * 60 * 1_000;

/// What kept checkpoints and manifests refer to, with who does.
#[derive(Debug, Default)]
pub(super) struct Reachable(HashMap<AnyKey, String>);

impl Reachable {
    pub(super) fn of(facts: &Facts, kept: &Kept) -> Self {
        let mut found = HashMap::new();
        for number in kept.checkpoints.keys() {
            let Some(checkpoint) = facts.checkpoints.get(number) else {
                continue;
            };
            let maps = checkpoint
                .maps
                .iter()
                .map(|hash| AnyKey::Map(MapKey(*hash)));
            let runs = checkpoint
                .runs
                .iter()
                .map(|hash| AnyKey::Run(RunKey(*hash)));
            let why = format!("checkpoint {number} refers to it");
            found.extend(maps.chain(runs).map(|key| (key, why.clone())));
        }
        for (namespace, numbers) in &kept.manifests {
            for number in numbers.keys() {
                let of = facts.manifests.get(namespace);
                let Some(manifest) = of.and_then(|of| of.get(number)) else {
                    continue;
                };
                let why = format!("manifest {number} refers to it");
                let parts = manifest.parts.iter().map(|hash| {
                    AnyKey::Part(PartKey {
                        namespace: namespace.clone(),
                        hash: *hash,
                    })
                });
                let dead = manifest.dead.iter().map(|hash| {
                    AnyKey::Dead(DeadKey {
                        namespace: namespace.clone(),
                        hash: *hash,
                    })
                });
                let adopted = manifest.adopted.iter().cloned().map(AnyKey::Part);
                found.extend(
                    parts
                        .chain(adopted)
                        .chain(dead)
                        .map(|key| (key, why.clone())),
                );
            }
        }
        Self(found)
    }

    /// What becomes of an object below `data/`; the plan takes note of who must lose a number first.
    pub(super) fn data(
        &self,
        facts: &Facts,
        rules: Rules,
        key: &AnyKey,
        seen: Seen,
        plan: &mut Plan,
    ) -> Fate {
        if let Some(why) = self.0.get(key) {
            return keep(why);
        }
        if let AnyKey::Index(index) = key
            && let Some(why) = self.index(facts, index)
        {
            return keep(why);
        }
        if is_young(facts, seen.created_ms) {
            return keep("nothing refers to it, and it is younger than a day");
        }
        let newest = match owner(key) {
            Some(namespace) => newest_manifest(facts, namespace),
            None => newest_checkpoint(facts),
        };
        let Some((number, created_ms)) = newest else {
            return keep("nothing refers to it, but who made it may still be the first to do so");
        };
        if rules.renumber && created_ms < seen.created_ms.saturating_add(MARGIN_MS) {
            match owner(key) {
                Some(namespace) => drop(plan.renumber.insert(namespace.clone(), number)),
                None => plan.next_checkpoint = Some(number),
            }
        }
        delete("nothing refers to it")
    }

    /// Why an object of an index stays; none where nothing holds it.
    fn index(&self, facts: &Facts, key: &IndexKey) -> Option<&'static str> {
        let part = AnyKey::Part(PartKey {
            namespace: key.namespace.clone(),
            hash: key.part,
        });
        if !self.0.contains_key(&part) {
            return None;
        }
        let meta = key.with_file(IndexFile::Meta);
        match (facts.indexes.get(&meta), key.file) {
            (_, IndexFile::Meta) => Some("its part is kept"),
            (None, _) if facts.objects.contains_key(&AnyKey::Index(meta)) => {
                Some("its index was not looked at")
            }
            (None, _) => Some("its index may be under way"),
            (Some(files), IndexFile::Data(hash)) if files.contains(&hash) => {
                Some("the index of a kept part names it")
            }
            (Some(_), _) => None,
        }
    }
}

/// Whose manifest an object is planned for; none where it is planned for a checkpoint.
pub(crate) fn owner(key: &AnyKey) -> Option<&Namespace> {
    match key {
        AnyKey::Part(PartKey { namespace, .. })
        | AnyKey::Dead(DeadKey { namespace, .. })
        | AnyKey::Index(IndexKey { namespace, .. }) => Some(namespace),
        _ => None,
    }
}

/// The newest manifest of a namespace, and when it was created.
fn newest_manifest(facts: &Facts, namespace: &Namespace) -> Option<(u64, u64)> {
    let newest = facts.manifests.get(namespace)?.keys().next_back()?;
    let key = AnyKey::Manifest(ManifestKey {
        namespace: namespace.clone(),
        version: *newest,
    });
    Some((*newest, facts.objects.get(&key)?.created_ms))
}

/// The newest checkpoint, and when it was created.
fn newest_checkpoint(facts: &Facts) -> Option<(u64, u64)> {
    let newest = facts.checkpoints.keys().next_back()?;
    let key = AnyKey::Checkpoint(CheckpointKey(*newest));
    Some((*newest, facts.objects.get(&key)?.created_ms))
}
