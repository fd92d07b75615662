//! Slow queries in the log: where their time went, and nothing of what they asked for.

use super::{
    decode::DecodedQuery,
    encode::path,
    engine::{Queried, Spent},
    error::ApiError,
    state::Server,
};
use isobath_query::search::{Answer, RankBy};
use isobath_storage::model::Namespace;
use std::{collections::BTreeSet, time::Duration};

/// The target of these events, for filters of the log.
const TARGET: &str = "isobath::slow_query";

/// When what was done for a query, on the node's monotonic clock.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    /// It arrived.
    pub(super) arrived: Duration,
    /// Its body was read and decoded.
    pub(super) decoded: Duration,
    /// The engine had answered.
    pub(super) answered: Duration,
}

impl Server {
    /// Whether what arrived then took so long that it is logged.
    pub(super) fn is_slow(&self, arrived: Duration) -> bool {
        let most = self.config.slow_query;
        most.is_some_and(|most| self.since(arrived) >= most)
    }

    /// Logs a query that took long.
    pub(super) fn note_query(
        &self,
        namespace: &Namespace,
        asked: &DecodedQuery,
        queried: &Queried,
        times: Times,
    ) {
        if !self.is_slow(times.arrived) {
            return;
        }
        let sum = |count: fn(&Answer) -> u64| queried.answers.iter().map(count).sum::<u64>();
        let kinds: BTreeSet<&str> = asked
            .asked
            .iter()
            .map(|one| kind(&one.query.rank_by))
            .collect();
        let kinds: Vec<&str> = kinds.into_iter().collect();
        let Spent {
            wait,
            open,
            search,
            rerank,
        } = queried.spent;
        tracing::warn!(
            target: TARGET,
            %namespace,
            kind = kinds.join(","),
            queries = asked.asked.len(),
            path = path(&queried.answers),
            total_ms = millis(self.since(times.arrived)),
            read_ms = millis(times.decoded.saturating_sub(times.arrived)),
            wait_ms = millis(wait),
            open_ms = millis(open),
            search_ms = millis(search),
            rerank_ms = millis(rerank),
            encode_ms = millis(self.since(times.answered)),
            rows = sum(|answer| answer.rows.len() as u64),
            rows_scanned = sum(|answer| answer.stats.rows_scanned),
            candidates = sum(|answer| answer.stats.candidates),
            exhaustive = sum(|answer| answer.stats.exhaustive_search_count),
            filtered = queried.answers.iter().any(|answer| answer.stats.filter_rows.is_some()),
            fetched_bytes = queried.fetched.map_or(0, |used| used.bytes),
            "slow query"
        );
    }

    /// Logs something that took long and failed, or whose inside is not known.
    pub(super) fn note_other(
        &self,
        namespace: Option<&Namespace>,
        kind: &str,
        arrived: Duration,
        fault: Option<&ApiError>,
    ) {
        if !self.is_slow(arrived) {
            return;
        }
        tracing::warn!(
            target: TARGET,
            namespace = namespace.map(Namespace::as_str),
            kind,
            total_ms = millis(self.since(arrived)),
            status = fault.map_or(200, |fault| fault.status().as_u16()),
            "slow query"
        );
    }
}

/// What a query orders by.
pub(super) fn kind(rank_by: &RankBy) -> &'static str {
    match rank_by {
        RankBy::Ann { .. } => "ann",
        RankBy::Knn { .. } => "knn",
        RankBy::Sparse { .. } => "sparse_knn",
        RankBy::Score(_) => "text",
        RankBy::Order(_) => "order",
        RankBy::Id => "id",
    }
}

/// Milliseconds with what is behind the point.
fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
