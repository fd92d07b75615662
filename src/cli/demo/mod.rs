//! `isobath demo`: the sample data in a bucket of its own, searched three ways.

mod sample;

use super::{
    client::{Client, Request},
    import, settings,
};
use anyhow::Context as _;
use bytesize::ByteSize;
use clap::Parser as _;
use comfy_table::{Table, presets::UTF8_BORDERS_ONLY};
use isobath::process::{Process, ProcessParts};
use isobath_config::Config;
use isobath_storage::{Clock, SystemClock};
use rand::{TryRng as _, rngs::SysRng};
use sample::{Sample, Truth};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    io::Write as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

/// For how long a request that fails is repeated.
const PATIENCE: Duration = Duration::from_secs(10);
/// Rows of an answer.
const LIMIT: usize = 10;
/// The first id of the rows that the update adds.
const ADDED: u64 = 1_000_000;
/// How many of the first rows the update deletes.
const DELETED: u64 = 50;

/// Loads 2,000 `WordNet` definitions into a local directory and searches them by meaning.
///
/// Prints how a plain query, a filtered one and one after an update fared against the exact answers.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Keeps bucket and cache in this directory. Default: a temporary one, which is deleted.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// The command line of an import.
#[derive(Debug, clap::Parser)]
struct Import {
    #[command(flatten)]
    args: import::Args,
}

/// How one kind of query fared.
#[derive(Debug, Default)]
struct Outcome {
    found: usize,
    expected: usize,
    scanned: u64,
    paths: BTreeMap<String, usize>,
    times: Vec<Duration>,
}

#[derive(Debug, Deserialize)]
struct Answer {
    rows: Vec<Hit>,
    performance: Performance,
}

#[derive(Debug, Deserialize)]
struct Hit {
    id: u64,
}

#[derive(Debug, Deserialize)]
struct Performance {
    path: String,
    rows_scanned: u64,
}

/// Runs the command.
pub(super) async fn run(args: Args) -> anyhow::Result<()> {
    let temporary = TemporaryDir::new()?;
    let dir = args.dir.as_deref().unwrap_or(&temporary.0);
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let mut seed = [0; 32];
    SysRng
        .try_fill_bytes(&mut seed)
        .context("the system has no random numbers")?;
    let process = Process::start(ProcessParts {
        config: config(dir),
        environment: settings::environment(),
        clock: Arc::clone(&clock),
        seed,
        metrics: None,
    })
    .await?;
    let url = format!("http://{}", process.address);
    let shown = show(&url, dir, &clock).await;
    process
        .stop()
        .await
        .context("the node did not stop in order")?;
    shown
}

/// A node on a directory, which builds a graph also for a part as small as the sample.
fn config(dir: &Path) -> Config {
    let mut config = Config {
        region: "demo".to_owned(),
        bucket: dir.join("bucket").to_string_lossy().into_owned(),
        cache_dir: dir.join("cache"),
        ..Config::default()
    };
    config.server.listen.set_port(0);
    config.fold.interval = Duration::from_millis(100);
    // long enough for the queries after the update to meet it unfolded
    config.fold.pause = Duration::from_secs(4);
    config.fold.min_bytes = ByteSize::mib(64);
    config.index.min_rows_for_graph = 1;
    config
}

async fn show(url: &str, dir: &Path, clock: &Arc<dyn Clock>) -> anyhow::Result<()> {
    let sample = Sample::load()?;
    let mut out = std::io::stdout();
    writeln!(out, "a bucket in {}, served on {url}", dir.display())?;
    let namespace = "wordnet";
    load(url, namespace, dir).await?;
    let client = Client::new(&url.parse()?, PATIENCE, Arc::clone(clock))?;
    let mut table = Table::new();
    table.load_preset(UTF8_BORDERS_ONLY);
    table.set_header(["query", "recall@10", "path", "rows scanned", "median time"]);
    let ask = async |filter: Value, truth: Truth| {
        ask_all(&client, clock, namespace, &sample, &filter, &truth).await
    };
    let plain = ask(Value::Null, Sample::plain()?).await?;
    table.add_row(plain.cells("nearest of all"));
    let verbs = ask(json!(["pos", "Eq", "v"]), Sample::verbs()?).await?;
    table.add_row(verbs.cells("nearest verbs: pos = 'v'"));
    update(&client, namespace, &sample).await?;
    let changed = ask(Value::Null, sample.after_update(ADDED, DELETED)?).await?;
    table.add_row(changed.cells("nearest of all, after an update"));
    writeln!(out, "{table}")?;
    writeln!(
        out,
        "{0} queries each, compared with the exact answers; the update added {0} rows and deleted {DELETED}.",
        sample.queries(),
    )?;
    Ok(())
}

