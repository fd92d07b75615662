//! The commit of an owner's segments: PUTs and what their answers mean, the floor, the acks; and the
//! looks for the tail that strong reads want.

use super::batch::Batch;
use super::own::{End, Event, Reign};
use super::protocol::{Holder, Resolved};
use super::segments::{Fault, Read, Segments};
use super::task::Task;
use super::{Published, Sink, StopReason};
use crate::catalog::{Floor, Outcome};
use crate::log::metrics;
use crate::model::{SegmentHeader, Seq};
use std::{sync::Arc, time::Duration};

/// A PUT first sent longer ago than this is repeated only after reading the floor.
const OLD_PUT: Duration = Duration::from_hours(6);

impl<S: Sink> Task<S> {
    /// Sends the PUT of batch `number` to `slot`, for the first time or again.
    pub(super) fn put(&self, r: &mut Reign, slot: Seq, number: u64) {
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

    pub(super) fn on_event(&mut self, r: &mut Reign, event: Event) -> Result<(), End> {
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
    pub(super) fn check_floor(&mut self, r: &mut Reign) -> Result<(), End> {
        if !r.window.begin_check() {
            return Ok(());
        }
        let now = self.clock.monotonic();
        let fresh = |batch: &Batch| now.saturating_sub(batch.first_sent) < OLD_PUT;
        let trusted = !self.config.strict_floor_check && r.batches.values().all(fresh);
        if trusted || self.floors.is_newest(self.floor) {
            return self.on_floor(r, self.floor);
        }
        let (floors, known) = (self.floors.clone(), self.floor);
        r.io.spawn(async move { Event::Floor(floors.newest(known).await) });
        Ok(())
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
        #[expect(clippy::cast_precision_loss, reason = "a histogram")]
        ::metrics::histogram!(metrics::BATCH_BYTES).record(bytes.len() as f64);
        self.consume(Read {
            segment: batch.segment,
            digest,
            raw: bytes.clone(),
        });
        // Nobody listens where the region is alone.
        drop(self.published.send(Published { seq, bytes }));
        let now = self.clock.monotonic();
        let seconds = now.saturating_sub(batch.first_sent).as_secs_f64();
        ::metrics::histogram!(metrics::APPEND_LATENCY, "stage" => "put").record(seconds);
        batch.waiters.into_iter().for_each(|waiter| waiter.ack(now));
        Ok(())
    }

    /// For strong reads that no PUT will prove: is the oldest slot that is not known to be ours empty?
    pub(super) fn look_for_tail(&mut self, r: &mut Reign) {
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
