//! After a newer owner fenced this one off: what became of the batches in flight.

use super::own::Reign;
use super::protocol::Fate;
use super::task::{Next, Task};
use super::{AppendError, Role, Sink, StopReason};
use crate::catalog::Claim;
use crate::model::{Epoch, Nonce, Seq};
use std::collections::BTreeSet;

impl<S: Sink> Task<S> {
    /// Reads the log up to the newer owner's fence and tells every caller what became of its write:
    /// committed if it precedes the fence, else another's to take.
    pub(super) async fn settle(&mut self, mut reign: Reign, newer: Epoch) -> Next {
        tracing::warn!(log = %self.member.log, epoch = %reign.epoch, %newer, "fenced");
        self.publish(Role::Follower { owner: None });
        let shutdown = self.shutdown.clone();
        let read = tokio::select! {
            biased;
            () = shutdown.cancelled() => Err(StopReason::Shutdown),
            read = self.read_to_fence(&reign) => read,
        };
        let next = match read {
            Ok((fence, mine)) => {
                let address = self.claim.as_ref().and_then(|claim| claim.address.clone());
                self.tell(&mut reign, fence, &mine, address.as_ref());
                self.redirect(address.as_ref());
                self.behind().map_or(Next::Follow, Next::Stop)
            }
            Err(reason) => Next::Stop(reason),
        };
        // What is left in `reign` drops its replies: the callers learn that the outcome is unknown.
        self.sink.discard();
        next
    }

    /// Applies everything before the first segment of a newer epoch. That segment, and which of the
    /// slots before it held our bytes.
    async fn read_to_fence(&mut self, reign: &Reign) -> Result<(Seq, BTreeSet<Seq>), StopReason> {
        let nonces: BTreeSet<Nonce> = reign.batches.values().map(|batch| batch.nonce).collect();
        let mut mine = BTreeSet::new();
        loop {
            let seq = self.reader.seq().next();
            match self.segments.read(seq).await {
                Some(Ok(read)) if read.segment.header.epoch > reign.epoch => {
                    self.learn_claim(read.segment.header.epoch).await;
                    self.note_floor(self.floors.newest(self.floor).await);
                    return Ok((seq, mine));
                }
                Some(Ok(read)) => {
                    if nonces.contains(&read.segment.header.nonce) {
                        mine.insert(seq);
                    }
                    self.consume(read);
                }
                Some(Err(fault)) => return Err(StopReason::Corrupt { seq, fault }),
                None => {
                    self.note_floor(self.floors.newest(self.floor).await);
                    if let Some(reason) = self.behind() {
                        return Err(reason);
                    }
                    self.segments.store().pause(1).await;
                }
            }
        }
    }

    async fn learn_claim(&mut self, epoch: Epoch) {
        let newer = self
            .claim
            .as_ref()
            .is_none_or(|claim: &Claim| claim.epoch < epoch);
        if newer {
            self.claim = self.claims.get(epoch).await;
        }
    }

    fn tell(
        &mut self,
        reign: &mut Reign,
        fence: Seq,
        mine: &BTreeSet<Seq>,
        address: Option<&String>,
    ) {
        let now = self.clock.monotonic();
        for settled in reign
            .window
            .settle(fence, self.floor.seq, |slot| mine.contains(&slot))
        {
            let Some(batch) = reign.batches.remove(&settled.batch) else {
                continue;
            };
            for waiter in batch.waiters {
                match settled.fate {
                    Fate::Committed => waiter.ack(now),
                    Fate::Refused => {
                        waiter.fail(AppendError::NotOwner {
                            address: address.cloned(),
                        });
                    }
                    Fate::Unknown => waiter.fail(AppendError::Unknown),
                }
            }
        }
    }
}
