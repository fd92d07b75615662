//! [`Steps`]: where the time of a query goes in the server.

use super::{
    NAMESPACE,
    data::{Data, Setting},
    latency::Latency,
    search::{EVENTUAL, bodies, options},
};
use isobath::{
    process::Process,
    server::{Consistency, Engine as _, QuerySteps},
};
use isobath_storage::{Clock as _, SystemClock, model::Namespace};
use serde::Serialize;
use std::time::Duration;

/// Where the time of a query over HTTP goes in the server: each step alone, one after the other, on one
/// thread; microseconds that half of the queries take at most.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Steps {
    /// `plain`, or the filter's name.
    pub(super) setting: String,
    /// From the body to a query.
    pub(super) decode_us: f64,
    /// What a strong read costs beyond an eventual one.
    pub(super) strong_us: f64,
    /// The search.
    pub(super) search_us: f64,
    /// From what was found to the body of the answer.
    pub(super) encode_us: f64,
}

/// The steps of the queries of every setting.
pub(super) async fn all(data: &Data, process: &Process) -> anyhow::Result<Vec<Steps>> {
    let mut all = vec![];
    for setting in &data.settings {
        all.push(of(data, setting, process).await?);
    }
    Ok(all)
}

async fn of(data: &Data, setting: &Setting, process: &Process) -> anyhow::Result<Steps> {
    let namespace: Namespace = NAMESPACE.parse()?;
    let mut spent: [Vec<Duration>; 5] = Default::default();
    let bodies = bodies(data, setting, None);
    for body in &bodies {
        let mut last = SystemClock.monotonic();
        let mut lap = |step: usize| {
            let now = SystemClock.monotonic();
            spent[step].push(now.saturating_sub(last));
            last = now;
        };
        let query = QuerySteps::read(body)?;
        lap(0);
        // The first search finds nothing in the processor's caches; the others tell what a strong read costs.
        let mut queried = vec![];
        for (step, consistency) in [(1, EVENTUAL), (2, Consistency::Strong), (3, EVENTUAL)] {
            let read = options(consistency);
            queried.push(
                process
                    .node
                    .query(&namespace, query.command(), read)
                    .await?,
            );
            lap(step);
        }
        for found in queried.iter().take(1) {
            drop(query.answer(found)?);
        }
        lap(4);
    }
    let median = |times| Latency::of(times).p50_ms * 1e3;
    let [decode_us, search_us, strong, eventual, encode_us] = spent.map(median);
    Ok(Steps {
        setting: setting.name.clone(),
        decode_us,
        strong_us: (strong - eventual).max(0.0),
        search_us,
        encode_us,
    })
}
