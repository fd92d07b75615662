//! [`Relay`]: one log of another region, copied into the region's own bucket.

use super::{
    adopted::{Adopted, is_passing},
    metrics,
    repair::{Repair, Repaired},
};
use crate::{
    Clock,
    catalog::{Catalog, Floors, Outcome, Patience},
    log::{Fault, LogHandle, Read, Segments, Tail, heavy},
    model::{ClusterId, LogId, Region, Seq},
    store::Store,
    trace::Tracer,
};
use bytes::Bytes;
use isobath_config::{LogConfig, ReplicateConfig, Replication};
use rand::{RngExt, rngs::StdRng};
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::{mpsc, watch},
    task::{JoinHandle, JoinSet},
};
use tokio_util::sync::CancellationToken;

/// How many pushed segments may wait to be looked at.
const OFFERS: usize = 64;
/// A pushed segment this far ahead of the next one is not kept: it is read when its turn comes.
const AHEAD: u64 = 64;
/// Before what is damaged is read again.
const DAMAGED_PAUSE: Duration = Duration::from_secs(30);

/// Where a log comes from.
#[derive(Debug, Clone)]
pub struct Origin {
    /// The log.
    pub log: LogId,
    /// The bucket of its region.
    pub store: Store,
}

/// What a relay is made of.
#[derive(Debug)]
pub struct RelayParts {
    /// The cluster; segments of another are refused.
    pub cluster: ClusterId,
    /// Whence.
    pub origin: Origin,
    /// The region that gets the copies.
    pub dest: Region,
    /// Its bucket.
    pub target: Store,
    /// Who copies.
    pub mode: Replication,
    /// How it behaves.
    pub config: ReplicateConfig,
    /// How often the origin is looked at.
    pub log: LogConfig,
    /// Who reads the copies in this process: told of each.
    pub follower: LogHandle<()>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Chance: spreads requests.
    pub rng: StdRng,
    /// Records what becomes of segments.
    pub tracer: Tracer,
    /// Ends the relay.
    pub shutdown: CancellationToken,
}

/// What a relay does at the moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RelayState {
    /// It copies, or waits for more.
    Copying,
    /// The origin's bucket has deleted what this one lacks: it has to start from a checkpoint.
    Behind {
        /// The last segment that is gone.
        floor: Seq,
    },
    /// What it read, or what the bucket holds, is not what it must be; nothing is overwritten.
    Damaged {
        /// The segment.
        seq: Seq,
        /// What is wrong.
        fault: String,
    },
}

/// How the rest of a node talks to a relay.
#[derive(Debug, Clone)]
pub struct RelayHandle {
    /// The log that it copies.
    pub log: LogId,
    offers: mpsc::Sender<Option<(Seq, Bytes)>>,
    held: watch::Receiver<Seq>,
    state: watch::Receiver<RelayState>,
}

impl RelayHandle {
    /// Hands over segment `seq`, as its origin pushed it. Never waits: what does not fit is read later.
    pub fn offer(&self, seq: Seq, bytes: Bytes) {
        if seq > self.held() && self.offers.try_send(Some((seq, bytes))).is_err() {
            let origin = self.log.to_string();
            ::metrics::counter!(metrics::HINTS_DROPPED, "origin" => origin).increment(1);
        }
    }

    /// Says that the origin's log has grown: it is looked at now.
    pub fn hint(&self) {
        // A full queue says so, too.
        drop(self.offers.try_send(None));
    }

    /// Up to where the bucket holds the log without a gap.
    pub fn held(&self) -> Seq {
        *self.held.borrow()
    }

    /// Follows [`RelayHandle::held`].
    pub fn watch_held(&self) -> watch::Receiver<Seq> {
        self.held.clone()
    }

    /// What it does.
    pub fn state(&self) -> RelayState {
        self.state.borrow().clone()
    }
}

/// How a segment came here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Hint,
    Relay,
    /// It is in the bucket already: the store brought it.
    Store,
    /// The store left it out.
    ReadThrough,
}

#[derive(Debug)]
enum Event {
    Read {
        seq: Seq,
        sent: u64,
        read: Option<Result<(Way, Read), Fault>>,
    },
    /// A copy was made, or found to be there.
    Copied {
        way: Way,
        read: Read,
        /// Whether it was made now.
        copied: Result<bool, Fault>,
    },
    Repaired(Repaired),
    /// The newest floor of the origin's bucket.
    Floor(Seq),
}

