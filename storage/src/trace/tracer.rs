//! [`Tracer`]: begins spans, and hands those that have ended to whoever exports them.

use super::{
    ActiveSpan, SPANS, Span, SpanContext, SpanId, SpanKind, SpanValue, TraceId, span::nanos,
};
use crate::{
    Clock,
    model::{ClusterId, LogId, Seq},
};
use parking_lot::Mutex;
use rand::{RngExt, rngs::StdRng};
use std::{fmt, sync::Arc, time::Duration};
use tokio::sync::mpsc;

/// What it takes to trace.
#[derive(Debug)]
pub struct TracerParts {
    /// The share of traces that begin here which are recorded, and of segments, 0 to 1.
    pub share: f64,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Chance: no two processes may share it.
    pub rng: StdRng,
    /// Where spans go that have ended; what does not fit is dropped.
    pub spans: mpsc::Sender<Span>,
}

/// A step that was taken.
#[derive(Debug)]
pub struct Step {
    /// What was done.
    pub name: &'static str,
    /// How long it took.
    pub time: Duration,
    /// More about it.
    pub attributes: Vec<(&'static str, SpanValue)>,
}

/// Begins spans, and hands those that have ended to whoever exports them. Cheap to clone; the default traces nothing.
#[derive(Clone, Default)]
pub struct Tracer(Option<Arc<Inner>>);

struct Inner {
    share: f64,
    clock: Arc<dyn Clock>,
    rng: Mutex<StdRng>,
    spans: mpsc::Sender<Span>,
}

impl fmt::Debug for Tracer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tracer")
            .field("share", &self.0.as_ref().map(|inner| inner.share))
            .finish_non_exhaustive()
    }
}

impl Tracer {
    /// Traces.
    pub fn new(parts: TracerParts) -> Self {
        let TracerParts {
            share,
            clock,
            rng,
            spans,
        } = parts;
        Self(Some(Arc::new(Inner {
            share,
            clock,
            rng: Mutex::new(rng),
            spans,
        })))
    }

    /// Whether anything is traced.
    pub fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Begins a span as a part of `parent`; without one it is the first of a trace.
    pub fn begin(&self, parent: Option<SpanContext>, kind: SpanKind, name: &str) -> ActiveSpan {
        let Some(inner) = &self.0 else {
            return ActiveSpan::new(Self(None), Duration::ZERO, parent, None);
        };
        let (began, start_ns) = inner.now();
        let context = inner.context(parent);
        let span = context.sampled.then(|| {
            Box::new(Span {
                context,
                parent: parent.map(|parent| parent.span),
                name: name.to_owned(),
                kind,
                start_ns,
                end_ns: start_ns,
                attributes: vec![],
                links: vec![],
                failed: false,
            })
        });
        ActiveSpan::new(self.clone(), began, Some(context), span)
    }

    /// Begins a span as a part of `parent`; none where there is none.
    pub fn step(&self, parent: Option<SpanContext>, kind: SpanKind, name: &str) -> ActiveSpan {
        match parent {
            Some(parent) => self.begin(Some(parent), kind, name),
            None => Self(None).begin(None, kind, name),
        }
    }

    /// A span that began so long ago and ends when it is dropped.
    pub fn began(&self, parent: SpanContext, name: &str, ago: Duration) -> ActiveSpan {
        let span = self.begin(Some(parent), SpanKind::Internal, name);
        span.earlier(ago)
    }

    /// Records steps of `parent` that followed each other, the last of which ends now. Those that took no time at all
    /// were not taken.
    pub fn steps(&self, parent: SpanContext, steps: Vec<Step>) {
        let Some(inner) = self.0.as_ref().filter(|_| parent.sampled) else {
            return;
        };
        let (_, mut at) = inner.now();
        let total: Duration = steps.iter().map(|step| step.time).sum();
        at = at.saturating_sub(nanos(total));
        for step in steps.into_iter().filter(|step| !step.time.is_zero()) {
            let end_ns = at.saturating_add(nanos(step.time));
            self.send(Span {
                context: inner.context(Some(parent)),
                parent: Some(parent.span),
                name: step.name.to_owned(),
                kind: SpanKind::Internal,
                start_ns: at,
                end_ns,
                attributes: step.attributes,
                links: vec![],
                failed: false,
            });
            at = end_ns;
        }
    }

    /// The first span of a segment's own trace; none where nothing is traced.
    pub fn segment(&self, cluster: ClusterId, log: LogId, seq: Seq) -> Option<SpanContext> {
        let inner = self.0.as_ref()?;
        Some(SpanContext::of_segment(cluster, log, seq, inner.share))
    }

    /// Records the first span of a segment's own trace: the commit, begun at a wall clock's `since_ms`.
    pub fn committed(&self, context: SpanContext, since_ms: u64, log: LogId, seq: Seq) {
        let Some(inner) = self.0.as_ref().filter(|_| context.sampled) else {
            return;
        };
        let (_, end_ns) = inner.now();
        self.send(Span {
            context,
            parent: None,
            name: "commit segment".to_owned(),
            kind: SpanKind::Internal,
            start_ns: since_ms.saturating_mul(1_000_000).min(end_ns),
            end_ns,
            attributes: vec![
                ("isobath.log", log.to_string().into()),
                ("isobath.seq", seq.0.into()),
            ],
            links: vec![],
            failed: false,
        });
    }

    pub(super) fn now(&self) -> Duration {
        let inner = self.0.as_ref();
        inner.map_or(Duration::ZERO, |inner| inner.clock.monotonic())
    }

    /// Hands a span over; drops it where too many wait.
    pub(super) fn send(&self, span: Span) {
        if let Some(inner) = &self.0
            && inner.spans.try_send(span).is_err()
        {
            ::metrics::counter!(SPANS, "outcome" => "dropped").increment(1);
        }
    }
}

impl Inner {
    /// By the monotonic clock, and in nanoseconds since 1970.
    fn now(&self) -> (Duration, u64) {
        let ns = self.clock.now_ms().saturating_mul(1_000_000);
        (self.clock.monotonic(), ns)
    }

    fn context(&self, parent: Option<SpanContext>) -> SpanContext {
        let mut rng = self.rng.lock();
        let span = SpanId(rng.random::<u64>().max(1));
        if let Some(parent) = parent {
            return SpanContext { span, ..parent };
        }
        let trace = TraceId(rng.random::<u128>().max(1));
        SpanContext {
            trace,
            span,
            sampled: trace.is_among(self.share),
        }
    }
}
