//! [`Truth`]: what was committed, as every reader must see it.

use isobath_storage::{
    fold::{NamespaceState, StateDigest},
    model::{
        ContentHash, Hlc, IdempotencyKey, LogId, Namespace, Nonce, Segment, Seq, VersionVector,
    },
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// The segments that count, as far as anybody read them; the first reader says what they are.
#[derive(Debug, Default)]
pub(crate) struct Truth {
    logs: BTreeMap<LogId, BTreeMap<Seq, Arc<Segment>>>,
}

impl Truth {
    /// Somebody applied a segment.
    pub(crate) fn applied(&mut self, segment: &Arc<Segment>) {
        let header = &segment.header;
        let log = self.logs.entry(header.log).or_default();
        let nonce = |segment: &Segment| -> Nonce { segment.header.nonce };
        if let Some(known) = log.get(&header.seq) {
            let (log, seq) = (header.log, header.seq);
            assert_eq!(
                nonce(known),
                nonce(segment),
                "I2: {log} {seq} is two segments"
            );
            return;
        }
        let before = log.range(..header.seq).next_back();
        let after = log.range(header.seq..).next();
        for (older, newer) in [
            before.map(|(_, before)| (before, segment)),
            after.map(|(_, after)| (segment, after)),
        ]
        .into_iter()
        .flatten()
        {
            let (older, newer) = (&older.header, &newer.header);
            assert!(
                older.hlc_max < newer.hlc_max,
                "I8: time falls at {}",
                newer.seq
            );
            assert!(
                older.epoch <= newer.epoch,
                "I9: epochs fall at {}",
                newer.seq
            );
        }
        log.insert(header.seq, Arc::clone(segment));
    }

    /// The segments up to a position.
    pub(crate) fn upto(&self, seen: &VersionVector) -> impl Iterator<Item = &Arc<Segment>> {
        let logs = self.logs.iter();
        logs.flat_map(move |(log, segments)| segments.range(..=seen.get(*log)).map(|(_, s)| s))
    }

    /// The numbers of the segments of a log after `from` and up to `to`.
    pub(crate) fn between(&self, log: LogId, from: Seq, to: Seq) -> Vec<Seq> {
        let segments = self.logs.get(&log);
        let numbers = segments
            .into_iter()
            .flat_map(|log| log.range(from.next()..));
        numbers
            .map(|(seq, _)| *seq)
            .filter(|seq| *seq <= to)
            .collect()
    }

    /// Where the write of this key stands.
    pub(crate) fn find(&self, log: LogId, key: IdempotencyKey) -> Vec<Seq> {
        let segments = self.logs.get(&log).into_iter().flatten();
        let holds = |segment: &Segment| {
            let mut requests = segment.blocks.iter().flat_map(|block| &block.requests);
            requests.any(|request| request.key == key)
        };
        segments
            .filter(|(_, s)| holds(s))
            .map(|(seq, _)| *seq)
            .collect()
    }

    /// The newest time up to a position.
    pub(crate) fn newest(&self, seen: &VersionVector) -> Hlc {
        let times = self.upto(seen).map(|segment| segment.header.hlc_max);
        times.max().unwrap_or_default()
    }

    fn names(&self) -> BTreeSet<Namespace> {
        let segments = self.logs.values().flat_map(BTreeMap::values);
        let blocks = segments.flat_map(|segment| &segment.blocks);
        blocks.map(|block| block.namespace.clone()).collect()
    }

    /// A namespace as the plain fold of what was committed up to a position.
    pub(crate) fn namespace(&self, name: &Namespace, seen: &VersionVector) -> NamespaceState {
        state_of(name, self.upto(seen))
    }

    /// The digest of everything up to a position, and not newer than a time.
    pub(crate) fn digest(&self, seen: &VersionVector, until: u64) -> ContentHash {
        let mut digest = StateDigest::default();
        for name in self.names() {
            let segments = self.upto(seen);
            let old = segments.filter(|segment| segment.header.hlc_max.millis() <= until);
            let state = state_of(&name, old);
            if state.schema_state().exists() {
                digest.add(&name, state.digest().unwrap());
            }
        }
        digest.finish()
    }
}

/// The plain fold of a namespace's blocks.
fn state_of<'a>(
    name: &Namespace,
    segments: impl Iterator<Item = &'a Arc<Segment>>,
) -> NamespaceState {
    let mut state = NamespaceState::default();
    for segment in segments {
        for block in segment
            .blocks
            .iter()
            .filter(|block| block.namespace == *name)
        {
            state.apply(&segment.header, block).unwrap();
        }
    }
    state
}