/// One log of another region, copied into the region's own bucket.
#[derive(Debug)]
pub struct Relay {
    cluster: ClusterId,
    origin: LogId,
    dest: Region,
    mode: Replication,
    config: ReplicateConfig,
    source: Segments,
    target: Segments,
    source_floors: Floors,
    adopted: Adopted,
    repair: Repair,
    follower: LogHandle<()>,
    clock: Arc<dyn Clock>,
    rng: StdRng,
    tracer: Tracer,
    shutdown: CancellationToken,
    tail: Tail,
    ways: std::collections::BTreeMap<Seq, Way>,
    offers: mpsc::Receiver<Option<(Seq, Bytes)>>,
    held: watch::Sender<Seq>,
    state: watch::Sender<RelayState>,
    io: JoinSet<Event>,
    /// A copy is being made: of the segment after the last one held.
    copying: bool,
    repairing: bool,
    asking_floor: bool,
    swept_at: Duration,
    /// The last copy that was there at the start: what was missing before it was lost.
    listed: Seq,
    /// When a segment was copied, or the origin's bucket was asked for one that the store left out.
    moved_at: Duration,
    /// The last segment that the follower had applied, and when it got there.
    applied: (Seq, Duration),
    tick: u64,
}

impl Relay {
    /// Starts the task of a relay.
    pub fn start(parts: RelayParts) -> (RelayHandle, JoinHandle<()>) {
        let clock = parts.clock;
        let now = clock.monotonic();
        let log = parts.origin.log;
        let patient = |store: &Store| Patience::new(Arc::clone(&store.log), Arc::clone(&clock));
        let (from, to) = (patient(&parts.origin.store), patient(&parts.target));
        let source = Segments::new(from.clone(), parts.cluster, log);
        let target = Segments::new(to.clone(), parts.cluster, log);
        let catalog = |store: &Store| Catalog::new(Arc::clone(&store.data));
        let adopted = Adopted::new(catalog(&parts.origin.store), catalog(&parts.target));
        let (send, offers) = mpsc::channel(OFFERS);
        let (held, held_watch) = watch::channel(Seq::ZERO);
        let (state, state_watch) = watch::channel(RelayState::Copying);
        let handle = RelayHandle {
            log,
            offers: send,
            held: held_watch,
            state: state_watch,
        };
        let relay = Self {
            cluster: parts.cluster,
            origin: log,
            dest: parts.dest,
            mode: parts.mode,
            config: parts.config,
            repair: Repair {
                source: source.clone(),
                target: target.clone(),
                adopted: adopted.clone(),
                floors: Floors::new(to, None, log),
            },
            source,
            target,
            source_floors: Floors::new(from, None, log),
            adopted,
            follower: parts.follower,
            rng: parts.rng,
            tracer: parts.tracer,
            shutdown: parts.shutdown,
            tail: Tail::new(parts.log.tail_interval, parts.log.tail_interval_idle, now),
            ways: std::collections::BTreeMap::new(),
            offers,
            held,
            state,
            io: JoinSet::new(),
            copying: false,
            repairing: false,
            asking_floor: false,
            swept_at: now,
            listed: Seq::ZERO,
            moved_at: now,
            applied: (Seq::ZERO, now),
            tick: 0,
            clock,
        };
        let shutdown = relay.shutdown.clone();
        let task = tokio::spawn(async move {
            shutdown.run_until_cancelled_owned(relay.run()).await;
        });
        (handle, task)
    }

    async fn run(mut self) {
        let floor = self.repair.floors.find().await.seq;
        let there = self.target.all_after(floor).await;
        self.listed = there.last().copied().unwrap_or_default();
        self.note_held(Segments::prefix(floor, there));
        self.ask_floor();
        loop {
            let now = self.clock.monotonic();
            self.copy_next();
            self.ask(now);
            self.look_for_gaps(now);
            let due = self.tail.due().min(now + self.config.gap_timeout);
            let timer = self.clock.sleep(due.saturating_sub(now));
            tokio::select! {
                biased;
                Some(event) = self.io.join_next() => match event {
                    Ok(event) => self.on_event(event),
                    Err(error) => {
                        if let Ok(panic) = error.try_into_panic() {
                            std::panic::resume_unwind(panic);
                        }
                        return;
                    }
                },
                Some(offer) = self.offers.recv() => self.on_offer(offer),
                () = timer => {}
            }
        }
    }

    /// The segment that has to be read next.
    fn wanted(&self) -> Seq {
        let next = self.next();
        if self.copying { next.next() } else { next }
    }

    fn next(&self) -> Seq {
        self.held.borrow().next()
    }

