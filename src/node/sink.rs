//! [`NodeSink`]: what the log brings becomes the node's views.

use super::{
    NodeError, Refusal,
    bucket::Bucket,
    pending::{Pending, Selected},
    recent::Recent,
    spans::SegmentSpans,
};
use crate::server::{Conditions, CopyKind, Existence, PolicyChange, RowGuard};
use isobath_query::view::Views;
use isobath_storage::{
    format::segment,
    log::{Resolution, Sink},
    model::{Epoch, Hlc, Id, LogId, Mutation, Namespace, Request, Segment, Seq, Stamp},
    store::keys::{Key, SegmentKey},
};
use object_store::ObjectStoreExt;
use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

/// How many segments before the last minutes are looked at for a fence: more than any window of appends.
const FENCE_SEARCH: u64 = 64;

/// How often the backlog is looked at while it grows to its limit.
const LOOKS: u64 = 8;

/// What a write's resolution depends on besides its request.
#[derive(Debug, Default)]
pub(super) struct Terms {
    /// What to do where the namespace is missing.
    pub(super) existence: Existence,
    /// The client says that it sent this body before.
    pub(super) retry: bool,
    /// The rows of the mutations that filters chose: of the first ones after the controls.
    pub(super) selected: Vec<Selected>,
    /// Which rows of the others are written.
    pub(super) conditions: Conditions,
    /// The answer names the rows that are changed.
    pub(super) return_ids: bool,
    /// The write fills a namespace that has no rows, with those of another.
    pub(super) fills: Option<CopyKind>,
    /// The write stands on what was read up to this segment, and must come directly after it.
    pub(super) follows: Option<Seq>,
    /// What must still hold of the rows.
    pub(super) guard: RowGuard,
    /// What is to change of the policy.
    pub(super) policy: Option<PolicyChange>,
}

impl Terms {
    /// Whether not every row of the request is written for sure.
    pub(super) fn is_restricted(&self) -> bool {
        !self.selected.is_empty() || !self.conditions.is_empty() || !self.guard.is_empty()
    }

    /// Whether the filters match more rows than the write changes.
    pub(super) fn remaining(&self) -> bool {
        self.selected.iter().any(Selected::has_more)
    }
}

/// What the log brings becomes the node's views; as the owner, it fixes the outcome of writes.
#[derive(Debug)]
pub(super) struct NodeSink {
    views: Arc<Views>,
    pending: Pending,
    recent: Recent,
    window: Duration,
    /// Why the views do not follow the log any more.
    broken: Arc<OnceLock<String>>,
    /// How much may wait to be folded on a node that folds.
    backlog: Option<Backlog>,
    spans: SegmentSpans,
}

/// How much waits to be folded; looked at now and then.
#[derive(Debug)]
struct Backlog {
    /// In bytes.
    most: u64,
    /// Bytes of segments since the last look, and whether there was too much.
    since: u64,
    full: bool,
}

impl NodeSink {
    /// Feeds `views`; answers repeats of writes of the last `window`. What cannot be applied is told in
    /// `broken`: from then on the node must not answer.
    pub(super) fn new(
        views: Arc<Views>,
        window: Duration,
        broken: Arc<OnceLock<String>>,
        spans: SegmentSpans,
    ) -> Self {
        let backlog = None;
        let pending = Pending::new(Arc::clone(&views));
        Self {
            views,
            pending,
            recent: Recent::new(window),
            window,
            broken,
            backlog,
            spans,
        }
    }

    /// Reads no further in a log that another node owns while `most` bytes wait to be folded.
    pub(super) fn limit_backlog(&mut self, most: u64) {
        self.backlog = Some(Backlog {
            most,
            since: 0,
            full: false,
        });
    }