/// Imports the sample as a user would, and waits until it is indexed.
async fn load(url: &str, namespace: &str, dir: &Path) -> anyhow::Result<()> {
    let file = dir.join("sample.parquet");
    std::fs::write(&file, sample::PARQUET).context("cannot write the sample")?;
    let (file, journal) = (file.to_string_lossy(), dir.join("journal"));
    let journal = journal.to_string_lossy();
    let words = [
        "import",
        namespace,
        &file,
        "--url",
        url,
        "--journal",
        &journal,
        "--wait",
    ];
    let import = Import::try_parse_from(words)?;
    import::run(import.args).await
}

/// Adds each query as a row of its own, and deletes the first rows.
async fn update(client: &Client, namespace: &str, sample: &Sample) -> anyhow::Result<()> {
    let rows = (ADDED..).zip(sample.vectors());
    let rows: Vec<Value> = rows
        .map(|(id, vector)| json!({"id": id, "vector": vector, "text": "added by the update"}))
        .collect();
    let deletes: Vec<u64> = (0..DELETED).collect();
    let body = json!({"upsert_rows": rows, "deletes": deletes}).to_string();
    let path = format!("/v2/namespaces/{namespace}");
    client.send_text(&Request::post(path, body)).await?;
    Ok(())
}

async fn ask_all(
    client: &Client,
    clock: &Arc<dyn Clock>,
    namespace: &str,
    sample: &Sample,
    filter: &Value,
    truth: &Truth,
) -> anyhow::Result<Outcome> {
    let mut outcome = Outcome::default();
    for (vector, expected) in sample.vectors().zip(truth) {
        let mut query = json!({"rank_by": ["vector", "ANN", vector], "limit": LIMIT});
        if !filter.is_null() {
            query["filters"] = filter.clone();
        }
        let path = format!("/v2/namespaces/{namespace}/query");
        let started = clock.monotonic();
        let answer: Answer = client.send(&Request::post(path, query.to_string())).await?;
        outcome
            .times
            .push(clock.monotonic().saturating_sub(started));
        let expected = &expected[..expected.len().min(LIMIT)];
        outcome.found += answer
            .rows
            .iter()
            .filter(|hit| expected.contains(&hit.id))
            .count();
        outcome.expected += expected.len();
        outcome.scanned += answer.performance.rows_scanned;
        *outcome.paths.entry(answer.performance.path).or_default() += 1;
    }
    Ok(outcome)
}

impl Outcome {
    #[expect(clippy::cast_precision_loss, reason = "counts of a few thousand")]
    fn cells(mut self, query: &str) -> [String; 5] {
        self.times.sort_unstable();
        let median = self
            .times
            .get(self.times.len() / 2)
            .copied()
            .unwrap_or_default();
        let queries = self.times.len().max(1) as u64;
        let paths: Vec<String> = self.paths.into_keys().collect();
        [
            query.to_owned(),
            format!("{:.3}", self.found as f64 / self.expected.max(1) as f64),
            paths.join(", "),
            format!("{}", self.scanned / queries),
            format!("{:.2} ms", median.as_secs_f64() * 1_000.0),
        ]
    }
}

/// A directory that is deleted when the demo ends.
struct TemporaryDir(PathBuf);

impl TemporaryDir {
    fn new() -> anyhow::Result<Self> {
        let mut name = [0; 8];
        SysRng
            .try_fill_bytes(&mut name)
            .context("the system has no random numbers")?;
        let name = format!("isobath-demo-{:016x}", u64::from_le_bytes(name));
        let dir = std::env::temp_dir().join(name);
        std::fs::create_dir(&dir).context("cannot make a temporary directory")?;
        Ok(Self(dir))
    }
}

impl Drop for TemporaryDir {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::warn!(%error, "temporary directory stays");
        }
    }
}