    /// Sends the reads that are due.
    fn ask(&mut self, now: Duration) {
        self.tick += 1;
        let (wanted, sent) = (self.wanted(), self.tick);
        let late = now.saturating_sub(self.moved_at) >= self.config.gap_timeout;
        let managed = self.mode == Replication::Managed;
        for seq in self.tail.want(wanted, now, sent) {
            let (source, target) = (self.source.clone(), self.target.clone());
            // Where the store brings the copies, the origin is asked only for one that does not come.
            let through = late && seq == wanted;
            if managed && through {
                self.moved_at = now;
            }
            self.io.spawn(async move {
                let read = if managed {
                    match target.read(seq).await {
                        None if through => source.read(seq).await.map(|r| (Way::ReadThrough, r)),
                        read => read.map(|r| (Way::Store, r)),
                    }
                } else {
                    source.read(seq).await.map(|r| (Way::Relay, r))
                };
                let read = read.map(|(way, read)| read.map(|read| (way, read)));
                Event::Read { seq, sent, read }
            });
        }
    }

    fn on_offer(&mut self, offer: Option<(Seq, Bytes)>) {
        let now = self.clock.monotonic();
        let Some((seq, bytes)) = offer else {
            return self.tail.wake(now);
        };
        let (wanted, managed) = (self.wanted(), self.mode == Replication::Managed);
        if managed || seq < wanted || seq.0 - wanted.0 >= AHEAD {
            return self.tail.wake(now);
        }
        match heavy(bytes.len(), || self.source.decode(seq, &bytes)) {
            Ok(read) => {
                self.ways.insert(seq, Way::Hint);
                self.tail.supply(seq, read, now);
                if seq > wanted {
                    // what lies between was not pushed
                    self.tail.wake(now);
                }
            }
            Err(fault) => {
                tracing::warn!(log = %self.origin, %seq, fault, "a pushed segment is damaged");
                self.tail.wake(now);
            }
        }
    }

    /// Copies the next segment, if it is here.
    fn copy_next(&mut self) {
        if self.copying {
            return;
        }
        let Some(read) = self.tail.take(self.next()) else {
            return;
        };
        let seq = read.segment.header.seq;
        self.ways.retain(|at, _| *at >= seq);
        let way = self.ways.remove(&seq).unwrap_or(Way::Relay);
        self.copying = true;
        let (target, adopted) = (self.target.clone(), self.adopted.clone());
        self.io.spawn(async move {
            let copied = match way {
                Way::Store => fetch_adopted(&target, &adopted, &read)
                    .await
                    .map(|()| false),
                _ => copy(&target, &adopted, &read).await,
            };
            Event::Copied { way, read, copied }
        });
    }

    fn on_event(&mut self, event: Event) {
        let now = self.clock.monotonic();
        match event {
            Event::Read {
                seq,
                sent,
                read: Some(Ok((way, read))),
            } => {
                self.ways.entry(seq).or_insert(way);
                self.tail.found(seq, sent, read, now);
            }
            Event::Read {
                seq,
                sent,
                read: None,
            } => {
                let (wanted, wobble) = (self.wanted(), self.rng.random());
                self.tail.missing(seq, sent, wanted, now, wobble);
            }
            Event::Read {
                seq,
                sent,
                read: Some(Err(fault)),
            } => {
                self.tail.failed(seq, sent, now, DAMAGED_PAUSE);
                self.damaged(seq, fault);
            }
            Event::Copied { way, read, copied } => {
                self.copying = false;
                let seq = read.segment.header.seq;
                match copied {
                    Ok(created) => self.copied(way, &read, created, now),
                    Err(fault) => {
                        self.tail.failed(seq, 0, now, DAMAGED_PAUSE);
                        self.damaged(seq, fault);
                    }
                }
            }
            Event::Repaired(repaired) => {
                self.repairing = false;
                self.on_repaired(repaired);
            }
            Event::Floor(floor) => {
                self.asking_floor = false;
                if floor > *self.held.borrow() {
                    tracing::error!(log = %self.origin, %floor, "the origin has deleted what this bucket lacks");
                    self.state.send_replace(RelayState::Behind { floor });
                }
            }
        }
    }

