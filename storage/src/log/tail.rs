//! [`Tail`]: which segments a follower asks for, and when.

use super::segments::Read;
use crate::model::{SegmentKind, Seq};
use std::{collections::BTreeMap, time::Duration};

/// How many segments are asked for at once after a hit, at first and at most.
const DEPTH: (u64, u64) = (4, 16);
/// No more than the first of these while segments are this large.
const LARGE: usize = 4 << 20;
/// For how long after a hit the next one is expected soon.
const HOT: Duration = Duration::from_secs(10);

/// The reads of a follower: the next segment, and some after it while there are hits.
#[derive(Debug)]
pub(crate) struct Tail {
    interval: Duration,
    interval_idle: Duration,
    depth: u64,
    pause: Duration,
    hit_at: Duration,
    due: Duration,
    /// Reads on their way, with the tick at which the newest was sent.
    asked: BTreeMap<Seq, u64>,
    ready: BTreeMap<Seq, Read>,
}

impl Tail {
    pub(crate) fn new(interval: Duration, interval_idle: Duration, now: Duration) -> Self {
        Self {
            interval,
            interval_idle,
            depth: DEPTH.0,
            pause: interval,
            hit_at: now,
            due: now,
            asked: BTreeMap::new(),
            ready: BTreeMap::new(),
        }
    }

    /// When the next segment has to be asked for.
    pub(crate) fn due(&self) -> Duration {
        self.due
    }

    /// Asks again at `now`, whatever was planned.
    pub(crate) fn wake(&mut self, now: Duration) {
        self.due = self.due.min(now);
    }

    /// Asks nothing for a while from `now` on.
    pub(crate) fn postpone(&mut self, now: Duration) {
        self.due = now + self.interval;
    }

    /// A read sent at `tick` came to nothing: segment `seq` is asked for again after `pause`.
    pub(crate) fn failed(&mut self, seq: Seq, tick: u64, now: Duration, pause: Duration) {
        self.answered(seq, tick);
        self.due = self.due.min(now + pause);
    }

    /// The tick at which the newest read of `next` was sent, if one is on its way.
    pub(crate) fn asked_at(&self, next: Seq) -> Option<u64> {
        self.asked.get(&next).copied()
    }

    /// What to ask for at `now` if `next` is the next segment; they are sent at `tick`.
    pub(crate) fn want(&mut self, next: Seq, now: Duration, tick: u64) -> Vec<Seq> {
        if self.due > now {
            return Vec::new();
        }
        self.due = Duration::MAX;
        let all = (next.0..next.0.saturating_add(self.depth)).map(Seq);
        let new = |seq: &Seq| !self.asked.contains_key(seq) && !self.ready.contains_key(seq);
        let want: Vec<Seq> = all.filter(new).collect();
        self.asked.extend(want.iter().map(|seq| (*seq, tick)));
        want
    }

    /// Asks for `next` at `tick` even if a read of it is on its way already.
    pub(crate) fn insist(&mut self, next: Seq, tick: u64) {
        self.asked.insert(next, tick);
    }

    /// A read sent at `tick` found segment `seq`.
    pub(crate) fn found(&mut self, seq: Seq, tick: u64, read: Read, now: Duration) {
        self.answered(seq, tick);
        // A heartbeat says nothing about more to come.
        if read.segment.header.kind == SegmentKind::Data {
            let most = if read.raw.len() >= LARGE {
                DEPTH.0
            } else {
                DEPTH.1
            };
            self.depth = (self.depth * 2).clamp(DEPTH.0, most);
            (self.hit_at, self.pause) = (now, self.interval);
        }
        self.ready.insert(seq, read);
        self.due = self.due.min(now);
    }

    /// Segment `seq` came by another way than a read.
    pub(crate) fn supply(&mut self, seq: Seq, read: Read, now: Duration) {
        (self.hit_at, self.pause) = (now, self.interval);
        self.ready.insert(seq, read);
    }

    /// A read sent at `tick` did not find segment `seq`, while `next` is the next one. `wobble` is
    /// between 0 and 1 and spreads the readers. Whether this was the tail of the log.
    pub(crate) fn missing(
        &mut self,
        seq: Seq,
        tick: u64,
        next: Seq,
        now: Duration,
        wobble: f64,
    ) -> bool {
        self.answered(seq, tick);
        if seq != next {
            return false;
        }
        self.depth = 1;
        if now.saturating_sub(self.hit_at) >= HOT {
            self.pause = (self.pause * 3 / 2).min(self.interval_idle);
        }
        self.due = self.due.min(now + self.pause.mul_f64(0.8 + 0.4 * wobble));
        true
    }

    /// Takes segment `next`, if it was read; drops what lies before it.
    pub(crate) fn take(&mut self, next: Seq) -> Option<Read> {
        self.ready.retain(|seq, _| *seq >= next);
        self.ready.remove(&next)
    }

    fn answered(&mut self, seq: Seq, tick: u64) {
        if self.asked.get(&seq).is_some_and(|newest| *newest <= tick) {
            self.asked.remove(&seq);
        }
    }
}
