//! What must hold after every step: I10 and I11, and that every time within the retention can be restored.

use super::{
    collector::RETENTION,
    world::{Op, World, owner},
};
use isobath_storage::{
    log::protocol::{Reader, Rules, Verdict},
    model::{LogId, Seq, VersionVector},
    store::keys::{AnyKey, CheckpointKey, ManifestKey, MapKey, PartKey, RunKey, SegmentKey},
};
use std::collections::BTreeSet;

pub(super) fn all(world: &World) -> Result<(), String> {
    if let Some(newest) = world.newest_checkpoint() {
        sound(world, newest)?;
    }
    for (_, pin) in world.pins.iter().filter(|(_, pin)| pin.holds_at(world.now)) {
        sound(world, pin.checkpoint).map_err(|why| format!("snapshot: {why}"))?;
    }
    restorable(world)?;
    for log in world.logs.keys() {
        above_the_floor(world, *log)?;
        let acked = world.acked.get(*log);
        present(world, *log, acked).map_err(|why| format!("a member lacks {why}"))?;
    }
    Ok(())
}

/// A checkpoint is there with all that it refers to, and is the fold of the logs up to it.
fn sound(world: &World, number: u64) -> Result<(), String> {
    let ops = read_checkpoint(world, number)?;
    let logs = world.checkpoints[&number].logs.iter();
    let seen: VersionVector = logs.map(|(log, at)| (*log, at.seq)).collect();
    if ops == world.ops(&seen, None) {
        return Ok(());
    }
    Err(format!("checkpoint {number} is not the fold of the log"))
}

/// The mutations that a checkpoint holds; an error where an object is missing.
pub(super) fn read_checkpoint(world: &World, number: u64) -> Result<BTreeSet<Op>, String> {
    let there = |key: AnyKey| {
        let missing = || format!("checkpoint {number} lacks {key:?}");
        if world.has(&key) {
            Ok(())
        } else {
            Err(missing())
        }
    };
    there(AnyKey::Checkpoint(CheckpointKey(number)))?;
    let checkpoint = &world.checkpoints[&number];
    let mut ops = BTreeSet::new();
    for hash in &checkpoint.maps {
        there(AnyKey::Map(MapKey(*hash)))?;
    }
    for hash in &checkpoint.runs {
        there(AnyKey::Run(RunKey(*hash)))?;
        ops.extend(&world.data[hash]);
    }
    for (namespace, version) in &checkpoint.namespaces {
        let key = (namespace.clone(), *version);
        let held = &world.manifests[&key];
        ops.retain(|op: &Op| owner(*op) != *namespace || op.1 > held.seen.get(op.0));
        let (namespace, version) = key;
        there(AnyKey::Manifest(ManifestKey {
            namespace: namespace.clone(),
            version,
        }))?;
        for hash in held.facts.parts.iter().copied() {
            let namespace = namespace.clone();
            there(AnyKey::Part(PartKey { namespace, hash }))?;
            ops.extend(&world.data[&hash]);
        }
    }
    Ok(ops)
}

/// The newest checkpoint from before the retention is there, and all segments after it.
fn restorable(world: &World) -> Result<(), String> {
    let start = world.now - RETENTION;
    let listed = world.checkpoints.iter().filter(|(number, facts)| {
        let key = AnyKey::Checkpoint(CheckpointKey(**number));
        facts.as_of_ms <= start && world.has(&key)
    });
    let ever = world
        .checkpoints
        .values()
        .any(|facts| facts.as_of_ms <= start);
    let base = listed.map(|(number, _)| *number).next_back();
    if base.is_none() && ever {
        return Err("no checkpoint from before the retention is left".to_owned());
    }
    if let Some(base) = base {
        sound(world, base).map_err(|why| format!("restore: {why}"))?;
    }
    for log in world.logs.keys() {
        let at = base.and_then(|base| world.checkpoints[&base].logs.get(log));
        let from = at.map_or(Seq::ZERO, |at| at.seq);
        present(world, *log, from).map_err(|why| format!("restore: {why}"))?;
    }
    Ok(())
}

/// All segments of a log after `from` are there.
fn present(world: &World, log: LogId, from: Seq) -> Result<(), String> {
    for seq in (from.0 + 1..=world.tail(log).0).map(Seq) {
        if !world.has(&AnyKey::Segment(SegmentKey { log, seq })) {
            return Err(format!("segment {seq} of {log}"));
        }
    }
    Ok(())
}

/// Everything above the floor is there, and who starts at the floor reads what the log says.
fn above_the_floor(world: &World, log: LogId) -> Result<(), String> {
    let floor = world.floor(log);
    present(world, log, floor.seq).map_err(|why| format!("{why} went above the floor"))?;
    let mut reader = Reader::new(Rules::ALL, floor.seq, floor.max_epoch);
    let mut ops = BTreeSet::new();
    while reader.seq() < world.tail(log) {
        let written = world.slots[&(log, reader.seq().next())];
        if reader.consume(written.epoch) == Verdict::Live {
            ops.extend(written.op);
        }
    }
    let mut expected = world.ops(&world.tails(), None);
    expected.retain(|op| op.0 == log && op.1 > floor.seq);
    if ops == expected {
        return Ok(());
    }
    Err(format!(
        "who reads {log} from the floor reads a void segment"
    ))
}
