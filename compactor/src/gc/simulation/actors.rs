//! [`Compacting`]: a compactor that may stall between its uploads and the create that refers to them.

use super::world::{Held, World, names};
use crate::gc::CheckpointFacts;
use isobath_storage::{
    model::{ContentHash, Namespace, VersionVector},
    store::keys::{AnyKey, CheckpointKey, ManifestKey, MapKey, PartKey, RunKey},
};
use std::collections::BTreeMap;

/// A compactor.
#[derive(Debug, Default)]
pub(super) struct Compacting {
    /// The manifests that it stands on.
    known: BTreeMap<Namespace, u64>,
    checkpoint: u64,
    plan: Option<Planned>,
}

/// What was uploaded and is about to be referred to.
#[derive(Debug)]
enum Planned {
    Manifest(Namespace, u64, Held),
    Checkpoint(u64, CheckpointFacts),
}

impl Compacting {
    /// Plans and uploads, or creates what was planned.
    pub(super) fn step(&mut self, world: &mut World) {
        match self.plan.take() {
            // it stalls
            Some(plan) if world.below(4) == 0 => self.plan = Some(plan),
            Some(Planned::Manifest(namespace, number, held)) => {
                self.create_manifest(world, namespace, number, held);
            }
            Some(Planned::Checkpoint(number, facts)) => {
                self.create_checkpoint(world, number, facts);
            }
            None if world.below(2) == 0 => self.plan_manifest(world),
            None => self.plan_checkpoint(world),
        }
    }

    fn plan_manifest(&mut self, world: &mut World) {
        let namespace = names()[world.below(2)].clone();
        let number = self.known.get(&namespace).copied().unwrap_or_default();
        let key = (namespace.clone(), number);
        let mut held = world.manifests.get(&key).cloned().unwrap_or_default();
        let tails = world.tails();
        let mut ops = world.ops(&tails, Some(&namespace));
        if world.below(2) == 0 {
            held.facts.parts.clear();
        } else {
            ops.retain(|(log, seq)| *seq > held.seen.get(*log));
        }
        let hash = world.hash();
        world.data.insert(hash, ops);
        world.create(AnyKey::Part(PartKey {
            namespace: namespace.clone(),
            hash,
        }));
        held.facts.parts.push(hash);
        held.seen = tails;
        self.plan = Some(Planned::Manifest(namespace, number + 1, held));
    }

    fn create_manifest(
        &mut self,
        world: &mut World,
        namespace: Namespace,
        version: u64,
        held: Held,
    ) {
        let key = ManifestKey {
            namespace: namespace.clone(),
            version,
        };
        if world.create(AnyKey::Manifest(key)) {
            world.manifests.insert((namespace.clone(), version), held);
        }
        // lost or not: it stands on the newest
        if let Some(newest) = world.newest_manifest(&namespace) {
            self.known.insert(namespace, newest);
        }
    }

    fn plan_checkpoint(&mut self, world: &mut World) {
        let prior = world
            .checkpoints
            .get(&self.checkpoint)
            .cloned()
            .unwrap_or_default();
        let tails = world.tails();
        let mut namespaces = prior.namespaces.clone();
        for (namespace, number) in &self.known {
            let known = namespaces.entry(namespace.clone()).or_default();
            *known = (*known).max(*number);
        }
        let before: VersionVector = prior.logs.iter().map(|(log, at)| (*log, at.seq)).collect();
        let merge = world.below(2) == 0;
        let after = if merge {
            VersionVector::default()
        } else {
            before
        };
        let mut ops = world.ops(&tails, None);
        ops.retain(|op| {
            let number = namespaces.get(&super::world::owner(*op)).copied();
            let held = number.map(|number| (super::world::owner(*op), number));
            let seen = held
                .and_then(|held| world.manifests.get(&held))
                .map(|held| &held.seen);
            op.1 > after.get(op.0) && seen.is_none_or(|seen| op.1 > seen.get(op.0))
        });
        let mut runs: Vec<ContentHash> = if merge { vec![] } else { prior.runs.clone() };
        let hash = world.hash();
        world.data.insert(hash, ops);
        world.create(AnyKey::Run(RunKey(hash)));
        runs.push(hash);
        let maps = if prior.namespaces == namespaces && !prior.maps.is_empty() {
            prior.maps
        } else {
            let hash = world.hash();
            world.create(AnyKey::Map(MapKey(hash)));
            vec![hash]
        };
        let facts = CheckpointFacts {
            as_of_ms: world.now,
            logs: world.positions(&tails),
            maps,
            runs,
            namespaces,
        };
        self.plan = Some(Planned::Checkpoint(self.checkpoint + 1, facts));
    }

    fn create_checkpoint(&mut self, world: &mut World, number: u64, facts: CheckpointFacts) {
        if world.create(AnyKey::Checkpoint(CheckpointKey(number))) {
            world.checkpoints.insert(number, facts);
        }
        let Some(newest) = world.newest_checkpoint() else {
            return;
        };
        self.checkpoint = newest;
        for (namespace, number) in &world.checkpoints[&newest].namespaces {
            let known = self.known.entry(namespace.clone()).or_default();
            *known = (*known).max(*number);
        }
    }
}
