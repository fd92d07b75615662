//! Owning a log: requests become segments, several in flight, acked in order.

use super::batch::{Batch, close};
use super::follow::lost_request;
use super::protocol::{Holder, Resolved, Window};
use super::segments::{Fault, Read, Segments};
use super::task::{Next, Task};
use super::{Role, Sink, StopReason};
use crate::catalog::{Floor, Outcome};
use crate::log::metrics;
use crate::log::pace::Pace;
use crate::model::{ContentHash, Epoch, Segment, SegmentHeader, SegmentKind, Seq};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::{sync::Arc, time::Duration};
use tokio::task::JoinSet;

/// A log that was written within this time gets heartbeats often.
const ACTIVE: Duration = Duration::from_hours(1);
/// A PUT first sent longer ago than this is repeated only after reading the floor.
const OLD_PUT: Duration = Duration::from_hours(6);
/// How long a shutdown waits for what is in flight.
const DRAIN: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(super) enum Event {
    Put {
        slot: Seq,
        encoded: Result<(Bytes, ContentHash), Fault>,
        created: bool,
    },
    Header {
        slot: Seq,
        header: Option<Result<SegmentHeader, Fault>>,
    },
    /// The floor, read after all creates that wait for it.
    Floor(Floor),
    /// A slot lies below the floor before it was ours.
    Gone(Floor),
    /// What a strong read's look at `slot`, sent at tick `sent`, found.
    Tail {
        slot: Seq,
        sent: u64,
        header: Option<Result<SegmentHeader, Fault>>,
    },
    Bucket(Result<(), String>),
}

/// What an owner knows besides the task's state.
#[derive(Debug)]
pub(super) struct Reign {
    pub(super) epoch: Epoch,
    pub(super) window: Window,
    /// By number, those that are not acked.
    pub(super) batches: BTreeMap<u64, Batch>,
    next_batch: u64,
    io: JoinSet<Event>,
    pace: Pace,
    /// A PUT returned since the last one was sent.
    returned: bool,
    /// A look for the tail is on its way.
    looking: bool,
    /// The last slot that a look found to be ours; it is not looked at again.
    seen: Seq,
    sent_at: Duration,
    wrote_at: Option<Duration>,
    draining_since: Option<Duration>,
}

/// Why a reign ends.
#[derive(Debug)]
pub(super) enum End {
    /// A newer epoch holds a slot.
    Fenced(Epoch),
    Stop(StopReason),
}

impl<S: Sink> Task<S> {
    /// Appends until a newer owner fences this one off, or the task is shut down.
    pub(super) async fn own(&mut self, window: Window) -> Next {
        let now = self.clock.monotonic();
        let epoch = window.epoch();
        self.barriers.forget_slots();
        self.publish(Role::Owner { epoch });
        let mut reign = Reign {
            epoch,
            window,
            batches: BTreeMap::new(),
            next_batch: 0,
            io: JoinSet::new(),
            pace: Pace::new(self.put_interval.0, self.put_interval.1),
            returned: false,
            looking: false,
            seen: Seq::ZERO,
            sent_at: now,
            wrote_at: None,
            draining_since: None,
        };
        let end = loop {
            let now = self.clock.monotonic();
            if let Some(reason) = self.drained(&reign, now).await {
                break End::Stop(reason);
            }
            self.send_all(&mut reign, now);
            self.check_floor(&mut reign);
            self.look_for_tail(&mut reign);
            if let Err(end) = self.reign_on(&mut reign, now).await {
                break end;
            }
        };
        match end {
            End::Stop(reason) => Next::Stop(reason),
            End::Fenced(newer) => self.settle(reign, newer).await,
        }
    }

    /// Waits for whatever comes next, and takes it in.
    async fn reign_on(&mut self, r: &mut Reign, now: Duration) -> Result<(), End> {
        let timer = self.clock.sleep(self.due(r, now).saturating_sub(now));
        let shutdown = self.shutdown.clone();
        let draining = r.draining_since.is_some();
        tokio::select! {
            biased;
            Some(event) = r.io.join_next() => {
                let event = event.map_err(|error| End::Stop(lost_request(error)))?;
                self.on_event(r, event)
            }
            Some(command) = self.commands.recv(), if !draining => {
                self.accept_all(command, Some(r.window.next()));
                Ok(())
            }
            () = shutdown.cancelled(), if !draining => {
                tracing::info!(log = %self.member.log, "draining the log");
                r.draining_since = Some(now);
                self.commands.close();
                while let Ok(command) = self.commands.try_recv() {
                    self.accept(command, Some(r.window.next()));
                }
                Ok(())
            }
            () = timer => Ok(()),
        }
    }

