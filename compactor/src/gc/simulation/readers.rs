//! [`Reader`] and [`ManifestReader`]: who opens checkpoints, follows the logs, and reads manifests of others.

use super::world::{HOUR, MINUTE, Op, World, names};
use isobath_storage::{
    log::protocol::{Reader as Position, Rules, Verdict},
    model::{Epoch, LogId, Namespace, Seq, VersionVector},
    store::keys::{AnyKey, ManifestKey, PartKey, SegmentKey},
};
use std::collections::{BTreeMap, BTreeSet};

/// How long a reader relies on what it read of the floors, in ms: as long as one of the log does.
const FRESH: u64 = 5 * MINUTE;

/// A reader that opens the newest checkpoint and follows the logs.
#[derive(Debug, Default)]
pub(super) struct Reader {
    /// The checkpoint that it is about to read.
    opening: Option<u64>,
    open: Option<Following>,
    asleep_until: u64,
}

#[derive(Debug)]
struct Following {
    ops: BTreeSet<Op>,
    logs: BTreeMap<LogId, Position>,
    /// When it looked at the floors last; 0 if it did not since it opened the checkpoint.
    floors_at: u64,
}

impl Reader {
    pub(super) fn step(&mut self, world: &mut World) -> Result<(), String> {
        if world.below(30) == 0 {
            *self = Self::default();
        }
        if world.now < self.asleep_until {
            return Ok(());
        }
        if world.below(8) == 0 {
            self.asleep_until = world.now + 40 * HOUR;
            return Ok(());
        }
        if let Some(following) = &mut self.open {
            let behind = following.follow(world)?;
            if behind {
                self.open = None;
            }
            return Ok(());
        }
        match self.opening.take() {
            None => self.opening = world.newest_checkpoint(),
            Some(number) => self.open(world, number)?,
        }
        Ok(())
    }

    fn open(&mut self, world: &World, number: u64) -> Result<(), String> {
        match super::checks::read_checkpoint(world, number) {
            Err(missing) if world.newest_checkpoint() == Some(number) => Err(missing),
            // it was superseded long ago: the newest is opened
            Err(_) => Ok(()),
            Ok(ops) => {
                let logs = &world.checkpoints[&number].logs;
                let reader = |at: &isobath_storage::format::Position| {
                    Position::new(Rules::ALL, at.seq, at.max_epoch)
                };
                let mut logs: BTreeMap<_, _> =
                    logs.iter().map(|(log, at)| (*log, reader(at))).collect();
                for log in world.logs.keys() {
                    let first = || Position::new(Rules::ALL, Seq::ZERO, Epoch::ZERO);
                    logs.entry(*log).or_insert_with(first);
                }
                let behind = logs
                    .iter()
                    .any(|(log, at)| at.seq() < world.floor(*log).seq);
                self.open = (!behind).then_some(Following {
                    ops,
                    logs,
                    floors_at: 0,
                });
                Ok(())
            }
        }
    }
}

impl Following {
    /// Reads on to the end of all logs; whether it has to start again from a checkpoint.
    fn follow(&mut self, world: &mut World) -> Result<bool, String> {
        if world.now - self.floors_at > FRESH {
            let behind = |(log, at): (&LogId, &Position)| at.seq() < world.floor(*log).seq;
            if self.logs.iter().any(behind) {
                return Ok(true);
            }
            // it relies on that a little later
            self.floors_at = world.now;
            world.rush = 4;
            return Ok(false);
        }
        for (log, at) in &mut self.logs {
            loop {
                let seq = at.seq().next();
                let key = AnyKey::Segment(SegmentKey { log: *log, seq });
                if !world.has(&key) {
                    break;
                }
                let written = world.slots[&(*log, seq)];
                if at.consume(written.epoch) == Verdict::Live {
                    self.ops.extend(written.op);
                }
            }
            if at.seq() < world.tail(*log) {
                return Err(format!("a reader takes {} for the end of {log}", at.seq()));
            }
        }
        let seen: VersionVector = self.logs.iter().map(|(log, at)| (*log, at.seq())).collect();
        if self.ops != world.ops(&seen, None) {
            return Err("a reader has another state than the log".to_owned());
        }
        Ok(false)
    }
}

/// A reader of the newest manifest of a namespace, of which it reads the parts a while later.
#[derive(Debug, Default)]
pub(super) struct ManifestReader(Option<(Namespace, u64, u64)>);

impl ManifestReader {
    pub(super) fn step(&mut self, world: &mut World) -> Result<(), String> {
        let Some((namespace, number, since)) = self.0.take() else {
            let namespace = names()[world.below(2)].clone();
            let newest = world.newest_manifest(&namespace);
            self.0 = newest.map(|newest| (namespace, newest, world.now));
            return Ok(());
        };
        if world.now - since > 24 * HOUR {
            return Ok(());
        }
        for hash in world.manifests[&(namespace.clone(), number)]
            .facts
            .parts
            .clone()
        {
            let key = PartKey {
                namespace: namespace.clone(),
                hash,
            };
            if !world.has(&AnyKey::Part(key)) {
                return Err(format!(
                    "manifest {number} of {namespace} lost a part within a day"
                ));
            }
        }
        let version = number;
        let key = AnyKey::Manifest(ManifestKey {
            namespace: namespace.clone(),
            version,
        });
        if world.has(&key) && world.below(2) == 0 {
            self.0 = Some((namespace, number, since));
        }
        Ok(())
    }
}
