//! [`World`]: a bucket, what was ever created in it, and its two logs.

use crate::gc::{CheckpointFacts, ManifestFacts, Seen};
use isobath_storage::{
    catalog::Floor,
    format::{Pin, Position},
    model::{ContentHash, Epoch, Hlc, LogId, Namespace, Seq, ShardId, VersionVector},
    store::keys::{AnyKey, CheckpointKey, FloorKey, ManifestKey, SegmentKey},
};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

pub(super) const MINUTE: u64 = 60_000;
pub(super) const HOUR: u64 = 60 * MINUTE;

/// A mutation: where it stands.
pub(super) type Op = (LogId, Seq);

/// What a segment holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Written {
    pub(super) epoch: Epoch,
    pub(super) op: Option<Op>,
}

/// A bucket. What is in an object never changes, so it is remembered when the object is gone.
#[derive(Debug)]
pub(super) struct World {
    random: u64,
    pub(super) now: u64,
    pub(super) objects: BTreeMap<AnyKey, Seen>,
    /// What lies in the bucket at each slot, deleted or not.
    pub(super) slots: BTreeMap<Op, Written>,
    /// What each log holds, from its first segment on.
    pub(super) logs: BTreeMap<LogId, Vec<Written>>,
    epoch: Epoch,
    /// An old owner, whose segment lands behind the fence.
    behind: Option<Epoch>,
    pub(super) checkpoints: BTreeMap<u64, CheckpointFacts>,
    pub(super) manifests: BTreeMap<(Namespace, u64), Held>,
    /// The mutations in parts and runs.
    pub(super) data: BTreeMap<ContentHash, BTreeSet<Op>>,
    pub(super) floors: BTreeMap<LogId, Vec<Floor>>,
    pub(super) pins: Vec<(Uuid, Pin)>,
    /// What the member that lags has.
    pub(super) acked: VersionVector,
    hashes: u64,
    /// So many steps follow each other within minutes.
    pub(super) rush: u32,
    /// Whether something was created or deleted since it was looked at.
    pub(super) changed: bool,
}

/// A manifest.
#[derive(Debug, Clone, Default)]
pub(super) struct Held {
    pub(super) facts: ManifestFacts,
    pub(super) seen: VersionVector,
}

pub(super) fn log(name: &str) -> LogId {
    LogId::new(name.parse().unwrap(), ShardId(0))
}

pub(super) fn names() -> [Namespace; 2] {
    ["even", "odd"].map(|name| name.parse().unwrap())
}

/// Whose mutation it is.
pub(super) fn owner(op: Op) -> Namespace {
    let [even, odd] = names();
    if op.1.0.is_multiple_of(2) { even } else { odd }
}

