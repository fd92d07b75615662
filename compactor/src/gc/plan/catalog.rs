//! [`Kept`]: which checkpoints and manifests stay.

use super::{Fate, delete, is_young, keep};
use crate::gc::{Facts, Times, rules::Rules};
use isobath_storage::{
    model::Namespace,
    store::keys::{AnyKey, CheckpointKey, ManifestKey},
};
use std::collections::BTreeMap;

/// Which checkpoints and manifests stay, with the reasons.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// The newest checkpoint older than the retention.
    pub(super) base: Option<u64>,
    pub(super) checkpoints: BTreeMap<u64, String>,
    pub(super) manifests: BTreeMap<Namespace, BTreeMap<u64, String>>,
}

impl Kept {
    pub(super) fn of(facts: &Facts, times: &Times, rules: Rules) -> Self {
        let mut kept = Self::default();
        kept.keep_checkpoints(facts, times, rules);
        kept.keep_manifests(facts, rules);
        kept
    }

    fn keep_checkpoints(&mut self, facts: &Facts, times: &Times, rules: Rules) {
        let start = if rules.retention {
            facts.now_ms.saturating_sub(times.retention_ms())
        } else {
            u64::MAX
        };
        let numbers = facts.checkpoints.keys().copied();
        let old = numbers.filter(|number| as_of_ms(facts, *number) <= start);
        self.base = old.max();
        let newest = facts.checkpoints.keys().next_back().copied();
        for number in facts.checkpoints.keys().copied() {
            let pins = facts
                .pins
                .iter()
                .filter(|(_, pin)| pin.holds_at(facts.now_ms));
            let mut pins = pins.filter(|(_, pin)| rules.pins && pin.checkpoint == number);
            let why = if Some(number) == newest {
                "it is the newest".to_owned()
            } else if self.base == Some(number) {
                "restores go back to it".to_owned()
            } else if self.base.is_none_or(|base| number > base) {
                "it is within the retention".to_owned()
            } else if let Some((id, _)) = pins.next() {
                format!("snapshot {id} holds it")
            } else {
                continue;
            };
            self.checkpoints.insert(number, why);
        }
    }

    fn keep_manifests(&mut self, facts: &Facts, rules: Rules) {
        for number in self.checkpoints.keys() {
            let named = facts.checkpoints.get(number).map(|c| &c.namespaces);
            for (namespace, manifest) in named.into_iter().flatten() {
                let of = self.manifests.entry(namespace.clone()).or_default();
                of.insert(*manifest, format!("checkpoint {number} refers to it"));
            }
        }
        let newest = facts.checkpoints.values().next_back();
        for (namespace, numbers) in &facts.manifests {
            let known = newest.and_then(|c| c.namespaces.get(namespace)).copied();
            let of = self.manifests.entry(namespace.clone()).or_default();
            for number in numbers.keys().copied() {
                let next = numbers.range(number + 1..).next();
                let why = match next {
                    None => "it is the newest",
                    Some(_) if number > known.unwrap_or_default() => {
                        "the newest checkpoint does not refer to a newer one"
                    }
                    Some((next, _)) if rules.superseded && is_fresh(facts, namespace, *next) => {
                        "it was superseded less than a day ago"
                    }
                    Some(_) => continue,
                };
                of.entry(number).or_insert_with(|| why.to_owned());
            }
        }
    }

    /// What becomes of a checkpoint.
    pub(super) fn checkpoint(&self, number: u64) -> Fate {
        match self.checkpoints.get(&number) {
            Some(why) => keep(why),
            // one that was not read was created or deleted since the listing
            None if self.base.is_none_or(|base| number >= base) => keep("it is new"),
            None => delete("it is older than the retention"),
        }
    }

    /// What becomes of a manifest.
    pub(super) fn manifest(&self, key: &ManifestKey) -> Fate {
        let of = self.manifests.get(&key.namespace);
        match of.and_then(|of| of.get(&key.version)) {
            Some(why) => keep(why),
            None => delete("it is superseded, and no kept checkpoint refers to it"),
        }
    }
}

/// Since when a checkpoint is there: it may have been planned long before.
fn as_of_ms(facts: &Facts, number: u64) -> u64 {
    let planned = facts.checkpoints.get(&number).map(|c| c.as_of_ms);
    let seen = facts
        .objects
        .get(&AnyKey::Checkpoint(CheckpointKey(number)));
    let created = seen.map_or(u64::MAX, |seen| seen.created_ms);
    planned.unwrap_or_default().max(created)
}

/// Whether a manifest was created less than a day ago.
fn is_fresh(facts: &Facts, namespace: &Namespace, version: u64) -> bool {
    let namespace = namespace.clone();
    let key = AnyKey::Manifest(ManifestKey { namespace, version });
    let seen = facts.objects.get(&key);
    seen.is_none_or(|seen| is_young(facts, seen.created_ms))
}
