//! [`SpanContext`]: which span of which trace; and as text, between processes.

use crate::model::{ClusterId, LogId, Seq};
use std::{fmt, str::FromStr};

/// The header that carries a [`SpanContext`] between processes.
pub const TRACEPARENT: &str = "traceparent";

/// Names a trace; never all zeros.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceId(pub u128);

/// Names a span of a trace; never all zeros.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SpanId(pub u64);

/// Which span of which trace, and whether the trace is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SpanContext {
    /// The trace.
    pub trace: TraceId,
    /// The span.
    pub span: SpanId,
    /// Whether whoever began the trace records it.
    pub sampled: bool,
}

/// A text that is no `traceparent` of a version that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a traceparent")]
pub struct InvalidContext;

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl SpanContext {
    /// The first span of a segment's own trace, of which `share` are recorded, 0 to 1. The same wherever it is asked for.
    pub fn of_segment(cluster: ClusterId, log: LogId, seq: Seq, share: f64) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"isobath segment trace");
        hasher.update(cluster.0.as_bytes());
        hasher.update(log.to_string().as_bytes());
        hasher.update(&[0]);
        hasher.update(&seq.0.to_le_bytes());
        let mut bytes = hasher.finalize_xof();
        let (mut trace, mut span) = ([0; 16], [0; 8]);
        bytes.fill(&mut trace);
        bytes.fill(&mut span);
        let trace = TraceId(u128::from_le_bytes(trace).max(1));
        Self {
            trace,
            span: SpanId(u64::from_le_bytes(span).max(1)),
            sampled: trace.is_among(share),
        }
    }
}

impl TraceId {
    /// Whether the trace is one of a share of all, 0 to 1: the same answer in every process.
    pub fn is_among(self, share: f64) -> bool {
        // of the lower half, as W3C has it, the 53 bits that a float holds
        let low = (self.0 >> 11) & ((1 << 53) - 1);
        #[expect(clippy::cast_precision_loss, reason = "53 bits fit")]
        let place = low as f64 / (1_u64 << 53) as f64;
        place < share
    }
}

impl fmt::Display for SpanContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let flags = u8::from(self.sampled);
        write!(f, "00-{}-{}-{flags:02x}", self.trace, self.span)
    }
}

impl FromStr for SpanContext {
    type Err = InvalidContext;

    /// Reads any version but `ff`; what newer ones add at the end is left alone.
    fn from_str(text: &str) -> Result<Self, InvalidContext> {
        let mut fields = text.split('-');
        let mut next = |length: usize| {
            let digit = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
            let field = fields.next().ok_or(InvalidContext)?;
            let fits = field.len() == length && field.bytes().all(digit);
            u128::from_str_radix(field, 16)
                .ok()
                .filter(|_| fits)
                .ok_or(InvalidContext)
        };
        let (version, trace, span, flags) = (next(2)?, next(32)?, next(16)?, next(2)?);
        let span = u64::try_from(span).map_err(|_| InvalidContext)?;
        let longer = fields.next().is_some();
        if version == 0xff || trace == 0 || span == 0 || (version == 0 && longer) {
            return Err(InvalidContext);
        }
        Ok(Self {
            trace: TraceId(trace),
            span: SpanId(span),
            sampled: flags & 1 == 1,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    const TEXT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn should_read_what_it_writes() {
        let context: SpanContext = TEXT.parse().unwrap();
        assert!(context.sampled);
        assert_eq!(context.to_string(), TEXT);
        let newer = "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-02-more";
        assert!(!newer.parse::<SpanContext>().unwrap().sampled);
    }

    #[test]
    fn should_refuse_what_w3c_refuses() {
        for bad in [
            "",
            "00",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x",
            "00-+bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ] {
            assert_eq!(bad.parse::<SpanContext>(), Err(InvalidContext), "{bad}");
        }
    }

    #[test]
    fn should_name_a_segment_alike_everywhere_and_no_other_so() {
        let log: LogId = "use1/0000".parse().unwrap();
        let other: LogId = "use2/0000".parse().unwrap();
        let cluster = ClusterId(Uuid::from_u128(7));
        let of = |log, seq| SpanContext::of_segment(cluster, log, Seq(seq), 1.0);
        assert_eq!(of(log, 1), of(log, 1));
        assert!(of(log, 1).sampled);
        assert_ne!(of(log, 1).trace, of(log, 2).trace);
        assert_ne!(of(log, 1).trace, of(other, 1).trace);
    }

    #[test]
    fn should_sample_the_share_that_is_asked_for() {
        let log: LogId = "use1/0000".parse().unwrap();
        let cluster = ClusterId(Uuid::from_u128(7));
        let sampled = |share| {
            let contexts = (0..1000).map(|n| SpanContext::of_segment(cluster, log, Seq(n), share));
            contexts.filter(|context| context.sampled).count()
        };
        assert_eq!((sampled(0.0), sampled(1.0)), (0, 1000));
        assert!((200..300).contains(&sampled(0.25)), "{}", sampled(0.25));
    }
}
