//! [`CopySink`]: what the log of another region brings becomes the node's views, too.

use super::{Refusal, sink::Terms, spans::SegmentSpans};
use isobath_query::view::Views;
use isobath_storage::{
    log::{BucketCheck, LogHandle, Peer, Resolution, Sink},
    model::{Namespace, Request, Segment, Seq, Stamp},
};
use std::{
    error::Error,
    sync::{Arc, OnceLock},
};

/// What the copies of another region's log bring becomes the node's views. It takes no writes.
#[derive(Debug)]
pub(super) struct CopySink {
    pub(super) views: Arc<Views>,
    /// The region's own log: what is written to it from now on is newer than what was read.
    pub(super) own: LogHandle<Terms>,
    /// Why the views do not follow the logs any more.
    pub(super) broken: Arc<OnceLock<String>>,
    /// How many bytes may wait to be folded on a node that folds.
    pub(super) backlog: Option<u64>,
    /// The last segment that counts, where the region was removed.
    pub(super) end: Option<Seq>,
    pub(super) spans: SegmentSpans,
}

impl Sink for CopySink {
    type Terms = ();

    fn resolve(&mut self, _: &Namespace, _: &mut Request, (): (), _: Stamp) -> Resolution {
        // Nobody owns a copy of a log, so that nobody asks.
        Resolution::Refuse(Box::new(Refusal::Unknown))
    }

    fn apply(&mut self, segment: Arc<Segment>) {
        let header = &segment.header;
        if self.end.is_some_and(|end| header.seq > end) {
            let (log, seq) = (header.log, header.seq);
            tracing::warn!(%log, %seq, "a segment of a removed region does not count");
            return;
        }
        self.own.observe(header.hlc_max);
        let span = self.spans.apply(&segment);
        if let Err(error) = self.views.apply(&segment) {
            let (log, seq) = (header.log, header.seq);
            tracing::error!(%log, %seq, %error, "segment cannot be applied");
            let said = format!("segment {seq} of {log} cannot be applied: {error}");
            self.broken.get_or_init(|| said);
        }
        drop(span);
        self.own.merged(header.log, header.seq);
    }

    fn is_full(&mut self) -> bool {
        let most = self.backlog.unwrap_or(u64::MAX);
        self.backlog.is_some() && self.views.unfolded_bytes() >= most
    }

    fn discard(&mut self) {}
}

/// Nobody owns a copy of a log: nobody is asked.
#[derive(Debug)]
pub(super) struct NoOwner;

#[async_trait::async_trait]
impl Peer for NoOwner {
    async fn ping(&self, _: &str) -> bool {
        false
    }
}

#[async_trait::async_trait]
impl BucketCheck for NoOwner {
    async fn check(&self) -> Result<(), Box<dyn Error + Send + Sync>> {
        Ok(())
    }
}