    /// When something has to be done even if nothing happens.
    fn due(&self, r: &Reign, now: Duration) -> Duration {
        let mut due = self.heartbeat_due(r);
        if !self.queue.is_empty() && self.wants_flush(r) && r.window.has_room() {
            due = due.min(now + r.pace.wait(now));
        }
        r.draining_since.map_or(due, |since| due.min(since + DRAIN))
    }

    fn heartbeat_due(&self, r: &Reign) -> Duration {
        let active = r
            .wrote_at
            .is_some_and(|at| r.sent_at.saturating_sub(at) < ACTIVE);
        let every = if active {
            self.config.heartbeat
        } else {
            self.config.heartbeat_idle
        };
        r.sent_at + every
    }

    /// Group commit: at once when nothing is in flight, else when a PUT returns or a batch is full.
    fn wants_flush(&self, r: &Reign) -> bool {
        let full = self.queue.bytes() >= self.max_batch();
        r.window.unresolved() == 0 || r.returned || full || r.draining_since.is_some()
    }

    fn max_batch(&self) -> usize {
        usize::try_from(self.config.max_batch_bytes.as_u64()).unwrap_or(usize::MAX)
    }

    fn send_all(&mut self, r: &mut Reign, now: Duration) {
        while !self.queue.is_empty() && r.window.has_room() && self.wants_flush(r) {
            if !r.pace.wait(now).is_zero() && r.draining_since.is_none() {
                break;
            }
            self.send_batch(r, now);
        }
        if now >= self.heartbeat_due(r) && r.window.has_room() {
            self.send_heartbeat(r, now);
        }
    }

    fn send_batch(&mut self, r: &mut Reign, now: Duration) {
        let taken = self.queue.take(self.max_batch());
        let (requests, slot) = (taken.len(), r.window.next());
        let nonce = self.next_nonce();
        let mut header = self.header(SegmentKind::Data, r.epoch, slot, nonce);
        let at = (header.log, slot, header.hlc_max);
        let closed = close(&mut self.sink, taken, at, now);
        if closed.blocks.is_empty() {
            // Nothing to write: the answers wait for what they were derived from.
            match r.batches.last_entry() {
                Some(mut last) => last.get_mut().waiters.extend(closed.waiters),
                None => closed
                    .waiters
                    .into_iter()
                    .for_each(|waiter| waiter.ack(now)),
            }
            return;
        }
        header.ops = closed.ops;
        ::metrics::histogram!(metrics::BATCH_OPS).record(f64::from(closed.ops));
        let segment = Arc::new(Segment {
            header,
            blocks: closed.blocks,
        });
        r.pace.sent(now, requests);
        r.returned = false;
        r.wrote_at = Some(now);
        self.send(r, segment, closed.waiters, now);
    }

    fn send_heartbeat(&mut self, r: &mut Reign, now: Duration) {
        let nonce = self.next_nonce();
        let header = self.header(SegmentKind::Heartbeat, r.epoch, r.window.next(), nonce);
        let segment = Arc::new(Segment {
            header,
            blocks: Vec::new(),
        });
        self.send(r, segment, Vec::new(), now);
        let bucket = Arc::clone(&self.bucket);
        r.io.spawn(async move {
            Event::Bucket(bucket.check().await.map_err(|error| error.to_string()))
        });
    }

    fn send(
        &mut self,
        r: &mut Reign,
        segment: Arc<Segment>,
        waiters: Vec<super::batch::Waiter>,
        now: Duration,
    ) {
        let number = r.next_batch;
        let Some(slot) = r.window.append(number) else {
            return;
        };
        r.next_batch += 1;
        r.sent_at = now;
        let nonce = segment.header.nonce;
        let batch = Batch {
            segment,
            nonce,
            encoded: None,
            attempts: 0,
            first_sent: now,
            waiters,
        };
        r.batches.insert(number, batch);
        self.put(r, slot, number);
        #[expect(clippy::cast_precision_loss, reason = "a gauge")]
        ::metrics::gauge!(metrics::PIPELINE_DEPTH).set(r.window.depth() as f64);
    }

