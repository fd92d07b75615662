//! How many searches a second, how long they take, and how exact they are.

use super::{
    super::{
        client::{Client, Request},
        ground_truth::Recall,
    },
    Args, NAMESPACE,
    canned::Canned,
    data::{Data, Setting},
    latency::Latency,
    system,
};
use anyhow::Context as _;
use bytes::Bytes;
use futures::future;
use isobath::{
    process::Process,
    server::{Consistency, Engine, OnStale, QuerySteps, ReadOptions},
};
use isobath_query::search::Query;
use isobath_storage::{
    Clock as _, SystemClock,
    model::{Id, Namespace},
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

/// Rows that are asked for.
const K: usize = 10;

/// Recall targets that are tried until the wanted recall is reached.
const TARGETS: [f32; 12] = [
    0.8, 0.9, 0.93, 0.95, 0.96, 0.97, 0.98, 0.985, 0.99, 0.995, 0.998, 0.999,
];

/// One measurement.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Measured {
    /// `plain`, or the filter's name.
    pub(super) setting: String,
    /// `in process` or `http`.
    pub(super) through: &'static str,
    /// Searches at a time.
    pub(super) clients: usize,
    /// The recall that was wanted; none for the default settings.
    pub(super) wanted: Option<f64>,
    /// The target that the searches named.
    pub(super) target: Option<f32>,
    /// The recall@10 that was reached.
    pub(super) recall: f64,
    /// How fast.
    #[serde(flatten)]
    pub(super) rate: Rate,
    /// The way that the first search took.
    pub(super) path: String,
}

/// The same requests to a handler that searches nothing: see [`Canned`].
#[derive(Debug, Clone, Serialize)]
pub(super) struct Baseline {
    /// `plain`, or the filter's name.
    pub(super) setting: String,
    /// Requests at a time.
    pub(super) clients: usize,
    /// How fast.
    #[serde(flatten)]
    pub(super) rate: Rate,
}

/// How fast requests of one kind are answered.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Rate {
    /// Requests a second.
    pub(super) qps: f64,
    /// How long each took.
    pub(super) latency: Latency,
    /// Processor time that each took, the client's included, microseconds.
    pub(super) cpu_us: f64,
}

/// A way to search.
enum Way<'a> {
    /// Calls of the node's engine.
    Calls(Arc<dyn Engine>, Vec<Query>),
    /// HTTP requests.
    Http(&'a Client, Vec<Bytes>),
}

/// What a search found.
struct Found {
    ids: Vec<u64>,
    path: String,
}

/// All measurements: every setting at default settings and at each wanted recall, in process and over
/// HTTP, for each number of clients.
pub(super) async fn all(
    args: &Args,
    data: &Data,
    process: &Process,
    client: &Client,
    time: Duration,
) -> anyhow::Result<Vec<Measured>> {
    let mut all = Vec::new();
    for setting in &data.settings {
        let wanted = args.recall.iter().copied().map(Some);
        for wanted in [None].into_iter().chain(wanted) {
            let target = match wanted {
                Some(wanted) => target(data, setting, process, wanted).await?,
                None => None,
            };
            let bodies = bodies(data, setting, target);
            let calls = Way::calls(process, &bodies)?;
            let http = Way::Http(client, bodies);
            for (&clients, way) in args.clients.iter().flat_map(|n| [(n, &calls), (n, &http)]) {
                let measured = measure(way, setting, clients, time).await?;
                all.push(Measured {
                    wanted,
                    target,
                    ..measured
                });
            }
        }
    }
    Ok(all)
}

/// What HTTP alone does with the requests of every setting.
pub(super) async fn baselines(
    args: &Args,
    data: &Data,
    client: &Client,
    time: Duration,
) -> anyhow::Result<Vec<Baseline>> {
    let mut all = Vec::new();
    for setting in &data.settings {
        let bodies = bodies(data, setting, None);
        let first = bodies.first().context("no queries")?;
        let request = Request::post(path(), first.clone());
        let answer = client.send_text(&request).await?;
        let canned = Canned::start(&path(), answer).await?;
        let way = Way::Http(&canned.client, bodies);
        for &clients in &args.clients {
            let rate = rate(&way, clients, time).await?;
            let setting = setting.name.clone();
            all.push(Baseline {
                setting,
                clients,
                rate,
            });
        }
    }
    Ok(all)
}

/// The lowest target that reaches the wanted recall, or the highest there is.
async fn target(
    data: &Data,
    setting: &Setting,
    process: &Process,
    wanted: f64,
) -> anyhow::Result<Option<f32>> {
    let mut last = None;
    for target in TARGETS {
        last = Some(target);
        let way = Way::calls(process, &bodies(data, setting, last))?;
        let mut recall = Recall::default();
        for number in 0..way.len() {
            recall.add(
                setting
                    .truth
                    .hits(number, &way.search(number).await?.ids, K),
            );
        }
        if recall.share() >= wanted {
            break;
        }
    }
    Ok(last)
}

