//! Traces: what became of one request, over processes and regions.
//!
//! A request's trace goes on in every process that the request is sent on to, by the header `traceparent` of W3C. A
//! segment carries writes of many requests, and is copied by stores that know no headers: it is a trace of its own, whose
//! ids [follow](SpanContext::of_segment) from what it is. So whoever commits, copies, applies or folds it adds to the same
//! trace without having been told, and the span of a write's commit links to it.

mod context;
mod metrics;
mod span;
mod tracer;

pub use context::{SpanContext, SpanId, TRACEPARENT, TraceId};
pub use metrics::{SPANS, describe};
pub use span::{ActiveSpan, Span, SpanKind, SpanValue};
pub use tracer::{Step, Tracer, TracerParts};