    /// Sends the PUT of batch `number` to `slot`, for the first time or again.
    fn put(&self, r: &mut Reign, slot: Seq, number: u64) {
        let Some(batch) = r.batches.get_mut(&number) else {
            return;
        };
        batch.attempts += 1;
        let again = batch.attempts.saturating_sub(1);
        let (segment, encoded) = (Arc::clone(&batch.segment), batch.encoded.clone());
        let old = self.clock.monotonic().saturating_sub(batch.first_sent) > OLD_PUT;
        let segments = self.segments.clone();
        let (floors, known) = (self.floors.clone(), self.floor);
        r.io.spawn(async move {
            if again > 0 {
                segments.store().pause(again).await;
            }
            if old {
                let floor = floors.newest(known).await;
                if slot <= floor.seq {
                    return Event::Gone(floor);
                }
            }
            let encoded = encoded.map_or_else(|| Segments::encode(&segment), Ok);
            let Ok((bytes, _)) = &encoded else {
                return Event::Put {
                    slot,
                    encoded,
                    created: false,
                };
            };
            let created = segments.create(slot, bytes.clone()).await == Outcome::Created;
            Event::Put {
                slot,
                encoded,
                created,
            }
        });
    }

    fn on_event(&mut self, r: &mut Reign, event: Event) -> Result<(), End> {
        match event {
            Event::Put {
                slot,
                encoded,
                created,
            } => {
                let fault = |fault| End::Stop(StopReason::Encode { seq: slot, fault });
                let encoded = encoded.map_err(fault)?;
                if let Some(batch) = r.batch_at(slot) {
                    batch.encoded = Some(encoded);
                }
                if created {
                    outcome("ok");
                }
                let resolved = r.window.put(slot, created);
                self.on_resolved(r, slot, resolved)
            }
            Event::Header { slot, header } => {
                let holder = r.holder(slot, header)?;
                outcome(match holder {
                    Holder::Mine => "self_recognised",
                    Holder::Missing => "conflict409",
                    Holder::Other(_) => "fenced",
                });
                let resolved = r.window.probed(slot, holder);
                self.on_resolved(r, slot, resolved)
            }
            Event::Floor(floor) => self.on_floor(r, floor),
            Event::Gone(floor) => Err(End::Stop(StopReason::Behind { floor: floor.seq })),
            Event::Tail { slot, sent, header } => self.on_tail(r, slot, sent, header),
            Event::Bucket(checked) => {
                checked.map_err(|fault| End::Stop(StopReason::BucketLost { fault }))
            }
        }
    }

    fn on_resolved(&mut self, r: &mut Reign, slot: Seq, resolved: Resolved) -> Result<(), End> {
        match resolved {
            Resolved::Created => {
                r.returned = true;
                let done = self.barriers.resolved_below(r.window.oldest_unresolved());
                self.satisfied(done);
            }
            Resolved::Probe => {
                let segments = self.segments.clone();
                r.io.spawn(async move {
                    Event::Header {
                        slot,
                        header: segments.header(slot).await,
                    }
                });
            }
            Resolved::Resend => {
                if let Some(number) = r.window.batch_at(slot) {
                    self.put(r, slot, number);
                }
            }
            Resolved::Fenced(newer) => return Err(End::Fenced(newer)),
            Resolved::Corrupt(older) => {
                let fault = format!("epoch {older} holds a slot of epoch {}", r.epoch);
                return Err(End::Stop(StopReason::Corrupt { seq: slot, fault }));
            }
            Resolved::Stale => {}
        }
        Ok(())
    }

    /// After creates, before acks: is any of the new slots below the floor?
    fn check_floor(&mut self, r: &mut Reign) {
        if !r.window.begin_check() {
            return;
        }
        let now = self.clock.monotonic();
        let fresh = |batch: &Batch| now.saturating_sub(batch.first_sent) < OLD_PUT;
        if !self.config.strict_floor_check && r.batches.values().all(fresh) {
            let floor = self.floor;
            r.io.spawn(async move { Event::Floor(floor) });
            return;
        }
        let (floors, known) = (self.floors.clone(), self.floor);
        r.io.spawn(async move { Event::Floor(floors.newest(known).await) });
    }

