//! Following a log that another process owns, or nobody.

use super::liveness::Liveness;
use super::segments::{Fault, Read};
use super::tail::Tail;
use super::task::{Next, Task};
use super::{Role, Sink, StopReason};
use crate::catalog::{Claim, Floor};
use crate::model::{Epoch, Seq};
use futures::future::{Either, select};
use rand::RngExt;
use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};
use tokio::task::JoinSet;

/// For so long after the floor was read nothing above it goes: half the least grace of a bucket's GC.
const FRESH: Duration = Duration::from_mins(5);
/// A strong read that finds this many new segments asks for the tail, and reads no further.
const CHASE: u32 = 2;
/// The longest wait before a log that was released is claimed.
const RELEASED_WAIT: Duration = Duration::from_millis(100);

#[derive(Debug)]
enum Event {
    Read {
        seq: Seq,
        sent: u64,
        read: Option<Result<Read, Fault>>,
    },
    Listed {
        sent: u64,
        tail: Seq,
    },
    Ping(bool),
    Claim(Option<Claim>),
    Floor {
        asked: Duration,
        floor: Floor,
    },
}

/// What a follower knows besides the task's state.
#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each says of one kind of request that it is on its way"
)]
struct Following {
    tail: Tail,
    liveness: Liveness,
    io: JoinSet<Event>,
    ping_due: Duration,
    pinging: bool,
    asking_claim: bool,
    asking_floor: bool,
    /// A LIST on its way, by the tick at which it was sent.
    listing: Option<u64>,
    /// Segments read since a strong read last found the tail.
    chased: u32,
    /// When the floor was last asked for that this node is not below. That a segment was there says nothing
    /// of the next: a reader that is far behind may be among those that are being deleted.
    floor_at: Duration,
    /// Whether the tail was reached since the start.
    caught_up: bool,
    claim_at: Option<Duration>,
}

impl<S: Sink> Task<S> {
    /// Reads on until the log is to be claimed.
    pub(super) async fn follow(&mut self) -> Next {
        self.publish(Role::Follower { owner: None });
        self.barriers.forget_slots();
        if !self.member.copies {
            self.claim = self.claims.newest(self.claim.clone()).await;
        }
        let asked = self.clock.monotonic();
        self.note_floor(self.floors.find().await);
        if let Some(reason) = self.behind() {
            return Next::Stop(reason);
        }
        let mut following = self.following(asked);
        loop {
            let now = self.clock.monotonic();
            self.ask(&mut following, now);
            self.serve(&following);
            if self.is_time_to_claim(&mut following, now) {
                return Next::TakeOver;
            }
            if let Err(reason) = self.turn(&mut following, now).await {
                return Next::Stop(reason);
            }
        }
    }

    fn following(&self, floor_at: Duration) -> Following {
        let now = self.clock.monotonic();
        let config = &self.config;
        Following {
            tail: Tail::new(config.tail_interval, config.tail_interval_idle, now),
            liveness: Liveness::new(config.ping_misses, config.takeover_quiet, now),
            io: JoinSet::new(),
            ping_due: now,
            pinging: false,
            asking_claim: false,
            asking_floor: false,
            listing: None,
            chased: 0,
            floor_at,
            caught_up: false,
            claim_at: None,
        }
    }

    /// Waits for whatever comes next, and takes it in.
    async fn turn(&mut self, f: &mut Following, now: Duration) -> Result<(), StopReason> {
        let due = f
            .tail
            .due()
            .min(f.ping_due)
            .min(f.claim_at.unwrap_or(Duration::MAX));
        let timer = self.clock.sleep(due.saturating_sub(now));
        let hints = Arc::clone(&self.hints);
        tokio::select! {
            biased;
            Some(event) = f.io.join_next() => match event {
                Ok(event) => self.on_follow_event(f, event),
                Err(error) => Err(lost_request(error)),
            },
            Some(command) = self.commands.recv() => {
                self.accept_all(command, None);
                Ok(())
            }
            () = hints.notified() => {
                f.tail.wake(self.clock.monotonic());
                Ok(())
            }
            () = timer => Ok(()),
        }
    }

