//! [`Collecting`]: a collector of garbage that may stall between any two requests.

use super::world::{HOUR, MINUTE, World};
use crate::gc::{
    Facts, Fate, Plan, Times,
    plan::{owner, plan_by},
    rules::Rules,
};
use isobath_storage::{
    model::Namespace,
    store::keys::{AnyKey, CheckpointKey, ManifestKey},
};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

pub(super) const RETENTION: u64 = 24 * HOUR;

/// A collector of garbage.
#[derive(Debug)]
pub(super) struct Collecting {
    rules: Rules,
    state: State,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Idle,
    /// It has listed, and reads.
    Listed(Box<Facts>),
    /// It has a plan, and creates.
    Planned(Box<Plan>),
    /// It deletes.
    Deleting(VecDeque<AnyKey>),
}

impl Collecting {
    pub(super) fn new(rules: Rules) -> Self {
        Self {
            rules,
            state: State::Idle,
        }
    }

    /// Goes on by one of its stages, or all of them at once.
    pub(super) fn step(&mut self, world: &mut World) -> Result<(), String> {
        let stages = 1 + world.below(8);
        for _ in 0..stages {
            self.state = match std::mem::take(&mut self.state) {
                State::Idle => State::Listed(Box::new(Facts {
                    now_ms: world.now,
                    objects: world.objects.clone(),
                    ..Facts::default()
                })),
                State::Listed(mut facts) => {
                    facts.read_for = Duration::from_millis(world.now - facts.now_ms);
                    read(world, &mut facts);
                    let times = Times {
                        retention: Duration::from_millis(RETENTION),
                        grace: Duration::from_millis(10 * MINUTE),
                    };
                    State::Planned(Box::new(plan_by(&facts, &times, self.rules)))
                }
                State::Planned(plan) => State::Deleting(prepare(world, &plan)?),
                State::Deleting(mut keys) => {
                    let some = 1 + world.below(30);
                    for key in keys.drain(..some.min(keys.len())) {
                        delete(world, &key)?;
                    }
                    if keys.is_empty() {
                        State::Idle
                    } else {
                        State::Deleting(keys)
                    }
                }
            };
        }
        Ok(())
    }
}

/// Reads what was listed and is there.
fn read(world: &World, facts: &mut Facts) {
    for key in facts.objects.keys().filter(|key| world.has(key)) {
        match key {
            AnyKey::Checkpoint(CheckpointKey(number)) => {
                let found = world.checkpoints[number].clone();
                if found.maps.iter().all(|map| {
                    let map = AnyKey::Map(isobath_storage::store::keys::MapKey(*map));
                    world.has(&map)
                }) {
                    facts.checkpoints.insert(*number, found);
                }
            }
            AnyKey::Manifest(ManifestKey { namespace, version }) => {
                let held = &world.manifests[&(namespace.clone(), *version)];
                let of = facts.manifests.entry(namespace.clone()).or_default();
                of.insert(*version, held.facts.clone());
            }
            _ => {}
        }
    }
    facts.pins = world.pins.clone();
    let logs = world.floors.keys();
    facts.floors = logs
        .map(|log| (*log, world.floor(*log)))
        .collect::<BTreeMap<_, _>>();
    facts.acks = Some(vec![world.acked.clone()]);
}

/// Floors, next manifests and the next checkpoint; what is left to delete.
fn prepare(world: &mut World, plan: &Plan) -> Result<VecDeque<AnyKey>, String> {
    for (log, floor) in &plan.floors {
        let known = world.floor(*log);
        if floor.k > known.k && floor.seq <= known.seq {
            return Err(format!(
                "the floor of {log} falls from {} to {}",
                known.seq, floor.seq
            ));
        }
        world.create_floor(*log, *floor);
    }
    let mut lost: BTreeSet<Namespace> = BTreeSet::new();
    for (namespace, number) in &plan.renumber {
        if !next_manifest(world, namespace, *number) {
            lost.insert(namespace.clone());
        }
    }
    let next = plan.next_checkpoint;
    let checkpoint_lost = next.is_some_and(|number| !next_checkpoint(world, number));
    let going = plan.verdicts.iter().filter(|verdict| {
        let left = match owner(&verdict.key) {
            Some(namespace) => lost.contains(namespace),
            None => checkpoint_lost && matches!(verdict.key, AnyKey::Run(_) | AnyKey::Map(_)),
        };
        matches!(verdict.fate, Fate::Delete(_)) && !left
    });
    Ok(going.map(|verdict| verdict.key.clone()).collect())
}

/// Whether the manifest after this one is made, and is the newest.
fn next_manifest(world: &mut World, namespace: &Namespace, number: u64) -> bool {
    let held = world.manifests[&(namespace.clone(), number)].clone();
    let version = number + 1;
    let key = AnyKey::Manifest(ManifestKey {
        namespace: namespace.clone(),
        version,
    });
    let created = world.create(key);
    if created {
        world.manifests.insert((namespace.clone(), version), held);
    }
    created && world.newest_manifest(namespace) == Some(version)
}

/// Whether the checkpoint after this one is made, and is the newest.
fn next_checkpoint(world: &mut World, number: u64) -> bool {
    let mut facts = world.checkpoints[&number].clone();
    facts.as_of_ms = world.now;
    let created = world.create(AnyKey::Checkpoint(CheckpointKey(number + 1)));
    if created {
        world.checkpoints.insert(number + 1, facts);
    }
    created && world.newest_checkpoint() == Some(number + 1)
}

fn delete(world: &mut World, key: &AnyKey) -> Result<(), String> {
    if let AnyKey::Segment(segment) = key
        && world.floor(segment.log).seq < segment.seq
    {
        return Err(format!("segment {} goes above the floor", segment.seq));
    }
    match key {
        AnyKey::Marker(_) | AnyKey::Cluster(_) | AnyKey::Claim(_) | AnyKey::Floor(_) => {
            Err(format!("{key:?} goes"))
        }
        key => {
            world.objects.remove(key);
            world.changed = true;
            Ok(())
        }
    }
}
