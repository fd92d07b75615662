//! Logs: contiguous, every segment whole, epochs and the running hash as every checkpoint says.

use super::{
    Report,
    checkpoints::Checkpoints,
    fetch::{Fetch, LARGE, found, sound},
    listing::Listing,
};
use crate::state::{StateError, contiguous, origin};
use futures::TryStreamExt;
use isobath_storage::{
    catalog::Floor,
    format::{Position, segment},
    log::{
        chain,
        protocol::{Reader, Rules, Verdict},
    },
    model::{Hlc, LogId, Segment, Seq},
    store::keys::{CheckpointKey, Key, SegmentKey},
};
use object_store::path::Path;
use std::collections::{BTreeMap, BTreeSet};

/// No owner has more slots in flight: a hole with more segments behind it was one of a segment.
const MAX_WINDOW: u64 = 64;

/// Checks all logs.
pub(super) async fn check(
    fetch: &Fetch,
    listing: &Listing,
    checkpoints: &Checkpoints,
    report: &mut Report,
) -> Result<(), StateError> {
    let floors = fetch.catalog.floors().await?;
    let mut logs: BTreeSet<LogId> = listing
        .segments
        .keys()
        .chain(floors.keys())
        .copied()
        .collect();
    logs.extend(checkpoints.all.values().flat_map(|c| c.logs.keys()));
    for log in logs {
        let none = BTreeSet::new();
        let segments = listing.segments.get(&log).unwrap_or(&none);
        let positions = checkpoints.all.values();
        let positions = positions.filter_map(|c| Some((c.number, *c.logs.get(&log)?)));
        let mut walk = Walk {
            log,
            floor: floors.get(&log).copied().unwrap_or_default(),
            positions: BTreeMap::new(),
            reader: Reader::new(Rules::ALL, Seq::ZERO, origin().max_epoch),
            chain: None,
            newest: Hlc::ZERO,
        };
        for (number, position) in positions {
            let here = walk.positions.entry(position.seq).or_default();
            here.push((number, position));
        }
        walk.go(fetch, segments, report).await?;
    }
    Ok(())
}

/// A walk along a log.
#[derive(Debug)]
struct Walk {
    log: LogId,
    floor: Floor,
    /// What checkpoints say, by segment.
    positions: BTreeMap<Seq, Vec<(u64, Position)>>,
    reader: Reader,
    /// The running hash, once it is known.
    chain: Option<isobath_storage::model::ContentHash>,
    newest: Hlc,
}

impl Walk {
    async fn go(
        &mut self,
        fetch: &Fetch,
        segments: &BTreeSet<Seq>,
        report: &mut Report,
    ) -> Result<(), StateError> {
        self.reader = Reader::new(Rules::ALL, self.floor.seq, self.floor.max_epoch);
        if self.floor.seq == Seq::ZERO {
            self.chain = Some(origin().chain);
        }
        self.passed(report);
        let tail = contiguous(segments, self.floor.seq);
        let log = self.log;
        let keys = (self.floor.seq.0.saturating_add(1)..=tail.0).map(Seq);
        let keys = keys.map(move |seq| SegmentKey { log, seq });
        let keys = keys.map(|key| (key.path(), key));
        let mut reads = std::pin::pin!(fetch.all(keys, LARGE));
        while let Some((path, key, bytes)) = reads.try_next().await? {
            let Some(bytes) = found(report, &path, bytes, "it was listed") else {
                return Ok(());
            };
            if let Some(segment) = sound(report, &path, segment::decode(&bytes))? {
                self.step(&path, key, &segment, &bytes, report);
            } else {
                // what a damaged segment adds to the running hash is not known
                self.chain = None;
                self.reader.consume(self.reader.max_epoch());
            }
            self.passed(report);
        }
        self.hole(fetch, segments, tail, report).await
    }

    fn step(
        &mut self,
        path: &Path,
        key: SegmentKey,
        segment: &Segment,
        bytes: &[u8],
        report: &mut Report,
    ) {
        let header = &segment.header;
        if (header.log, header.seq) != (key.log, key.seq) {
            let what = format!("says it is segment {} of {}", header.seq, header.log);
            report.damage(path, what);
        }
        if self.reader.consume(header.epoch) == Verdict::Void {
            report.note(
                path,
                format!("is void: its epoch {} was over", header.epoch),
            );
            return;
        }
        if header.hlc_max <= self.newest {
            report.damage(path, "is not newer than the segment before it");
        }
        self.newest = header.hlc_max;
        let link = chain::link(bytes);
        self.chain = self.chain.map(|chain| chain::extend(chain, link));
    }

    /// Compares what was read so far with what checkpoints say of it.
    fn passed(&mut self, report: &mut Report) {
        let here = self
            .positions
            .remove(&self.reader.seq())
            .unwrap_or_default();
        for (number, position) in here {
            let path = CheckpointKey(number).path();
            let known = *self.chain.get_or_insert(position.chain);
            if known != position.chain {
                let (log, seq) = (self.log, position.seq);
                report.damage(&path, format!("has another history of {log} up to {seq}"));
            }
            if self.reader.max_epoch() != position.max_epoch {
                let (log, epoch) = (self.log, position.max_epoch);
                report.damage(&path, format!("says that {log} was in epoch {epoch}"));
            }
        }
    }

    /// Says what the segments behind the first hole mean, and what checkpoints have seen of it.
    async fn hole(
        &mut self,
        fetch: &Fetch,
        segments: &BTreeSet<Seq>,
        tail: Seq,
        report: &mut Report,
    ) -> Result<(), StateError> {
        let missing = SegmentKey {
            log: self.log,
            seq: tail.next(),
        };
        let path = missing.path();
        if self.positions.range(tail.next()..).next().is_some() {
            report.damage(&path, "is missing: a checkpoint has seen it");
            return Ok(());
        }
        let behind: Vec<Seq> = segments.range(tail.next()..).copied().collect();
        let Some(last) = behind.last() else {
            return Ok(());
        };
        let mut was_there = last.0 - tail.0 > MAX_WINDOW;
        let log = self.log;
        let keys = behind.iter().map(|seq| SegmentKey { log, seq: *seq });
        let keys = keys.map(|key| (key.path(), ()));
        let mut reads = std::pin::pin!(fetch.all(keys, LARGE));
        while let Some((path, (), bytes)) = reads.try_next().await? {
            let Some(bytes) = found(report, &path, bytes, "it was listed") else {
                continue;
            };
            if let Some(segment) = sound(report, &path, segment::decode(&bytes))? {
                // whoever wrote it had seen the segment that is not there
                was_there |= segment.header.seen.get(self.log) > tail;
            }
        }
        let count = behind.len();
        if was_there {
            report.damage(&path, format!("is missing: {count} segments come after it"));
        } else {
            let what = format!("is not there yet: {count} segments after it are not committed");
            report.note(&path, what);
        }
        Ok(())
    }
}