    /// Sends all requests that are due.
    fn ask(&mut self, f: &mut Following, now: Duration) {
        let next = self.reader.seq().next();
        let tick = self.next_tick();
        if f.tail.due() <= now && self.sink.is_full() {
            f.tail.postpone(now);
        }
        for seq in f.tail.want(next, now, tick) {
            self.ask_segment(f, seq, tick);
        }
        let sent = f.tail.asked_at(next).max(f.listing);
        if self.barriers.want_probe(sent, Seq::ZERO) {
            self.ask_tail(f, next, tick);
        }
        if now >= f.ping_due {
            f.ping_due = now + self.config.ping_interval;
            self.queue.sweep();
            if !self.member.copies {
                self.ask_owner(f);
            }
        }
        let epoch = self.claim.as_ref().map_or(Epoch::ZERO, |claim| claim.epoch);
        if epoch < self.reader.max_epoch() && !self.member.copies {
            self.ask_claim(f, self.reader.max_epoch());
        }
    }

    fn ask_segment(&self, f: &mut Following, seq: Seq, sent: u64) {
        let segments = self.segments.clone();
        f.io.spawn(async move {
            Event::Read {
                seq,
                sent,
                read: segments.read(seq).await,
            }
        });
    }

    /// Asks for proof of where the tail is: by the next slot, or, if the log keeps growing, by a LIST.
    fn ask_tail(&self, f: &mut Following, next: Seq, tick: u64) {
        if f.chased < CHASE {
            f.tail.insist(next, tick);
            return self.ask_segment(f, next, tick);
        }
        f.listing = Some(tick);
        let (segments, from) = (self.segments.clone(), self.reader.seq());
        f.io.spawn(async move {
            Event::Listed {
                sent: tick,
                tail: segments.tail_after(from).await,
            }
        });
    }

    fn ask_owner(&self, f: &mut Following) {
        let free = self.claim.as_ref().is_none_or(|claim| claim.released);
        let address = self.claim.as_ref().and_then(|claim| claim.address.clone());
        match address {
            _ if free => self.ask_claim(f, self.next_epoch()),
            None => self.missed(f),
            Some(address) if !f.pinging => {
                f.pinging = true;
                let (peer, clock) = (Arc::clone(&self.peer), Arc::clone(&self.clock));
                let patience = self.config.ping_interval;
                f.io.spawn(async move {
                    let sleep = clock.sleep(patience);
                    let alive = match select(peer.ping(&address), sleep).await {
                        Either::Left((alive, _)) => alive,
                        Either::Right(_) => false,
                    };
                    Event::Ping(alive)
                });
            }
            Some(_) => {}
        }
    }

    /// The owner did not answer a ping: look at the log and at the claims now.
    fn missed(&self, f: &mut Following) {
        f.liveness.pinged(false);
        f.tail.wake(self.clock.monotonic());
        self.ask_claim(f, self.next_epoch());
    }

    fn next_epoch(&self) -> Epoch {
        self.claim
            .as_ref()
            .map_or(Epoch::ZERO, |claim| claim.epoch)
            .next()
    }

    fn ask_claim(&self, f: &mut Following, epoch: Epoch) {
        if !f.asking_claim {
            f.asking_claim = true;
            let claims = self.claims.clone();
            f.io.spawn(async move { Event::Claim(claims.get(epoch).await) });
        }
    }

    fn on_follow_event(&mut self, f: &mut Following, event: Event) -> Result<(), StopReason> {
        match event {
            Event::Read {
                seq,
                sent,
                read: Some(Ok(read)),
            } => self.found(f, seq, sent, read),
            Event::Read {
                seq,
                sent,
                read: None,
            } => self.missing(f, seq, sent),
            Event::Read {
                seq,
                read: Some(Err(fault)),
                ..
            } => {
                return Err(StopReason::Corrupt { seq, fault });
            }
            Event::Listed { sent, tail } => {
                f.listing = None;
                f.chased = 0;
                self.barriers.listed(sent, tail);
                let done = self.barriers.applied(self.reader.seq());
                self.satisfied(done);
                f.tail.wake(self.clock.monotonic());
            }
            Event::Ping(alive) => {
                f.pinging = false;
                if alive {
                    f.liveness.pinged(true);
                } else {
                    self.missed(f);
                }
            }
            Event::Claim(found) => {
                f.asking_claim = false;
                if let Some(claim) = found {
                    self.note_claim(f, claim);
                }
            }
            Event::Floor { asked, floor } => {
                f.asking_floor = false;
                f.floor_at = asked;
                f.tail.wake(self.clock.monotonic());
                self.note_floor(floor);
                return self.behind().map_or(Ok(()), Err);
            }
        }
        Ok(())
    }