    fn on_floor(&mut self, r: &mut Reign, floor: Floor) -> Result<(), End> {
        self.note_floor(floor);
        let gone = self.floor.seq >= r.window.oldest_slot();
        if gone || !r.window.checked(self.floor.seq) {
            return Err(End::Stop(StopReason::Behind {
                floor: self.floor.seq,
            }));
        }
        while let Some((_, number)) = r.window.pop_ack() {
            let Some(batch) = r.batches.remove(&number) else {
                continue;
            };
            self.ack(batch).map_err(End::Stop)?;
        }
        Ok(())
    }

    /// Applies a batch that is in the log for ever, then tells those who wait for it.
    fn ack(&mut self, batch: Batch) -> Result<(), StopReason> {
        let seq = batch.segment.header.seq;
        let encoded = batch
            .encoded
            .map_or_else(|| Segments::encode(&batch.segment), Ok);
        let (bytes, digest) = encoded.map_err(|fault| StopReason::Encode { seq, fault })?;
        let size = bytes.len();
        #[expect(clippy::cast_precision_loss, reason = "a histogram")]
        ::metrics::histogram!(metrics::BATCH_BYTES).record(size as f64);
        self.consume(Read {
            segment: batch.segment,
            digest,
            bytes: size,
        });
        let now = self.clock.monotonic();
        let seconds = now.saturating_sub(batch.first_sent).as_secs_f64();
        ::metrics::histogram!(metrics::APPEND_LATENCY, "stage" => "put").record(seconds);
        batch.waiters.into_iter().for_each(|waiter| waiter.ack(now));
        Ok(())
    }

    /// For strong reads that no PUT will prove: is the oldest slot that is not known to be ours empty?
    fn look_for_tail(&mut self, r: &mut Reign) {
        let slot = r.window.oldest_unresolved();
        if r.looking || slot == r.seen || !self.barriers.want_probe(None, r.window.next()) {
            return;
        }
        let sent = self.next_tick();
        r.looking = true;
        let segments = self.segments.clone();
        r.io.spawn(async move {
            Event::Tail {
                slot,
                sent,
                header: segments.header(slot).await,
            }
        });
    }

    fn on_tail(
        &mut self,
        r: &mut Reign,
        slot: Seq,
        sent: u64,
        header: Option<Result<SegmentHeader, Fault>>,
    ) -> Result<(), End> {
        r.looking = false;
        match r.holder(slot, header)? {
            Holder::Missing => {
                let done = self.barriers.found_tail(sent);
                self.satisfied(done);
            }
            Holder::Other(epoch) if epoch > r.epoch => return Err(End::Fenced(epoch)),
            // Ours: the next look goes beyond it, once its PUT has returned.
            Holder::Mine => r.seen = slot,
            Holder::Other(epoch) if epoch == r.epoch => {}
            Holder::Other(older) => {
                return self.on_resolved(r, slot, Resolved::Corrupt(older));
            }
        }
        Ok(())
    }

    /// Whether a shutdown is done: everything acked, or the time for it over. Releases the log.
    async fn drained(&mut self, r: &Reign, now: Duration) -> Option<StopReason> {
        let since = r.draining_since?;
        let empty = self.queue.is_empty() && r.window.depth() == 0;
        if !empty && now < since + DRAIN {
            return None;
        }
        let mut release = self.new_claim();
        release.released = true;
        let released = self.claims.create(&release);
        let given_up = self.clock.sleep(DRAIN);
        futures::future::select(Box::pin(released), given_up).await;
        Some(StopReason::Shutdown)
    }
}

impl Reign {
    fn batch_at(&mut self, slot: Seq) -> Option<&mut Batch> {
        let number = self.window.batch_at(slot)?;
        self.batches.get_mut(&number)
    }

    /// Who holds `slot`, given its header.
    fn holder(
        &mut self,
        slot: Seq,
        header: Option<Result<SegmentHeader, Fault>>,
    ) -> Result<Holder, End> {
        let Some(header) = header else {
            return Ok(Holder::Missing);
        };
        let fault = |fault| End::Stop(StopReason::Corrupt { seq: slot, fault });
        let header = header.map_err(fault)?;
        let mine = self
            .batch_at(slot)
            .is_some_and(|batch| batch.nonce == header.nonce);
        Ok(if mine {
            Holder::Mine
        } else {
            Holder::Other(header.epoch)
        })
    }
}

fn outcome(label: &'static str) {
    ::metrics::counter!(metrics::PUT_OUTCOME, "outcome" => label).increment(1);
}