    fn copied(&mut self, way: Way, read: &Read, created: bool, now: Duration) {
        let header = &read.segment.header;
        self.moved_at = now;
        self.note_held(header.seq);
        self.state.send_if_modified(|state| {
            std::mem::replace(state, RelayState::Copying) != RelayState::Copying
        });
        self.follower.hint();
        let path = match way {
            Way::Hint => "hint",
            Way::Relay => "relay",
            Way::ReadThrough => "readthrough",
            Way::Store => return,
        };
        if way == Way::ReadThrough || (header.seq < self.listed && created) {
            self.count_repairs(1);
        }
        let ms = self.clock.now_ms().saturating_sub(header.hlc_max.millis());
        let lag = Duration::from_millis(ms);
        let traced = self.tracer.segment(self.cluster, self.origin, header.seq);
        if let Some(context) = traced.filter(|_| !read.segment.blocks.is_empty()) {
            let mut span = self.tracer.began(context, "copy segment", lag);
            span.set("isobath.path", path);
        }
        let (origin, dest) = (self.origin.region.to_string(), self.dest.to_string());
        ::metrics::histogram!(metrics::LAG, "origin" => origin, "dest" => dest, "path" => path)
            .record(lag.as_secs_f64());
    }

    fn note_held(&self, seq: Seq) {
        self.held.send_replace(seq);
        let (origin, dest) = (self.origin.region.to_string(), self.dest.to_string());
        #[expect(clippy::cast_precision_loss, reason = "a gauge")]
        ::metrics::gauge!(metrics::HELD_SEQ, "origin" => origin, "dest" => dest).set(seq.0 as f64);
    }

    fn damaged(&self, seq: Seq, fault: Fault) {
        tracing::error!(log = %self.origin, %seq, fault, "a segment cannot be copied");
        self.state.send_replace(RelayState::Damaged { seq, fault });
    }

    /// Copies again what is missing of what was copied: now and then, and when the follower stands still before it.
    fn look_for_gaps(&mut self, now: Duration) {
        let applied = self.follower.applied();
        if applied != self.applied.0 {
            self.applied = (applied, now);
        }
        let held = *self.held.borrow();
        let still = now.saturating_sub(self.applied.1) >= self.config.gap_timeout;
        let since = now.saturating_sub(self.swept_at);
        let stuck = applied < held && still && since >= self.config.gap_timeout;
        if self.repairing || !(stuck || since >= self.config.sweep) {
            return;
        }
        self.swept_at = now;
        self.repairing = true;
        let repair = self.repair.clone();
        self.io
            .spawn(async move { Event::Repaired(repair.run(held).await) });
        self.ask_floor();
    }

    fn ask_floor(&mut self) {
        if !self.asking_floor {
            self.asking_floor = true;
            let floors = self.source_floors.clone();
            self.io
                .spawn(async move { Event::Floor(floors.find().await.seq) });
        }
    }

    fn on_repaired(&mut self, repaired: Repaired) {
        if repaired.copied > 0 {
            tracing::warn!(log = %self.origin, copies = repaired.copied, "copies were missing and were made again");
            self.count_repairs(repaired.copied);
            self.follower.hint();
        }
        if let Some((seq, fault)) = repaired.fault {
            self.damaged(seq, fault);
        }
    }

    fn count_repairs(&self, copies: u64) {
        let (origin, dest) = (self.origin.region.to_string(), self.dest.to_string());
        ::metrics::counter!(metrics::READ_REPAIR, "origin" => origin, "dest" => dest)
            .increment(copies);
    }
}

/// Makes a copy in the target, after all that it adopts; the same bytes that are there already are as good. Whether it
/// was made now, as far as the store's answers tell.
pub(super) async fn copy(target: &Segments, adopted: &Adopted, read: &Read) -> Result<bool, Fault> {
    fetch_adopted(target, adopted, read).await?;
    let seq = read.segment.header.seq;
    let mut attempt = 0;
    loop {
        if target.create(seq, read.raw.clone()).await == Outcome::Created {
            return Ok(true);
        }
        match target.raw(seq).await {
            Some(bytes) if bytes == read.raw => return Ok(attempt > 0),
            Some(_) => return Err("this bucket holds other bytes under its key".to_owned()),
            None => {}
        }
        attempt += 1;
        target.store().pause(attempt).await;
    }
}

/// Copies what a segment adopts; goes on as long as a store does not answer.
async fn fetch_adopted(target: &Segments, adopted: &Adopted, read: &Read) -> Result<(), Fault> {
    let mut attempt = 0;
    loop {
        match adopted.copy(&read.segment).await {
            Ok(()) => return Ok(()),
            Err(error) if is_passing(&error) => {
                attempt += 1;
                target.store().pause(attempt).await;
            }
            Err(error) => return Err(format!("what it adopts cannot be copied: {error}")),
        }
    }
}
