//! [`Recent`]: the writes of the last minutes, by what repeats of them are recognised.

use isobath_storage::{
    log::{Affected, Committed},
    model::{BodyHash, Hlc, IdempotencyKey, Request, Segment, Stamp},
};
use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

/// The most ids of changed rows that are kept of one write, and of all: repeats of larger ones are answered
/// with counts alone.
const MAX_IDS_OF_ONE: usize = 10_000;
const MAX_IDS: usize = 1_000_000;

/// A write of the last minutes.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// What it was answered with.
    pub(super) committed: Committed,
    /// The stamp of its last mutation.
    pub(super) last: Stamp,
}

/// A write with what it is recognised by.
#[derive(Debug)]
pub(super) struct Write {
    key: IdempotencyKey,
    body: BodyHash,
    entry: Entry,
}

impl Write {
    fn new(request: &Request, stamp: Stamp) -> Self {
        let length = u32::try_from(request.len()).unwrap_or(u32::MAX);
        let committed = Committed {
            stamp,
            counts: request.counts,
            affected: None,
        };
        let last = stamp.at(stamp.index.saturating_add(length - 1));
        Self {
            key: request.key,
            body: request.body,
            entry: Entry { committed, last },
        }
    }
}

/// The writes of the last minutes by key and by body: rebuilt by replaying the log.
#[derive(Debug)]
pub(super) struct Recent {
    window: Duration,
    keys: HashMap<IdempotencyKey, Entry>,
    bodies: HashMap<BodyHash, IdempotencyKey>,
    ages: VecDeque<(Hlc, IdempotencyKey, BodyHash)>,
    /// How many ids of changed rows are kept.
    ids: usize,
    /// Resolved and not applied.
    in_flight: Vec<(IdempotencyKey, BodyHash)>,
}

impl Recent {
    /// Remembers writes for `window`.
    pub(super) fn new(window: Duration) -> Self {
        Self {
            window,
            keys: HashMap::new(),
            bodies: HashMap::new(),
            ages: VecDeque::new(),
            ids: 0,
            in_flight: vec![],
        }
    }

    /// The write with this key.
    pub(super) fn by_key(&self, key: IdempotencyKey) -> Option<&Entry> {
        self.keys.get(&key)
    }

    /// The newest write with this body.
    pub(super) fn by_body(&self, body: BodyHash) -> Option<&Entry> {
        self.keys.get(self.bodies.get(&body)?)
    }

    /// The writes of a segment that counts.
    pub(super) fn writes_of(segment: &Segment) -> Vec<Write> {
        let requests = segment.blocks.iter().flat_map(|block| &block.requests);
        requests
            .map(|request| Write::new(request, segment.header.stamp(request.first_index)))
            .collect()
    }

    /// A write whose outcome is fixed and which is not in the log yet.
    pub(super) fn resolved(
        &mut self,
        request: &Request,
        stamp: Stamp,
        affected: Option<Arc<Affected>>,
    ) {
        let mut write = Write::new(request, stamp);
        write.entry.committed.affected = affected.filter(|affected| self.may_keep(affected));
        self.insert(write);
        self.in_flight.push((request.key, request.body));
    }

    /// The writes of a durable segment.
    pub(super) fn applied(&mut self, segment: &Segment) {
        for write in Self::writes_of(segment) {
            self.insert(write);
        }
        self.in_flight.retain(|(key, _)| {
            self.keys
                .get(key)
                .is_some_and(|entry| entry.last.seq > segment.header.seq)
        });
        self.forget(segment.header.hlc_max);
    }

    /// What was resolved and not applied never will be.
    pub(super) fn discard(&mut self) {
        for (key, body) in std::mem::take(&mut self.in_flight) {
            if let Some(entry) = self.keys.remove(&key) {
                self.release(&entry);
            }
            self.bodies.remove(&body);
        }
    }

    /// Remembers a write.
    pub(super) fn insert(&mut self, write: Write) {
        let Write {
            key,
            body,
            mut entry,
        } = write;
        let Committed { stamp, .. } = entry.committed;
        if let Some(known) = self.keys.get(&key)
            && known.committed.stamp == stamp
            && entry.committed.affected.is_none()
        {
            // the log does not hold which rows were changed
            entry
                .committed
                .affected
                .clone_from(&known.committed.affected);
        }
        if let Some(affected) = &entry.committed.affected {
            self.ids += ids(affected);
        }
        match self.keys.insert(key, entry) {
            None => self.ages.push_back((stamp.hlc, key, body)),
            Some(before) => self.release(&before),
        }
        self.bodies.insert(body, key);
    }

    /// Whether the ids of the rows that a write changed are few enough to be kept for its repeats.
    fn may_keep(&self, affected: &Affected) -> bool {
        ids(affected) <= MAX_IDS_OF_ONE && self.ids + ids(affected) <= MAX_IDS
    }

    fn release(&mut self, entry: &Entry) {
        let affected = entry.committed.affected.as_deref();
        self.ids = self.ids.saturating_sub(affected.map_or(0, ids));
    }

    fn forget(&mut self, now: Hlc) {
        let window = u64::try_from(self.window.as_millis()).unwrap_or(u64::MAX);
        let oldest = Hlc::from_millis(now.millis().saturating_sub(window));
        while self.ages.front().is_some_and(|(hlc, _, _)| *hlc < oldest) {
            let Some((_, key, body)) = self.ages.pop_front() else {
                return;
            };
            if let Some(entry) = self.keys.remove(&key) {
                self.release(&entry);
            }
            if self.bodies.get(&body) == Some(&key) {
                self.bodies.remove(&body);
            }
        }
    }
}

fn ids(affected: &Affected) -> usize {
    affected.upserted.len() + affected.patched.len() + affected.deleted.len()
}
