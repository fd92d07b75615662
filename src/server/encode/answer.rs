//! [`AnswerJson`]: what queries found, as JSON.

use super::row::{RowJson, row_bytes, rows_json};
use crate::server::{decode::DecodedQuery, engine::Queried};
use isobath_query::search::{Answer, Path, Stats};
use serde::{Serialize, Serializer, ser::SerializeMap};
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
}

/// How the queries were answered.
#[derive(Debug, Serialize)]
struct PerformanceJson {
    /// A node answers from its own memory and from mapped files, so nothing misses a cache.
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
}

#[derive(Debug, Serialize)]
struct BillingJson {
    billable_logical_bytes_queried: u64,
    billable_logical_bytes_returned: u64,
}

/// Aggregates by label.
#[derive(Debug)]
struct AggregatesJson<'a>(&'a [(String, u64)]);

impl Serialize for AggregatesJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (label, value) in self.0 {
            map.serialize_entry(label, value)?;
        }
        map.end()
    }
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
    pub(crate) fn new(asked: &DecodedQuery, queried: &'a Queried, timing: Timing) -> Self {
        let shown = asked.asked.iter().zip(&queried.answers);
        let mut results: Vec<_> = shown
            .map(|(asked_one, answer)| ResultJson {
                rows: asked_one
                    .rows
                    .then(|| rows_json(&answer.rows, asked.encoding)),
                aggregations: (!asked_one.query.aggregates.is_empty())
                    .then_some(AggregatesJson(&answer.aggregates)),
            })
            .collect();
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
        Self {
            cache_hit_ratio: 1.0,
            cache_temperature: "hot",
            server_total_ms: millis(timing.total),
            query_execution_ms: millis(timing.execution),
            exhaustive_search_count: sum(|stats| stats.exhaustive_search_count),
            approx_namespace_size: queried.approx_namespace_size,
            rows_scanned: sum(|stats| stats.rows_scanned),
            candidates: sum(|stats| stats.candidates),
            path: path(&queried.answers),
            staleness_ms: queried.staleness.map(millis),
        }
    }
}

/// The way that all answers took; `mixed` where they took several.
fn path(answers: &[Answer]) -> &'static str {
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
