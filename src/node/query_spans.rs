//! The spans of a query, in the trace of its request.

use super::Node;
use crate::server::{Queried, ReadOptions};
use isobath_query::search::Answer;
use isobath_storage::trace::{ActiveSpan, SpanKind, Step};

impl Node {
    /// Begins the span of the wait for a view, linked to the segments that the request's token names.
    pub(super) fn view_span(&self, options: &ReadOptions) -> ActiveSpan {
        let mut span = self.tracer.step(options.trace, SpanKind::Internal, "view");
        let seen = options.min_token.iter().flat_map(|token| token.seen.iter());
        for (log, seq) in seen {
            if let Some(segment) = self.tracer.segment(self.cluster, log, seq) {
                span.link(segment);
            }
        }
        span
    }

    /// Records where the time of a query went after the wait for its view.
    pub(super) fn trace_search(&self, options: &ReadOptions, queried: &Queried) {
        let Some(trace) = options.trace.filter(|_| self.tracer.is_on()) else {
            return;
        };
        let sum = |count: fn(&Answer) -> u64| queried.answers.iter().map(count).sum::<u64>();
        let path = queried
            .answers
            .first()
            .map_or("", |answer| answer.stats.path.as_str());
        let candidates = sum(|answer| answer.stats.candidates);
        let spent = queried.spent;
        let step = |name, time, attributes| Step {
            name,
            time,
            attributes,
        };
        let searched = vec![
            ("isobath.path", path.into()),
            ("isobath.cold", queried.fetched.is_some().into()),
            (
                "isobath.rows_scanned",
                sum(|answer| answer.stats.rows_scanned).into(),
            ),
            ("isobath.reranked", candidates.into()),
        ];
        let reranked = vec![("isobath.reranked", candidates.into())];
        let steps = vec![
            step("open", spent.open, vec![]),
            step("search", spent.search, searched),
            step("rerank", spent.rerank, reranked),
        ];
        self.tracer.steps(trace, steps);
    }
}
