//! Owning a log: requests become segments, several in flight, acked in order.

use super::batch::{Batch, close};
use super::follow::lost_request;
use super::protocol::Window;
use super::segments::{Fault, heavy};
use super::task::{Next, Task};
use super::{Role, Sink, StopReason};
use crate::catalog::Floor;
use crate::log::metrics;
use crate::log::pace::Pace;
use crate::model::{ContentHash, Epoch, Segment, SegmentHeader, SegmentKind, Seq};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::{sync::Arc, time::Duration};
use tokio::task::JoinSet;

/// A log that was written within this time gets heartbeats often.
const ACTIVE: Duration = Duration::from_hours(1);
/// How many PUTs go out side by side before writes wait to be grouped, where requests are free.
const BESIDE: usize = 4;
/// A store that takes longer than this for a PUT gets no more beside it: were it out of reach, the
/// outcome of each would be unknown, while a write that was not sent has surely not happened.
const PROMPT: Duration = Duration::from_millis(250);
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
    pub(super) io: JoinSet<Event>,
    pace: Pace,
    /// A PUT returned since the last one was sent.
    pub(super) returned: bool,
    /// A look for the tail is on its way.
    pub(super) looking: bool,
    /// The last slot that a look found to be ours; it is not looked at again.
    pub(super) seen: Seq,
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
            if let Err(end) = self.check_floor(&mut reign) {
                break end;
            }
            self.send_all(&mut reign, now);
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
        if !self.queue.is_empty() && self.wants_flush(r, now) && r.window.has_room() {
            due = due.min(now + r.pace.wait(now));
        }
        r.draining_since.map_or(due, |since| due.min(since + DRAIN))
    }

    /// When the next heartbeat is due. While anything is in flight none is: it would show no more.
    fn heartbeat_due(&self, r: &Reign) -> Duration {
        if r.window.unresolved() > 0 {
            return Duration::MAX;
        }
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
    fn wants_flush(&self, r: &Reign, now: Duration) -> bool {
        let full = self.queue.bytes() >= self.max_batch();
        r.window.unresolved() == 0
            || r.returned
            || full
            || r.draining_since.is_some()
            || self.may_go_beside(r, now)
    }

    /// Whether one more PUT costs nothing and helps: four writers are then as fast as their store.
    fn may_go_beside(&self, r: &Reign, now: Duration) -> bool {
        let prompt = |batch: &Batch| now.saturating_sub(batch.first_sent) < PROMPT;
        self.put_interval.0.is_zero()
            && r.window.unresolved() < BESIDE
            && r.batches.values().next().is_none_or(prompt)
    }

    fn max_batch(&self) -> usize {
        usize::try_from(self.config.max_batch_bytes.as_u64()).unwrap_or(usize::MAX)
    }

    fn send_all(&mut self, r: &mut Reign, now: Duration) {
        while !self.queue.is_empty() && r.window.has_room() && self.wants_flush(r, now) {
            if !r.pace.wait(now).is_zero() && r.draining_since.is_none() {
                break;
            }
            self.send_batch(r, now);
        }
        if now >= self.heartbeat_due(r) {
            self.send_heartbeat(r, now);
        }
    }

    fn send_batch(&mut self, r: &mut Reign, now: Duration) {
        let taken = self.queue.take(self.max_batch());
        let (requests, slot) = (taken.len(), r.window.next());
        let nonce = self.next_nonce();
        let mut header = self.header(SegmentKind::Data, r.epoch, slot, nonce);
        let at = (header.log, slot, header.hlc_max);
        let bytes = taken.iter().map(|pending| pending.bytes).sum();
        let closed = heavy(bytes, || close(&mut self.sink, taken, at, now));
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