impl World {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            random: seed,
            now: 1_000 * HOUR,
            objects: BTreeMap::new(),
            slots: BTreeMap::new(),
            logs: [(log("a"), vec![]), (log("b"), vec![])].into(),
            epoch: Epoch(1),
            behind: None,
            checkpoints: BTreeMap::new(),
            manifests: BTreeMap::new(),
            data: BTreeMap::new(),
            floors: BTreeMap::new(),
            pins: vec![],
            acked: VersionVector::default(),
            hashes: 0,
            rush: 0,
            changed: false,
        }
    }

    /// A number below `n` (`SplitMix64`).
    pub(super) fn below(&mut self, n: u64) -> usize {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % n).unwrap()
    }

    /// Mostly minutes, sometimes hours.
    pub(super) fn pass_time(&mut self) {
        if self.rush > 0 {
            self.rush -= 1;
            self.now += self.below(MINUTE) as u64;
            return;
        }
        let step = match self.below(10) {
            0..5 => self.below(5 * MINUTE),
            5..9 => self.below(2 * HOUR),
            _ => self.below(16 * HOUR),
        };
        self.now += step as u64;
    }

    pub(super) fn hash(&mut self) -> ContentHash {
        self.hashes += 1;
        ContentHash::of(&self.hashes.to_le_bytes())
    }

    /// Creates an object; whether it was not there.
    pub(super) fn create(&mut self, key: AnyKey) -> bool {
        let seen = Seen {
            bytes: 1,
            created_ms: self.now,
        };
        let there = self.objects.contains_key(&key);
        self.changed |= !matches!(key, AnyKey::Segment(_));
        self.objects.entry(key).or_insert(seen);
        !there
    }

    pub(super) fn has(&self, key: &AnyKey) -> bool {
        self.objects.contains_key(key)
    }

    /// How many segments of a log there are, or were.
    pub(super) fn tail(&self, log: LogId) -> Seq {
        Seq(self.logs[&log].len() as u64)
    }

    pub(super) fn tails(&self) -> VersionVector {
        self.logs
            .keys()
            .map(|log| (*log, self.tail(*log)))
            .collect()
    }

    /// The mutations up to a position that count, of one namespace or of all.
    pub(super) fn ops(&self, upto: &VersionVector, of: Option<&Namespace>) -> BTreeSet<Op> {
        let mut ops = BTreeSet::new();
        for (log, written) in &self.logs {
            let mut highest = Epoch::ZERO;
            let upto = usize::try_from(upto.get(*log).0).unwrap();
            for segment in written.iter().take(upto) {
                let counts = segment.epoch >= highest;
                highest = highest.max(segment.epoch);
                ops.extend(segment.op.filter(|_| counts));
            }
        }
        ops.retain(|op| of.is_none_or(|of| owner(*op) == *of));
        ops
    }

    /// The highest epoch of a log up to a segment.
    pub(super) fn max_epoch(&self, log: LogId, upto: Seq) -> Epoch {
        let upto = usize::try_from(upto.0).unwrap();
        let epochs = self.logs[&log].iter().take(upto);
        epochs
            .map(|written| written.epoch)
            .max()
            .unwrap_or_default()
    }

    pub(super) fn positions(&self, upto: &VersionVector) -> BTreeMap<LogId, Position> {
        let position = |(log, seq)| Position {
            seq,
            max_epoch: self.max_epoch(log, seq),
            chain: ContentHash([0; 32]),
            hlc: Hlc::from_millis(self.now),
        };
        upto.iter()
            .map(|(log, seq)| (log, position((log, seq))))
            .collect()
    }

    fn put(&mut self, log: LogId, epoch: Epoch, counts: bool) {
        let seq = self.tail(log).next();
        let op = counts.then_some((log, seq));
        let written = Written { epoch, op };
        if let Some(of) = self.logs.get_mut(&log) {
            of.push(written);
        }
        self.slots.insert((log, seq), written);
        self.create(AnyKey::Segment(SegmentKey { log, seq }));
    }

    /// A segment of the region's own log, or a copy of one of the other's; sometimes a new owner, behind whose fence
    /// a segment of the old one lands.
    pub(super) fn append(&mut self) {
        if self.below(3) == 0 {
            return self.put(log("b"), Epoch(1), true);
        }
        if let Some(old) = self.behind.take() {
            return self.put(log("a"), old, true);
        }
        if self.below(6) > 0 {
            return self.put(log("a"), self.epoch, true);
        }
        let old = self.epoch;
        self.epoch = old.next();
        self.put(log("a"), self.epoch, false);
        self.behind = (self.below(2) == 0).then_some(old);
    }

    pub(super) fn floor(&self, log: LogId) -> Floor {
        let floors = self.floors.get(&log);
        floors
            .and_then(|floors| floors.last())
            .copied()
            .unwrap_or_default()
    }

    pub(super) fn create_floor(&mut self, log: LogId, floor: Floor) {
        if self.create(AnyKey::Floor(FloorKey { log, k: floor.k })) {
            self.floors.entry(log).or_default().push(floor);
        }
    }

    /// A create that was sent long ago lands on a slot whose segment was deleted: a copy of the other region's, or
    /// what an owner that has lost the log wanted to write.
    pub(super) fn late(&mut self) {
        let log = log(if self.below(2) == 0 { "a" } else { "b" });
        let floor = self.floor(log).seq.0;
        if floor == 0 {
            return;
        }
        let seq = Seq(1 + self.below(floor) as u64);
        let own = log.region.as_str() == "a";
        if self.create(AnyKey::Segment(SegmentKey { log, seq })) && own {
            let written = Written {
                epoch: self.epoch,
                op: Some((log, Seq(seq.0 + 1_000_000))),
            };
            self.slots.insert((log, seq), written);
        }
    }

    /// The member that lags gets some more.
    pub(super) fn ack(&mut self) {
        for (log, tail) in self.tails().iter() {
            let behind = tail.0 - self.acked.get(log).0;
            let more = self.below(behind + 1) as u64;
            self.acked.advance(log, Seq(self.acked.get(log).0 + more));
        }
    }

    /// Somebody makes a snapshot, or deletes one.
    pub(super) fn pin(&mut self) {
        if self.below(3) == 0 || self.pins.len() > 3 {
            self.pins.pop();
        } else if let Some(checkpoint) = self.newest_checkpoint() {
            let pin = Pin {
                checkpoint,
                name: None,
                created_at_ms: self.now,
                expires_at_ms: (self.below(2) == 0).then_some(self.now + 200 * HOUR),
            };
            let id = Uuid::from_u128(u128::from(self.now));
            self.pins.push((id, pin));
        }
    }

    pub(super) fn newest_checkpoint(&self) -> Option<u64> {
        let (first, last) = (CheckpointKey(0), CheckpointKey(u64::MAX));
        let range = AnyKey::Checkpoint(first)..=AnyKey::Checkpoint(last);
        match self.objects.range(range).next_back()?.0 {
            AnyKey::Checkpoint(CheckpointKey(number)) => Some(*number),
            _ => None,
        }
    }

    pub(super) fn newest_manifest(&self, namespace: &Namespace) -> Option<u64> {
        let key = |version| {
            let namespace = namespace.clone();
            AnyKey::Manifest(ManifestKey { namespace, version })
        };
        match self.objects.range(key(0)..=key(u64::MAX)).next_back()?.0 {
            AnyKey::Manifest(manifest) => Some(manifest.version),
            _ => None,
        }
    }
}
