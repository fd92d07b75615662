//! What the log asks of the node around it: [`Sink`], [`Peer`], [`BucketCheck`].

use crate::model::{Counts, Id, Namespace, Request, Segment, Stamp};
use async_trait::async_trait;
use std::{error::Error, fmt::Debug, sync::Arc};

/// A write that is in the log for ever.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    /// The stamp of its first mutation: the log, the segment and the time.
    pub stamp: Stamp,
    /// What it did.
    pub counts: Counts,
    /// The rows that it changed, where the write asked for them and they are known.
    pub affected: Option<Arc<Affected>>,
}

/// The rows that a write changed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Affected {
    /// Rows inserted or replaced.
    pub upserted: Vec<Id>,
    /// Rows of which attributes were set.
    pub patched: Vec<Id>,
    /// Rows deleted.
    pub deleted: Vec<Id>,
}

/// What becomes of a request when its batch is closed.
#[derive(Debug)]
pub enum Resolution {
    /// It goes into the segment, as `resolve` left it. With the rows that it changes, where they were
    /// asked for.
    Apply(Option<Arc<Affected>>),
    /// It repeats a write, which is answered again. The answer waits until all that is in flight is acked.
    Done(Committed),
    /// A condition of it does not hold: nothing is written.
    Refuse(Box<dyn Error + Send + Sync>),
}

/// Takes what the log brings, in order. All calls come from the log's one task.
///
/// ```text
///   resolve(a) resolve(b) … apply(segment of a, b) …      the owner: in the order of the log
///                           apply(segment) …              everybody else
///   discard                                               what was resolved and not applied is void
/// ```
pub trait Sink: Debug + Send + 'static {
    /// What a request's resolution depends on besides the request.
    type Terms: Debug + Send + 'static;

    /// Owner only: fixes the outcome of `request`, whose first mutation gets `stamp`, as if all that
    /// was resolved before were applied: fills in its counts, recognises repeats, tests conditions.
    fn resolve(
        &mut self,
        namespace: &Namespace,
        request: &mut Request,
        terms: Self::Terms,
        stamp: Stamp,
    ) -> Resolution;

    /// Takes the next segment that counts, fences and heartbeats included. It is durable; the requests
    /// in it are acked after this call.
    fn apply(&mut self, segment: Arc<Segment>);

    /// Whether so much waits to be worked off that the log is not read further for now, where another process owns
    /// it. Asked again soon.
    fn is_full(&mut self) -> bool {
        false
    }

    /// Forgets all that was resolved and not applied: it never will be, unless it comes as a new request.
    fn discard(&mut self);
}

/// Asks other nodes of the region whether they live.
#[async_trait]
pub trait Peer: Debug + Send + Sync + 'static {
    /// Whether the node at `address` answers, within the time between two pings, and does not say that
    /// it gave up the log.
    async fn ping(&self, address: &str) -> bool;
}

/// Looks whether the bucket is still the one that it was.
#[async_trait]
pub trait BucketCheck: Debug + Send + Sync + 'static {
    /// An error where the bucket was emptied or swapped for another; waits while the store does not answer.
    async fn check(&self) -> Result<(), Box<dyn Error + Send + Sync>>;
}
