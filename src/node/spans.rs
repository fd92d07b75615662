//! [`SegmentSpans`]: what a node does with segments, in their traces.

use isobath_storage::{
    Clock,
    model::{Segment, SegmentHeader},
    trace::{ActiveSpan, SpanContext, Step, Tracer},
};
use std::{collections::BTreeSet, sync::Arc, time::Duration};
use uuid::Uuid;

/// Of so many segments, the newest, a fold is recorded.
const MOST_FOLDED: usize = 64;

/// Records what a node does with segments.
#[derive(Debug, Clone)]
pub(super) struct SegmentSpans {
    pub(super) tracer: Tracer,
    /// This life of the process, as segments name their writer.
    pub(super) node: Uuid,
    pub(super) clock: Arc<dyn Clock>,
}

impl SegmentSpans {
    fn context(&self, header: &SegmentHeader) -> Option<SpanContext> {
        self.tracer.segment(header.cluster, header.log, header.seq)
    }

    /// Begins the application of a segment to the views. Where this node wrote it, that it was committed is recorded,
    /// too.
    pub(super) fn apply(&self, segment: &Segment) -> Option<ActiveSpan> {
        let header = &segment.header;
        let context = self
            .context(header)
            .filter(|_| !segment.blocks.is_empty())?;
        let since_ms = header.hlc_max.millis();
        if header.writer == self.node {
            let (log, seq) = (header.log, header.seq);
            self.tracer.committed(context, since_ms, log, seq);
        }
        let mut span = self.tracer.began(context, "apply segment", Duration::ZERO);
        span.set("isobath.log", header.log.to_string());
        span.set("isobath.seq", header.seq.0);
        span.set(
            "isobath.lag_ms",
            self.clock.now_ms().saturating_sub(since_ms),
        );
        Some(span)
    }

    /// The traces of the newest of some segments, of each once.
    pub(super) fn of<'a>(
        &self,
        headers: impl Iterator<Item = &'a SegmentHeader>,
    ) -> Vec<SpanContext> {
        if !self.tracer.is_on() {
            return vec![];
        }
        let mut segments = BTreeSet::new();
        for header in headers {
            segments.insert((header.hlc_max, header.log, header.seq, header.cluster));
            if segments.len() > MOST_FOLDED {
                segments.pop_first();
            }
        }
        let segments = segments.into_iter();
        segments
            .filter_map(|(_, log, seq, cluster)| self.tracer.segment(cluster, log, seq))
            .collect()
    }

    /// Records that these segments were folded, which took so long and ends now.
    pub(super) fn folded(&self, segments: &[SpanContext], into: &'static str, time: Duration) {
        for context in segments {
            let step = Step {
                name: "fold segment",
                time: time.max(Duration::from_nanos(1)),
                attributes: vec![("isobath.into", into.into())],
            };
            self.tracer.steps(*context, vec![step]);
        }
    }
}
