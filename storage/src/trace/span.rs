//! [`Span`]: one step of a trace; and [`ActiveSpan`], one that has not ended.

use super::{SpanContext, SpanId, Tracer};
use std::time::Duration;

/// What a span is to others, by the numbers that OpenTelemetry has for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpanKind {
    /// Within a process.
    Internal = 1,
    /// The answer to a request.
    Server = 2,
    /// A request to another process.
    Client = 3,
}

/// The value of an attribute.
#[derive(Debug, Clone, PartialEq)]
pub enum SpanValue {
    /// A whole number.
    Whole(u64),
    /// A text.
    Text(String),
    /// True or false.
    Bool(bool),
}

impl From<u64> for SpanValue {
    fn from(value: u64) -> Self {
        Self::Whole(value)
    }
}

impl From<&str> for SpanValue {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<String> for SpanValue {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl From<bool> for SpanValue {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

/// One step of a trace, ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Span {
    /// Which one.
    pub context: SpanContext,
    /// Of what it is a part; none of a trace's first.
    pub parent: Option<SpanId>,
    /// What is done.
    pub name: String,
    /// What it is to others.
    pub kind: SpanKind,
    /// When it began: nanoseconds since 1970.
    pub start_ns: u64,
    /// When it ended.
    pub end_ns: u64,
    /// More about it.
    pub attributes: Vec<(&'static str, SpanValue)>,
    /// Spans of other traces that it has to do with.
    pub links: Vec<SpanContext>,
    /// Whether it failed.
    pub failed: bool,
}

/// A span that has not ended; it ends when it is dropped. Does nothing where its trace is not recorded.
#[derive(Debug)]
#[must_use = "a span ends when it is dropped"]
pub struct ActiveSpan {
    tracer: Tracer,
    /// By the monotonic clock.
    began: Duration,
    context: Option<SpanContext>,
    /// None where nothing is recorded.
    span: Option<Box<Span>>,
}

impl ActiveSpan {
    pub(super) fn new(
        tracer: Tracer,
        began: Duration,
        context: Option<SpanContext>,
        span: Option<Box<Span>>,
    ) -> Self {
        Self {
            tracer,
            began,
            context,
            span,
        }
    }

    /// What those who are asked to do a part of it have to know; none where nothing is traced at all.
    pub fn context(&self) -> Option<SpanContext> {
        self.context
    }

    /// The same, begun so much earlier.
    pub(super) fn earlier(mut self, ago: Duration) -> Self {
        self.began = self.began.saturating_sub(ago);
        if let Some(span) = &mut self.span {
            span.start_ns = span.start_ns.saturating_sub(nanos(ago));
        }
        self
    }

    /// Says more about it.
    pub fn set(&mut self, name: &'static str, value: impl Into<SpanValue>) {
        if let Some(span) = &mut self.span {
            span.attributes.push((name, value.into()));
        }
    }

    /// Links a span of another trace.
    pub fn link(&mut self, other: SpanContext) {
        if let Some(span) = &mut self.span {
            span.links.push(other);
        }
    }

    /// Says that it failed.
    pub fn fail(&mut self) {
        if let Some(span) = &mut self.span {
            span.failed = true;
        }
    }
}

impl Drop for ActiveSpan {
    fn drop(&mut self) {
        if let Some(mut span) = self.span.take() {
            let took = self.tracer.now().saturating_sub(self.began);
            span.end_ns = span.start_ns.saturating_add(nanos(took));
            self.tracer.send(*span);
        }
    }
}

/// A time in nanoseconds.
pub(super) fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
