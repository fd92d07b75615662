//! Taking a log over: claim, scan, fence, fill, validate, replay.

use super::protocol::{Holder, Rules, Step, Takeover, Window};
use super::segments::Segments;
use super::task::{Next, Task};
use super::{BucketCheck, Role, Sink, StopReason};
use crate::catalog::{Claim, Outcome};
use crate::model::{Epoch, Nonce, Segment, SegmentHeader, SegmentKind, Seq};
use bytes::Bytes;
use futures::{StreamExt, stream};
use rand::RngExt;
use std::sync::Arc;
use uuid::Uuid;

/// Segments that are read at once.
const PARALLEL: usize = 16;

/// A fence on its way into one slot: for this slot always the same bytes.
struct Fence {
    slot: Seq,
    nonce: Nonce,
    bytes: Bytes,
}

impl<S: Sink> Task<S> {
    /// Claims the log and takes all steps until it may append, or somebody else may.
    pub(super) async fn take_over(&mut self) -> Next {
        match self.try_take_over().await {
            Ok(Some(window)) => Next::Own(window),
            Ok(None) => Next::Follow,
            Err(reason) => Next::Stop(reason),
        }
    }

    async fn try_take_over(&mut self) -> Result<Option<Window>, StopReason> {
        let bucket = Arc::clone(&self.bucket);
        check(bucket).await?;
        let Some(claim) = self.claim_log().await else {
            return Ok(None);
        };
        let epoch = claim.epoch;
        self.publish(Role::Claimant { epoch });
        let mut takeover = Takeover::new(Rules::ALL, epoch, claim.widest);
        self.claim = Some(claim);
        let mut step = Step::Scan;
        let mut fence = None;
        let first = loop {
            step = match step {
                Step::Scan => {
                    let tail = self.segments.tail_after(self.reader.seq()).await;
                    self.read_to(tail).await?;
                    takeover.scanned(self.reader.seq(), self.reader.max_epoch())
                }
                Step::Fence(slot) => takeover.put(self.fence(epoch, slot, &mut fence).await?),
                Step::Probe(slot) => takeover.probed(self.probe(slot, fence.as_ref()).await?),
                Step::Validate => {
                    let newest = self.claims.newest(self.claim.clone()).await;
                    self.note_floor(self.floors.newest(self.floor).await);
                    let claimed = newest.as_ref().map_or(epoch, |claim| claim.epoch);
                    self.claim = newest;
                    takeover.validated(claimed, self.floor.seq)
                }
                Step::Won(first) => break first,
                Step::Lost => return Ok(None),
            };
        };
        self.read_to(first.previous()).await?;
        tracing::info!(log = %self.member.log, %epoch, from = %first, "owns the log");
        Ok(Some(Window::new(
            Rules::ALL,
            epoch,
            u64::from(self.config.window),
            first,
        )))
    }

    /// Creates the next claim; `None` when another process did.
    async fn claim_log(&mut self) -> Option<Claim> {
        let newest = self.claims.newest(self.claim.clone()).await;
        let known = self.claim.as_ref().map(|claim| claim.epoch);
        let unchanged = newest.as_ref().map(|claim| claim.epoch) == known;
        self.claim = newest;
        if !unchanged {
            return None;
        }
        let mut claim = self.new_claim();
        claim.address.clone_from(&self.member.address);
        metrics::counter!(super::metrics::CLAIMS).increment(1);
        if self.claims.create(&claim).await {
            return Some(claim);
        }
        self.claim = self.claims.newest(self.claim.clone()).await;
        None
    }

    /// A claim after the newest one, without an address.
    pub(super) fn new_claim(&mut self) -> Claim {
        let nonce = Uuid::from_u128(self.rng.random());
        let window = u64::from(self.config.window);
        let mut claim = Claim::after(self.claim.as_ref(), nonce, self.member.writer, window);
        claim.claimed_at_ms = self.clock.now_ms();
        claim
    }

    /// Reads and applies everything up to `tail`, all of which exists.
    async fn read_to(&mut self, tail: Seq) -> Result<(), StopReason> {
        let segments = self.segments.clone();
        let seqs = (self.reader.seq().next().0..=tail.0).map(Seq);
        let reads = seqs.map(|seq| {
            let segments = segments.clone();
            async move { (seq, segments.read(seq).await) }
        });
        let mut reads = stream::iter(reads).buffered(PARALLEL);
        while let Some((seq, read)) = reads.next().await {
            match read {
                Some(Ok(read)) => self.consume(read),
                Some(Err(fault)) => return Err(StopReason::Corrupt { seq, fault }),
                None => {
                    self.note_floor(self.floors.newest(self.floor).await);
                    let fault = "it was listed and is not there".to_owned();
                    return Err(self.behind().unwrap_or(StopReason::Corrupt { seq, fault }));
                }
            }
        }
        Ok(())
    }

    /// One attempt to create a fence in `slot`: whether it was created.
    async fn fence(
        &mut self,
        epoch: Epoch,
        slot: Seq,
        fence: &mut Option<Fence>,
    ) -> Result<bool, StopReason> {
        let again = fence.as_ref().filter(|fence| fence.slot == slot);
        let bytes = if let Some(fence) = again {
            self.segments.store().pause(1).await;
            fence.bytes.clone()
        } else {
            let nonce = self.next_nonce();
            let header = self.header(SegmentKind::Fence, epoch, slot, nonce);
            let segment = Segment {
                header,
                blocks: Vec::new(),
            };
            let encoded = Segments::encode(&segment);
            let (bytes, _) = encoded.map_err(|fault| StopReason::Encode { seq: slot, fault })?;
            *fence = Some(Fence {
                slot,
                nonce,
                bytes: bytes.clone(),
            });
            bytes
        };
        Ok(self.segments.create(slot, bytes).await == Outcome::Created)
    }

    /// The header of a segment that is about to be written, stamped now.
    pub(super) fn header(
        &mut self,
        kind: SegmentKind,
        epoch: Epoch,
        seq: Seq,
        nonce: Nonce,
    ) -> SegmentHeader {
        let hlc = self.next_hlc();
        let log = self.member.log;
        let mut seen = self.others.lock().clone();
        seen.advance(log, seq.previous());
        SegmentHeader {
            kind,
            cluster: self.member.cluster,
            log,
            epoch,
            seq,
            writer: self.member.writer,
            nonce,
            hlc_min: hlc,
            hlc_max: hlc,
            ops: 0,
            seen,
        }
    }

    /// Looks who holds `slot`; takes note of its time.
    async fn probe(&mut self, slot: Seq, fence: Option<&Fence>) -> Result<Holder, StopReason> {
        match self.segments.header(slot).await {
            None => Ok(Holder::Missing),
            Some(Err(fault)) => Err(StopReason::Corrupt { seq: slot, fault }),
            Some(Ok(header)) => {
                self.hlc.observe(header.hlc_max);
                let mine = fence.is_some_and(|fence| fence.nonce == header.nonce);
                Ok(if mine {
                    Holder::Mine
                } else {
                    Holder::Other(header.epoch)
                })
            }
        }
    }
}

/// An error where the bucket was emptied or swapped.
async fn check(bucket: Arc<dyn BucketCheck>) -> Result<(), StopReason> {
    let checked = bucket.check().await;
    checked.map_err(|error| StopReason::BucketLost {
        fault: error.to_string(),
    })
}
