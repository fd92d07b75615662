//! [`Task`]: the one task of a log, whatever its role.

use super::barriers::Barriers;
use super::batch::Queue;
use super::glance::Glance;
use super::handle::{BarrierReply, Command, LogHandle};
use super::segments::{Read, Segments, heavy};
use super::{
    AppendError, BarrierError, Member, Parts, Published, Role, Sink, Start, StopReason, chain,
};
use crate::Clock;
use crate::catalog::{Claim, Claims, Floor, Floors, Patience};
use crate::log::protocol::{Reader, Rules, Verdict, Window};
use crate::model::{ContentHash, Hlc, HlcClock, Nonce, Seq, VersionVector};
use isobath_config::LogConfig;
use parking_lot::Mutex;
use rand::{RngExt, rngs::StdRng};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::{sync::Arc, time::Duration};
use tokio::sync::{Notify, Semaphore, broadcast, mpsc, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Strong reads that may wait at once.
const BARRIERS_MAX: usize = 65_536;

/// Starts the task of a log. It ends when it is told to shut down, or with the reason in its role.
pub fn start<S: Sink>(parts: Parts<S>) -> (LogHandle<S::Terms>, JoinHandle<()>) {
    let (handle, task) = Task::new(parts);
    (handle, tokio::spawn(task.run()))
}

/// Where a role leads to.
#[derive(Debug)]
pub(super) enum Next {
    Follow,
    TakeOver,
    Own(Window),
    Stop(StopReason),
}

/// The state of a log's task that outlives its roles.
#[derive(Debug)]
pub(super) struct Task<S: Sink> {
    pub(super) member: Member,
    pub(super) config: LogConfig,
    /// The shortest and longest time between two segments.
    pub(super) put_interval: (Duration, Duration),
    pub(super) clock: Arc<dyn Clock>,
    pub(super) rng: StdRng,
    pub(super) peer: Arc<dyn super::Peer>,
    pub(super) bucket: Arc<dyn super::BucketCheck>,
    pub(super) segments: Segments,
    pub(super) claims: Claims,
    pub(super) floors: Floors,
    pub(super) sink: S,
    pub(super) reader: Reader,
    pub(super) chain: ContentHash,
    pub(super) hlc: HlcClock,
    /// The newest time of a segment up to the reader's position. The clock may be ahead of it, by times of other logs
    /// and of segments that never came to be.
    read_hlc: Hlc,
    /// The newest claim known.
    pub(super) claim: Option<Claim>,
    /// The newest floor known.
    pub(super) floor: Floor,
    pub(super) queue: Queue<S::Terms>,
    pub(super) barriers: Barriers<BarrierReply>,
    pub(super) commands: mpsc::Receiver<Command<S::Terms>>,
    pub(super) hints: Arc<Notify>,
    pub(super) shutdown: CancellationToken,
    role: watch::Sender<Role>,
    applied: watch::Sender<Seq>,
    position: watch::Sender<Start>,
    observed: Arc<AtomicU64>,
    /// What was applied of other logs.
    pub(super) others: Arc<Mutex<VersionVector>>,
    pub(super) published: broadcast::Sender<Published>,
    pub(super) joining: Arc<AtomicBool>,
    tick: u64,
}

impl<S: Sink> Task<S> {
    fn new(parts: Parts<S>) -> (LogHandle<S::Terms>, Self) {
        let Parts {
            member,
            config,
            start,
            clock,
            ..
        } = parts;
        let store = Patience::new(parts.store, Arc::clone(&clock));
        let (send, commands) = mpsc::channel(config.queue_requests);
        let (role, role_watch) = watch::channel(Role::Follower { owner: None });
        let (applied, applied_watch) = watch::channel(start.seq);
        let (position, position_watch) = watch::channel(start);
        let memory_kib = u32::try_from(config.queue_bytes.as_u64() / 1024).unwrap_or(u32::MAX);
        let mut hlc = HlcClock::default();
        hlc.observe(start.hlc);
        let handle = LogHandle {
            commands: send,
            glance: parts.look.clone().map(|look| Glance::new(look, member.log)),
            memory: Arc::new(Semaphore::new(memory_kib as usize)),
            memory_kib,
            role: role_watch,
            applied: applied_watch,
            position: position_watch,
            hints: Arc::default(),
            observed: Arc::default(),
            others: Arc::default(),
            clock: Arc::clone(&clock),
            hold: parts.hold,
        };
        let task = Self {
            put_interval: put_interval(&config, parts.charges_per_request),
            config,
            rng: parts.rng,
            peer: parts.peer,
            bucket: parts.bucket,
            segments: Segments::new(store.clone(), member.cluster, member.log),
            claims: Claims::new(store.clone(), member.log),
            floors: Floors::new(store, parts.look.clone(), member.log),
            member,
            clock,
            sink: parts.sink,
            reader: Reader::new(Rules::ALL, start.seq, start.max_epoch),
            chain: start.chain,
            hlc,
            read_hlc: start.hlc,
            claim: None,
            floor: Floor::default(),
            queue: Queue::default(),
            barriers: Barriers::default(),
            commands,
            hints: Arc::clone(&handle.hints),
            shutdown: parts.shutdown,
            role,
            applied,
            position,
            observed: Arc::clone(&handle.observed),
            others: Arc::clone(&handle.others),
            published: parts.published,
            joining: parts.joining,
            tick: 0,
        };
        (handle, task)
    }

    async fn run(mut self) {
        let mut next = Next::Follow;
        let reason = loop {
            let shutdown = self.shutdown.clone();
            next = match next {
                Next::Stop(reason) => break reason,
                Next::Own(window) => Box::pin(self.own(window)).await,
                Next::Follow => tokio::select! {
                    biased;
                    () = shutdown.cancelled() => Next::Stop(StopReason::Shutdown),
                    next = Box::pin(self.follow()) => next,
                },
                Next::TakeOver => tokio::select! {
                    biased;
                    () = shutdown.cancelled() => Next::Stop(StopReason::Shutdown),
                    next = Box::pin(self.take_over()) => next,
                },
            };
        };
        self.stop(&reason);
    }

    /// Tells everybody who waits that the task ends.
    fn stop(&mut self, reason: &StopReason) {
        tracing::info!(log = %self.member.log, %reason, "log task ends");
        self.publish(Role::Stopped(reason.clone()));
        self.commands.close();
        while let Ok(command) = self.commands.try_recv() {
            self.accept(command, None);
        }
        for pending in self.queue.take(usize::MAX) {
            pending
                .reply
                .send(Err(AppendError::Stopped(reason.clone())))
                .ok();
        }
        for waiting in self.barriers.drain() {
            waiting
                .send(Err(BarrierError::Stopped(reason.clone())))
                .ok();
        }
    }

    /// Queues a command. `own_slot` is an owner's next slot.
    pub(super) fn accept(&mut self, command: Command<S::Terms>, own_slot: Option<Seq>) {
        match command {
            Command::Append(pending) => self.queue.push(*pending),
            Command::Barrier(reply) if self.barriers.len() >= BARRIERS_MAX => {
                reply.send(Err(BarrierError::Busy)).ok();
            }
            Command::Barrier(reply) => {
                let arrived = self.next_tick();
                self.barriers.add(arrived, own_slot, reply);
            }
        }
    }

    /// Takes all commands that are there.
    pub(super) fn accept_all(&mut self, first: Command<S::Terms>, own_slot: Option<Seq>) {
        self.accept(first, own_slot);
        while let Ok(command) = self.commands.try_recv() {
            self.accept(command, own_slot);
        }
    }

    /// Consumes the next segment: applies it if it counts.
    pub(super) fn consume(&mut self, read: Read) {
        let Read {
            segment,
            digest,
            raw,
        } = read;
        let header = &segment.header;
        self.hlc.observe(header.hlc_max);
        self.read_hlc = self.read_hlc.max(header.hlc_max);
        let seq = header.seq;
        if self.reader.consume(header.epoch) == Verdict::Live {
            self.chain = chain::extend(self.chain, digest);
            let sink = &mut self.sink;
            heavy(raw.len(), || sink.apply(segment));
        } else {
            tracing::info!(log = %self.member.log, %seq, "void segment");
            metrics::counter!(super::metrics::VOID_SEGMENTS).increment(1);
        }
        self.applied.send_replace(seq);
        self.position.send_replace(Start {
            seq,
            max_epoch: self.reader.max_epoch(),
            chain: self.chain,
            hlc: self.read_hlc,
        });
        let log = self.member.log.to_string();
        #[expect(clippy::cast_precision_loss, reason = "a gauge")]
        metrics::gauge!(super::metrics::APPLIED_SEQ, "origin" => log).set(seq.0 as f64);
        let done = self.barriers.applied(seq);
        self.satisfied(done);
    }

    /// Answers strong reads.
    pub(super) fn satisfied(&self, done: Vec<BarrierReply>) {
        for reply in done {
            reply.send(Ok(self.reader.seq())).ok();
        }
    }

    /// Answers all waiting writes: another process takes them.
    pub(super) fn redirect(&mut self, address: Option<&String>) {
        for pending in self.queue.take(usize::MAX) {
            pending
                .reply
                .send(Err(AppendError::NotOwner {
                    address: address.cloned(),
                }))
                .ok();
        }
    }

    pub(super) fn publish(&self, role: Role) {
        self.role.send_if_modified(|current| {
            let changed = *current != role;
            *current = role;
            changed
        });
    }

    /// A moment after all that came before; see [`Barriers`].
    pub(super) fn next_tick(&mut self) -> u64 {
        self.tick += 1;
        self.tick
    }

    /// A time above all that this process knows to be durable.
    pub(super) fn next_hlc(&mut self) -> Hlc {
        self.hlc.observe(Hlc(self.observed.load(Ordering::Acquire)));
        let now = self.clock.now_ms();
        let ahead = self.hlc.last().millis().saturating_sub(now);
        #[expect(clippy::cast_precision_loss, reason = "a gauge")]
        metrics::gauge!(super::metrics::HLC_SKEW).set(ahead as f64 / 1e3);
        self.hlc.tick(now)
    }

    pub(super) fn next_nonce(&mut self) -> Nonce {
        Nonce(self.rng.random())
    }

    /// A random time below `max`.
    pub(super) fn up_to(&mut self, max: Duration) -> Duration {
        max.mul_f64(self.rng.random())
    }

    /// Takes note of the newest floor.
    pub(super) fn note_floor(&mut self, floor: Floor) {
        if floor.k > self.floor.k {
            self.floor = floor;
            #[expect(clippy::cast_precision_loss, reason = "a gauge")]
            metrics::gauge!(super::metrics::FLOOR_SEQ).set(floor.seq.0 as f64);
        }
    }

    /// The stop of a reader that would have to read deleted segments, if it is one.
    pub(super) fn behind(&self) -> Option<StopReason> {
        let behind = self.reader.seq() < self.floor.seq;
        behind.then_some(StopReason::Behind {
            floor: self.floor.seq,
        })
    }
}

/// The shortest and the longest time between two segments.
fn put_interval(config: &LogConfig, charges: bool) -> (Duration, Duration) {
    match config.min_put_interval {
        Some(interval) => (interval, interval),
        None if charges => (Duration::from_millis(100), Duration::from_secs(1)),
        None => (Duration::ZERO, Duration::ZERO),
    }
}