/// The requests, one a query.
pub(super) fn bodies(data: &Data, setting: &Setting, target: Option<f32>) -> Vec<Bytes> {
    let body = |vector: &[f32]| {
        let mut body = json!({ "rank_by": ["vector", "ANN", vector], "limit": K });
        if let Some(filter) = &setting.filter {
            body["filters"] = filter.clone();
        }
        if let Some(target) = target {
            body["recall_target"] = json!(target);
        }
        Bytes::from(body.to_string())
    };
    data.queries.rows().map(body).collect()
}

/// Searches again and again for some time.
async fn measure(
    way: &Way<'_>,
    setting: &Setting,
    clients: usize,
    time: Duration,
) -> anyhow::Result<Measured> {
    let mut recall = Recall::default();
    let mut path = String::new();
    for number in 0..way.len() {
        let found = way.search(number).await?;
        recall.add(setting.truth.hits(number, &found.ids, K));
        path = found.path;
    }
    let rate = rate(way, clients, time).await?;
    Ok(Measured {
        setting: setting.name.clone(),
        through: way.name(),
        clients,
        wanted: None,
        target: None,
        recall: recall.share(),
        rate,
        path,
    })
}

/// How many searches a second, and how long each takes.
async fn rate(way: &Way<'_>, clients: usize, time: Duration) -> anyhow::Result<Rate> {
    let (start, cpu) = (SystemClock.monotonic(), system::cpu_time());
    let next = AtomicUsize::new(0);
    let one = async |_| {
        let mut times = Vec::new();
        loop {
            let before = SystemClock.monotonic();
            if before.saturating_sub(start) >= time {
                return anyhow::Ok(times);
            }
            let number = next.fetch_add(1, Ordering::Relaxed) % way.len();
            way.search(number).await?;
            times.push(SystemClock.monotonic().saturating_sub(before));
        }
    };
    let times = future::try_join_all((0..clients).map(one)).await?.concat();
    let seconds = SystemClock.monotonic().saturating_sub(start).as_secs_f64();
    let cpu = system::cpu_time().saturating_sub(cpu).as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "a rate")]
    let count = times.len().max(1) as f64;
    Ok(Rate {
        qps: count / seconds,
        latency: Latency::of(times),
        cpu_us: cpu * 1e6 / count,
    })
}

/// Where searches are posted.
fn path() -> String {
    format!("/v2/namespaces/{NAMESPACE}/query")
}

impl Way<'_> {
    fn calls(process: &Process, bodies: &[Bytes]) -> anyhow::Result<Self> {
        let queries = bodies.iter().map(|body| {
            let command = QuerySteps::read(body)?.command();
            let query = command.queries.into_iter().next();
            query.context("a body without a query")
        });
        let engine = Arc::clone(&process.node) as Arc<dyn Engine>;
        Ok(Self::Calls(engine, queries.collect::<anyhow::Result<_>>()?))
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Calls(..) => "in process",
            Self::Http(..) => "http",
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Calls(_, queries) => queries.len(),
            Self::Http(_, bodies) => bodies.len(),
        }
    }

    async fn search(&self, number: usize) -> anyhow::Result<Found> {
        match self {
            Self::Calls(engine, queries) => call(engine.as_ref(), &queries[number]).await,
            Self::Http(client, bodies) => http(client, &bodies[number]).await,
        }
    }
}

/// At the view that there is.
pub(super) const EVENTUAL: Consistency = Consistency::Eventual {
    everywhere: false,
    max_staleness: None,
};

/// How a search reads.
pub(super) fn options(consistency: Consistency) -> ReadOptions {
    ReadOptions {
        consistency,
        min_token: None,
        wait: Duration::ZERO,
        on_stale: OnStale::Error,
        timeout: Duration::from_secs(30),
        trace: None,
    }
}

/// A search by a call of the engine, at the view that there is.
async fn call(engine: &dyn Engine, query: &Query) -> anyhow::Result<Found> {
    let namespace: Namespace = NAMESPACE.parse()?;
    let queried = engine
        .query(&namespace, vec![query.clone()].into(), options(EVENTUAL))
        .await?;
    let answer = queried.answers.into_iter().next().context("no answer")?;
    let id = |id: &Id| match id {
        Id::U64(id) => Some(*id),
        _ => None,
    };
    Ok(Found {
        ids: answer.rows.iter().filter_map(|row| id(&row.id)).collect(),
        path: format!("{:?}", answer.stats.path).to_lowercase(),
    })
}

/// A search over HTTP, strongly consistent like a client that says nothing.
async fn http(client: &Client, body: &Bytes) -> anyhow::Result<Found> {
    #[derive(Deserialize)]
    struct Answer {
        rows: Vec<Row>,
        performance: Performance,
    }
    #[derive(Deserialize)]
    struct Row {
        id: u64,
    }
    #[derive(Deserialize)]
    struct Performance {
        path: String,
    }
    let answer: Answer = client.send(&Request::post(path(), body.clone())).await?;
    Ok(Found {
        ids: answer.rows.into_iter().map(|row| row.id).collect(),
        path: answer.performance.path,
    })
}
