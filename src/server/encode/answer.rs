//! [`AnswerJson`]: what queries found, as JSON.

use super::{
    aggregates::{AggregatesJson, GroupsJson},
    row::{RowJson, row_bytes, rows_json},
};
use crate::server::{
    decode::{Asked, DecodedQuery, VectorEncoding},
    engine::Queried,
};
use isobath_query::search::{Answer, Path, Stats};
use serde::Serialize;
use std::time::Duration;

/// What a query counts to a client at least.
const MIN_BYTES_QUERIED: u64 = 256_000_000;

/// What queries found, as the API writes it.
#[derive(Debug, Serialize)]
pub(crate) struct AnswerJson<'a> {
    #[serde(flatten)]
    single: Option<ResultJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    results: Option<Vec<ResultJson<'a>>>,
    performance: PerformanceJson,
    billing: BillingJson,
    token: String,
}

/// What one query found.
#[derive(Debug, Serialize)]
struct ResultJson<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    rows: Option<Vec<RowJson<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    aggregations: Option<AggregatesJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    aggregation_groups: Option<GroupsJson<'a>>,
}

impl<'a> ResultJson<'a> {
    /// What one query found.
    fn new(asked: &'a Asked, answer: &'a Answer, encoding: VectorEncoding) -> Self {
        let query = &asked.query;
        let groups = answer.groups.as_deref();
        let ungrouped = query.group_by.is_none() && !query.aggregates.is_empty();
        Self {
            rows: asked.rows.then(|| rows_json(&answer.rows, encoding)),
            aggregations: ungrouped.then_some(AggregatesJson(&answer.aggregates)),
            aggregation_groups: groups.map(|groups| GroupsJson { groups, query }),
        }
    }

    /// The one answer that several were made to.
    fn fused(answer: &'a Answer, encoding: VectorEncoding) -> Self {
        Self {
            rows: Some(rows_json(&answer.rows, encoding)),
            aggregations: None,
            aggregation_groups: None,
        }
    }
}

/// How the queries were answered.
#[derive(Debug, Serialize)]
struct PerformanceJson {
    /// An open namespace is answered from memory and from mapped files, so nothing misses a cache.
    cache_hit_ratio: f64,
    cache_temperature: &'static str,
    server_total_ms: u64,
    query_execution_ms: u64,
    exhaustive_search_count: u64,
    approx_namespace_size: u64,
    rows_scanned: u64,
    candidates: u64,
    path: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    staleness_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    object_store_requests: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    object_store_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    object_store_round_trips: Option<u64>,
}

#[derive(Debug, Serialize)]
struct BillingJson {
    billable_logical_bytes_queried: u64,
    billable_logical_bytes_returned: u64,
}

/// How long a request took.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Timing {
    /// From its arrival.
    pub(crate) total: Duration,
    /// In the engine.
    pub(crate) execution: Duration,
}

/// Whole milliseconds, rounded up and never 0: clients take 0 for not measured.
pub(crate) fn millis(time: Duration) -> u64 {
    let ms = time.as_nanos().div_ceil(1_000_000).max(1);
    u64::try_from(ms).unwrap_or(u64::MAX)
}

impl<'a> AnswerJson<'a> {
    /// The answer to `asked`.
    pub(crate) fn new(asked: &'a DecodedQuery, queried: &'a Queried, timing: Timing) -> Self {
        let (encoding, fusion) = (asked.encoding, asked.fusion.as_ref());
        let shown = asked.asked.iter().zip(&queried.answers);
        let one = |(asked, answer): (&'a Asked, &'a Answer)| match fusion {
            None => ResultJson::new(asked, answer, encoding),
            Some(_) => ResultJson::fused(answer, encoding),
        };
        let mut results: Vec<_> = shown.map(one).collect();
        let rows = queried.answers.iter().flat_map(|answer| &answer.rows);
        let single = if asked.multi { None } else { results.pop() };
        Self {
            single,
            results: asked.multi.then_some(results),
            performance: PerformanceJson::new(queried, timing),
            billing: BillingJson {
                billable_logical_bytes_queried: queried.bytes_queried.max(MIN_BYTES_QUERIED),
                billable_logical_bytes_returned: rows.map(row_bytes).sum(),
            },
            token: queried.token.to_string(),
        }
    }
}

impl PerformanceJson {
    fn new(queried: &Queried, timing: Timing) -> Self {
        let sum = |count: fn(&Stats) -> u64| {
            let counts = queried.answers.iter().map(|answer| count(&answer.stats));
            counts.sum()
        };
        let fetched = queried.fetched;
        Self {
            cache_hit_ratio: if fetched.is_some() { 0.0 } else { 1.0 },
            cache_temperature: if fetched.is_some() { "cold" } else { "hot" },
            server_total_ms: millis(timing.total),
            query_execution_ms: millis(timing.execution),
            exhaustive_search_count: sum(|stats| stats.exhaustive_search_count),
            approx_namespace_size: queried.approx_namespace_size,
            rows_scanned: sum(|stats| stats.rows_scanned),
            candidates: sum(|stats| stats.candidates),
            path: path(&queried.answers),
            staleness_ms: queried.staleness.map(millis),
            object_store_requests: fetched.map(|used| used.requests),
            object_store_bytes: fetched.map(|used| used.bytes),
            object_store_round_trips: fetched.map(|used| used.round_trips),
        }
    }
}

/// The way that all answers took; `mixed` where they took several.
pub(crate) fn path(answers: &[Answer]) -> &'static str {
    let mut paths = answers.iter().map(|answer| answer.stats.path);
    let first = paths.next().unwrap_or_default();
    let path = if paths.all(|path| path == first) {
        first
    } else {
        Path::Mixed
    };
    match path {
        Path::Exact => "exact",
        Path::Codes => "codes",
        Path::Graph => "graph",
        Path::Mixed => "mixed",
    }
}
