//! [`SimSink`]: what a log brings becomes the views of a region's process.

use super::{bugs::Bug, truth::Truth};
use isobath_query::view::Views;
use isobath_storage::{
    log::{Committed, LogHandle, Resolution, Sink},
    model::{IdempotencyKey, LogId, Namespace, Request, Segment, Seq, Stamp, VersionVector},
};
use parking_lot::Mutex;
use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock},
};

/// What all logs of a process share.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    pub(crate) views: Views,
    pub(crate) applied: Mutex<VersionVector>,
    /// Of each log the segments that were applied, in order.
    pub(crate) order: Mutex<BTreeMap<LogId, Vec<Seq>>>,
    /// The region's own log, once it was started.
    pub(crate) own: OnceLock<LogHandle<()>>,
    /// Writes that were applied or resolved.
    pub(crate) known: Mutex<BTreeMap<IdempotencyKey, Committed>>,
    foreseen: Mutex<BTreeMap<IdempotencyKey, Committed>>,
}

impl Shared {
    pub(crate) fn seen(&self) -> VersionVector {
        self.applied.lock().clone()
    }

    /// What became of a write that is closed into a segment, and maybe not durable yet.
    pub(crate) fn foreseen(&self, key: IdempotencyKey) -> Option<Committed> {
        self.foreseen.lock().get(&key).cloned()
    }

    pub(crate) fn know(&self, segment: &Segment) {
        for request in segment.blocks.iter().flat_map(|block| &block.requests) {
            let committed = Committed {
                stamp: segment.header.stamp(request.first_index),
                counts: request.counts,
                affected: None,
            };
            self.known.lock().insert(request.key, committed);
        }
    }
}

/// Feeds a process with one log.
#[derive(Debug)]
pub(crate) struct SimSink {
    pub(crate) shared: Arc<Shared>,
    pub(crate) truth: Arc<Mutex<Truth>>,
    pub(crate) is_own: bool,
    pub(crate) bug: Option<Bug>,
}

impl Sink for SimSink {
    type Terms = ();

    fn resolve(
        &mut self,
        _: &Namespace,
        request: &mut Request,
        (): (),
        stamp: Stamp,
    ) -> Resolution {
        let known = self.shared.known.lock().get(&request.key).cloned();
        if let Some(committed) = known.or_else(|| self.shared.foreseen(request.key)) {
            return Resolution::Done(committed);
        }
        let committed = Committed {
            stamp,
            counts: request.counts,
            affected: None,
        };
        self.shared.foreseen.lock().insert(request.key, committed);
        Resolution::Apply(None)
    }

    fn apply(&mut self, segment: Arc<Segment>) {
        let header = &segment.header;
        self.truth.lock().applied(&segment);
        if !self.is_own && self.bug != Some(Bug::WallClock) {
            let own = self.shared.own.get().unwrap();
            own.observe(header.hlc_max);
            own.merged(header.log, header.seq);
        }
        self.shared.views.apply(&segment).unwrap();
        self.shared.applied.lock().advance(header.log, header.seq);
        self.shared
            .order
            .lock()
            .entry(header.log)
            .or_default()
            .push(header.seq);
        if self.is_own {
            self.shared.know(&segment);
        }
    }

    fn discard(&mut self) {
        self.shared.foreseen.lock().clear();
    }
}