    /// Takes note of the writes of the last minutes up to segment `last`, which the views hold already: reads
    /// them from the bucket, newest first.
    pub(super) async fn remember(
        &mut self,
        bucket: &Bucket,
        log: LogId,
        last: Seq,
        now_ms: u64,
    ) -> Result<(), NodeError> {
        let window = u64::try_from(self.window.as_millis()).unwrap_or(u64::MAX);
        let oldest = Hlc::from_millis(now_ms.saturating_sub(window));
        let (mut writes, mut epochs) = (vec![], vec![]);
        let (mut seq, mut beyond) = (last, 0);
        // segments beyond the window are read for the fence that may stand among them
        while seq > Seq::ZERO && beyond < FENCE_SEARCH {
            let path = SegmentKey { log, seq }.path();
            let bytes = match bucket.store.data.get(&path).await {
                Err(object_store::Error::NotFound { .. }) => break,
                found => found.map_err(|source| NodeError::Fetch { seq, source })?,
            };
            let bytes = bytes
                .bytes()
                .await
                .map_err(|source| NodeError::Fetch { seq, source })?;
            let segment =
                segment::decode(&bytes).map_err(|source| NodeError::Segment { seq, source })?;
            let known = segment.header.hlc_max >= oldest;
            beyond += u64::from(!known);
            writes.push(if known {
                Recent::writes_of(&segment)
            } else {
                vec![]
            });
            epochs.push(segment.header.epoch);
            seq = seq.previous();
        }
        let mut highest = Epoch::ZERO;
        for (epoch, writes) in epochs.into_iter().zip(writes).rev() {
            highest = highest.max(epoch);
            // a segment below the highest epoch is void: its writes were refused
            if epoch == highest {
                for write in writes {
                    self.recent.insert(write);
                }
            }
        }
        Ok(())
    }

    /// The answer to a write that this one repeats.
    fn repeated(
        &self,
        namespace: &Namespace,
        request: &Request,
        terms: &Terms,
    ) -> Option<Resolution> {
        if let Some(entry) = self.recent.by_key(request.key) {
            return Some(Resolution::Done(entry.committed.clone()));
        }
        if !terms.retry {
            return None;
        }
        let entry = self.recent.by_body(request.body)?;
        if terms.is_restricted() {
            return Some(Resolution::Refuse(Box::new(Refusal::Unknown)));
        }
        let last = entry.last;
        let stands = |id: &Id, upsert: bool| match self.pending.newest(namespace, id) {
            Some((stamp, _)) => stamp <= last,
            None => !upsert,
        };
        let unchanged = request.mutations.iter().all(|mutation| match mutation {
            Mutation::Control(_) => false,
            mutation => {
                let upsert = matches!(mutation, Mutation::Upsert(_));
                mutation.ids().all(|id| stands(&id, upsert))
            }
        });
        unchanged.then(|| Resolution::Done(entry.committed.clone()))
    }
}

impl Sink for NodeSink {
    type Terms = Terms;

    fn resolve(
        &mut self,
        namespace: &Namespace,
        request: &mut Request,
        terms: Terms,
        stamp: Stamp,
    ) -> Resolution {
        if let Some(done) = self.repeated(namespace, request, &terms) {
            return done;
        }
        if terms.follows.is_some_and(|seq| stamp.seq != seq.next()) {
            return Resolution::Refuse(Box::<Refusal>::new(Refusal::Overtaken));
        }
        match self.pending.resolve(namespace, request, &terms, stamp) {
            Ok(affected) => {
                let affected = affected.map(Arc::new);
                self.recent.resolved(request, stamp, affected.clone());
                Resolution::Apply(affected)
            }
            Err(refusal) => Resolution::Refuse(Box::<Refusal>::new(refusal)),
        }
    }

    fn apply(&mut self, segment: Arc<Segment>) {
        let span = self.spans.apply(&segment);
        if let Err(error) = self.views.apply(&segment) {
            tracing::error!(seq = %segment.header.seq, %error, "segment cannot be applied");
            let said = format!("segment {} cannot be applied: {error}", segment.header.seq);
            self.broken.get_or_init(|| said);
        }
        drop(span);
        self.recent.applied(&segment);
        self.pending.applied(segment.header.seq);
        if let Some(backlog) = &mut self.backlog {
            let mutations = segment.blocks.iter().flat_map(|block| &block.requests);
            let mutations = mutations.flat_map(|request| &request.mutations);
            backlog.since += mutations.map(|m| m.memory() as u64).sum::<u64>();
        }
    }

    fn is_full(&mut self) -> bool {
        let Some(backlog) = &mut self.backlog else {
            return false;
        };
        if backlog.full || backlog.since >= backlog.most / LOOKS {
            backlog.full = self.views.unfolded_bytes() >= backlog.most;
            backlog.since = 0;
        }
        backlog.full
    }

    fn discard(&mut self) {
        self.pending.discard();
        self.recent.discard();
    }
}
