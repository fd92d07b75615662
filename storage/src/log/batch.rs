//! [`Pending`] requests, and the [`Batch`] that they are closed into.

use super::{AppendError, Committed, Resolution, Sink};
use crate::model::{Block, Hlc, LogId, Mutation, Namespace, Nonce, Request, Segment, Seq, Stamp};
use bytes::Bytes;
use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU8, Ordering};
use std::{sync::Arc, time::Duration};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

/// Told what became of a request.
pub(super) type Reply = oneshot::Sender<Result<Committed, AppendError>>;

/// Decides who was first: the batch that takes a request, or the caller who gives it up.
#[derive(Debug, Default)]
pub(super) struct Ticket(AtomicU8);

impl Ticket {
    /// Puts the request into a batch; `false` when it was given up before.
    pub(super) fn take(&self) -> bool {
        self.set(1)
    }

    /// Gives the request up; `false` when it is in a batch already.
    pub(super) fn give_up(&self) -> bool {
        self.set(2)
    }

    fn set(&self, to: u8) -> bool {
        self.0
            .compare_exchange(0, to, Ordering::AcqRel, Ordering::Acquire)
            .is_ok()
    }
}

/// A request that waits for a batch.
#[derive(Debug)]
pub(super) struct Pending<T> {
    pub(super) namespace: Namespace,
    pub(super) request: Request,
    pub(super) terms: T,
    pub(super) bytes: usize,
    pub(super) arrived: Duration,
    pub(super) ticket: Arc<Ticket>,
    pub(super) reply: Reply,
    /// Its part of the memory for requests, until it is answered.
    pub(super) permit: OwnedSemaphorePermit,
}

/// The requests that wait, oldest first.
#[derive(Debug)]
pub(super) struct Queue<T> {
    pending: VecDeque<Pending<T>>,
    bytes: usize,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self {
            pending: VecDeque::new(),
            bytes: 0,
        }
    }
}

impl<T> Queue<T> {
    pub(super) fn push(&mut self, pending: Pending<T>) {
        self.bytes += pending.bytes;
        self.pending.push_back(pending);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.pending.is_empty()
    }

    /// Bytes of all requests that wait.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The next batch: requests of at most `max` bytes together, or one.
    pub(super) fn take(&mut self, max: usize) -> Vec<Pending<T>> {
        let mut taken = Vec::new();
        let mut bytes = 0;
        while let Some(next) = self.pending.front() {
            if !taken.is_empty() && bytes + next.bytes > max {
                break;
            }
            bytes += next.bytes;
            taken.extend(self.pending.pop_front());
        }
        self.bytes -= bytes;
        taken
    }

    /// Drops what its callers gave up.
    pub(super) fn sweep(&mut self) {
        self.pending.retain(|pending| !pending.reply.is_closed());
        self.bytes = self.pending.iter().map(|pending| pending.bytes).sum();
    }
}

/// A caller that waits for a batch to be acked, and the answer that it then gets.
#[derive(Debug)]
pub(super) struct Waiter {
    reply: Reply,
    answer: Result<Committed, AppendError>,
    arrived: Duration,
    _permit: OwnedSemaphorePermit,
}

impl Waiter {
    /// Gives the answer.
    pub(super) fn ack(self, now: Duration) {
        let seconds = now.saturating_sub(self.arrived).as_secs_f64();
        metrics::histogram!(super::metrics::APPEND_LATENCY, "stage" => "ack").record(seconds);
        self.reply.send(self.answer).ok();
    }

    /// Gives another answer instead.
    pub(super) fn fail(self, error: AppendError) {
        self.reply.send(Err(error)).ok();
    }
}

/// A segment on its way into the log, and who waits for it.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) segment: Arc<Segment>,
    pub(super) nonce: Nonce,
    /// The bytes and their digest, once laid out; kept until the slot is resolved.
    pub(super) encoded: Option<(Bytes, crate::model::ContentHash)>,
    pub(super) attempts: u32,
    pub(super) first_sent: Duration,
    pub(super) waiters: Vec<Waiter>,
}

/// What a batch is closed into.
#[derive(Debug, Default)]
pub(super) struct Closed {
    pub(super) blocks: Vec<Block>,
    /// Mutations in all blocks, a row each.
    pub(super) ops: u32,
    pub(super) waiters: Vec<Waiter>,
}

/// Resolves `taken`, in order, into the blocks of segment `seq` of `log`, stamped `hlc`.
pub(super) fn close<S: Sink>(
    sink: &mut S,
    taken: Vec<Pending<S::Terms>>,
    (log, seq, hlc): (LogId, Seq, Hlc),
    now: Duration,
) -> Closed {
    let mut closed = Closed::default();
    let mut places: BTreeMap<Namespace, usize> = BTreeMap::new();
    for pending in taken {
        let Pending {
            namespace,
            mut request,
            terms,
            arrived,
            ticket,
            reply,
            permit,
            ..
        } = pending;
        if !ticket.take() {
            continue;
        }
        let waited = now.saturating_sub(arrived).as_secs_f64();
        metrics::histogram!(super::metrics::APPEND_LATENCY, "stage" => "batch").record(waited);
        let stamp = Stamp {
            hlc,
            log,
            seq,
            index: closed.ops,
        };
        request.first_index = closed.ops;
        let answer = match sink.resolve(&namespace, &mut request, terms, stamp) {
            Resolution::Apply(affected) => {
                let counts = request.counts;
                let length = u32::try_from(request.len()).unwrap_or(u32::MAX);
                closed.ops = closed.ops.saturating_add(length);
                let next = closed.blocks.len();
                let place = *places.entry(namespace.clone()).or_insert(next);
                if place == next {
                    closed.blocks.push(Block {
                        namespace,
                        requests: Vec::new(),
                    });
                }
                closed.blocks[place].requests.push(request);
                Ok(Committed {
                    stamp,
                    counts,
                    affected,
                })
            }
            Resolution::Done(committed) => {
                metrics::counter!(super::metrics::DUP_SUPPRESSED).increment(1);
                Ok(committed)
            }
            Resolution::Refuse(error) => Err(AppendError::Refused(error)),
        };
        closed.waiters.push(Waiter {
            reply,
            answer,
            arrived,
            _permit: permit,
        });
    }
    closed
}

/// Bytes of memory that `request` holds, more or less.
pub(super) fn weight(request: &Request) -> usize {
    256 + request
        .mutations
        .iter()
        .map(Mutation::memory)
        .sum::<usize>()
}
