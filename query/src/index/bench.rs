//! Measuring searches: recall and speed of an index on given queries with known answers.

use isobath_storage::Clock;
use serde::Serialize;
use std::time::Duration;

use super::{
    Found, Index, IndexError, PreparedQuery, Scratch, SearchOptions, SearchPath, VectorSet, Vectors,
};

/// Queries with their exact answers.
#[derive(Debug, Clone, Copy)]
pub struct Workload<'a> {
    /// The vectors of the part.
    pub rows: VectorSet<'a>,
    /// The queries.
    pub queries: VectorSet<'a>,
    /// Per query the nearest rows, nearest first.
    pub truth: &'a [u32],
    /// How many rows the truth names per query, at least `k`.
    pub truth_per_query: usize,
    /// The number of rows sought.
    pub k: usize,
    /// How often all queries are run; times are of the fastest run.
    pub repeats: usize,
}

/// What one setting does, one query at a time on one thread.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Measured {
    /// The length of the search list, if it was given.
    pub list: Option<usize>,
    /// The share of searches that took the graph.
    pub by_graph: f64,
    /// The share of the k nearest that was found.
    pub recall: f64,
    /// Queries per second.
    pub queries_per_second: f64,
    /// The time that half of the queries stay below.
    pub p50_us: f64,
    /// The time that 99 of 100 queries stay below.
    pub p99_us: f64,
    /// Distances estimated per query.
    pub comparisons: f64,
    /// Distances computed exactly per query.
    pub reranked: f64,
}

/// Runs all queries with `options`.
pub fn measure(
    index: &Index,
    load: &Workload<'_>,
    options: &SearchOptions<'_>,
    clock: &dyn Clock,
) -> Result<Measured, IndexError> {
    let queries = wide_queries(load);
    let mut best: Option<Run> = None;
    for _ in 0..load.repeats.max(1) {
        let run = Run::new(index, load, &queries, options, clock)?;
        if best.as_ref().is_none_or(|best| run.total < best.total) {
            best = Some(run);
        }
    }
    let best = best.unwrap_or_default();
    Ok(best.summary(load, options))
}

fn wide_queries(load: &Workload<'_>) -> Vec<Vec<f32>> {
    let wide = |i| {
        let mut out = vec![];
        load.queries
            .row(i)
            .unwrap_or(Vectors::F32(&[]))
            .widen(&mut out);
        out
    };
    (0..load.queries.len() as u32).map(wide).collect()
}

/// All queries once.
#[derive(Debug, Default)]
struct Run {
    total: Duration,
    times: Vec<Duration>,
    found: Vec<Found>,
}

impl Run {
    fn new(
        index: &Index,
        load: &Workload<'_>,
        queries: &[Vec<f32>],
        options: &SearchOptions<'_>,
        clock: &dyn Clock,
    ) -> Result<Self, IndexError> {
        let metric = index.meta().params.metric;
        let mut scratch = Scratch::default();
        let mut run = Self::default();
        let start = clock.monotonic();
        let mut last = start;
        for query in queries {
            let query = PreparedQuery::new(metric, query)?;
            let found =
                index.search(&query, &load.rows, load.k, options, |_| true, &mut scratch)?;
            run.found.push(found);
            let now = clock.monotonic();
            run.times.push(now.saturating_sub(last));
            last = now;
        }
        run.total = last.saturating_sub(start);
        Ok(run)
    }

    fn summary(mut self, load: &Workload<'_>, options: &SearchOptions<'_>) -> Measured {
        self.times.sort_unstable();
        let count = self.times.len().max(1);
        let at = |share: usize| {
            let time = self.times.get((count * share / 100).min(count - 1));
            time.map_or(0.0, |t| t.as_secs_f64() * 1e6)
        };
        let mean = |f: fn(&Found) -> usize| {
            let sum: usize = self.found.iter().map(f).sum();
            sum as f64 / count as f64
        };
        Measured {
            list: options.list,
            by_graph: mean(|found| usize::from(found.stats.path == SearchPath::Graph)),
            recall: self.recall(load),
            queries_per_second: count as f64 / self.total.as_secs_f64().max(1e-9),
            p50_us: at(50),
            p99_us: at(99),
            comparisons: mean(|found| found.stats.comparisons),
            reranked: mean(|found| found.stats.reranked),
        }
    }

    fn recall(&self, load: &Workload<'_>) -> f64 {
        let (mut right, mut all) = (0, 0);
        let answers = load.truth.chunks_exact(load.truth_per_query.max(1));
        for (found, answer) in self.found.iter().zip(answers) {
            let answer = &answer[..load.k.min(answer.len())];
            right += found
                .hits
                .iter()
                .filter(|hit| answer.contains(&hit.row))
                .count();
            all += answer.len();
        }
        right as f64 / all.max(1) as f64
    }
}