    fn note_claim(&mut self, f: &mut Following, claim: Claim) {
        if self
            .claim
            .as_ref()
            .is_none_or(|known| known.epoch < claim.epoch)
        {
            tracing::info!(log = %self.member.log, epoch = %claim.epoch, owner = ?claim.address, "new claim");
            let now = self.clock.monotonic();
            f.liveness = Liveness::new(self.config.ping_misses, self.config.takeover_quiet, now);
            f.claim_at = None;
            f.ping_due = now;
            self.claim = Some(claim);
        }
    }

    fn found(&mut self, f: &mut Following, seq: Seq, sent: u64, read: Read) {
        let now = self.clock.monotonic();
        f.tail.found(seq, sent, read, now);
        while let Some(read) = f.tail.take(self.reader.seq().next()) {
            self.consume(read);
            f.liveness.moved(now);
            f.chased = f.chased.saturating_add(1);
        }
    }

    fn missing(&mut self, f: &mut Following, seq: Seq, sent: u64) {
        let (now, wobble) = (self.clock.monotonic(), self.rng.random());
        let next = self.reader.seq().next();
        if !f.tail.missing(seq, sent, next, now, wobble) {
            return;
        }
        if now.saturating_sub(f.floor_at) > FRESH {
            // The segment may be missing because it was deleted: the floor tells.
            if !f.asking_floor {
                f.asking_floor = true;
                let (floors, known) = (self.floors.clone(), self.floor);
                f.io.spawn(async move {
                    let floor = floors.newest(known).await;
                    Event::Floor { asked: now, floor }
                });
            }
            return;
        }
        f.caught_up = true;
        f.chased = 0;
        let done = self.barriers.found_tail(sent);
        self.satisfied(done);
    }

    /// Sends waiting writes on to the owner, if one is known to live; else they are held.
    fn serve(&mut self, f: &Following) {
        let live = self.claim.as_ref().filter(|claim| {
            !claim.released && !f.liveness.is_suspect() && claim.writer != self.member.writer
        });
        let address = live.and_then(|claim| claim.address.clone());
        let address = address.filter(|address| Some(address) != self.member.address.as_ref());
        if address.is_some() {
            self.redirect(address.as_ref());
        }
        self.publish(Role::Follower { owner: address });
    }

    fn is_time_to_claim(&mut self, f: &mut Following, now: Duration) -> bool {
        if !self.member.claims || !f.caught_up || self.joining.load(Ordering::Acquire) {
            return false;
        }
        let wait_max = match &self.claim {
            None => Some(Duration::ZERO),
            Some(claim) if claim.released => Some(RELEASED_WAIT),
            Some(claim) if self.was_mine(claim) => Some(Duration::ZERO),
            Some(_) => f
                .liveness
                .is_gone(now)
                .then_some(self.config.takeover_jitter),
        };
        let Some(wait_max) = wait_max else {
            f.claim_at = None;
            return false;
        };
        let wait = self.up_to(wait_max);
        let at = *f.claim_at.get_or_insert(now + wait);
        now >= at
    }

    /// Whether `claim` is of this process, or of one that had its address before: it owns no more.
    fn was_mine(&self, claim: &Claim) -> bool {
        let here = claim.address.is_some() && claim.address == self.member.address;
        claim.writer == self.member.writer || here
    }
}

/// A request of ours panicked, which is a bug that must not be passed over; or the runtime ends.
pub(super) fn lost_request(error: tokio::task::JoinError) -> StopReason {
    if let Ok(panic) = error.try_into_panic() {
        std::panic::resume_unwind(panic);
    }
    StopReason::Shutdown
}
