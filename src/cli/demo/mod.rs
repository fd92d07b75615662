//! `isobath demo`: the whole path on sample data, from a write to a search, in one process.

mod ask;
pub(crate) mod sample;
mod update;

use super::{
    chance,
    client::{Client, Request},
    ground_truth::{Truth, Vectors},
    import::Plan,
};
use anyhow::{Context as _, ensure};
use ask::{Asked, Question};
use comfy_table::{CellAlignment, ContentArrangement, Table, presets::UTF8_FULL_CONDENSED};
use isobath::process::{Process, ProcessParts};
use isobath_config::Config;
use isobath_storage::{Clock, SystemClock};
use reqwest::Url;
use serde_json::json;
use std::{
    fs,
    io::{self, Write as _},
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

/// The namespace of the demo.
const NAMESPACE: &str = "wordnet";

/// The recall below which the demo fails.
const LEAST_RECALL: f64 = 0.99;

/// The longest wait for the graph.
const INDEX_WAIT: Duration = Duration::from_mins(3);

/// Loads sample data into a bucket of its own, searches it, and says how well.
///
/// 2,000 dictionary entries with their embeddings are written over HTTP and searched for 200 definitions: plainly, with a filter, and after an update; each is compared with the exact answer.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Keeps the bucket in this directory; without it everything is removed at the end.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// Runs the command.
pub(super) async fn run(args: Args) -> anyhow::Result<()> {
    let temporary = tempfile::tempdir().context("cannot make a temporary directory")?;
    let dir = args.dir.as_deref().unwrap_or(temporary.path());
    let process = start(dir).await?;
    let url = Url::parse(&format!("http://{}", process.address))?;
    let client = Client::new(&url, Duration::from_secs(10), Arc::new(SystemClock))?;
    let shown = show(&client, dir).await;
    let stopped = process.stop().await;
    shown?;
    stopped?;
    if args.dir.is_some() {
        let (dir, region) = (dir.display(), Config::default().region);
        writeln!(
            io::stdout(),
            "\nThe bucket stays: isobath serve --region {region} --bucket {dir}/bucket --cache {dir}/cache"
        )?;
    }
    Ok(())
}

/// Starts a node on a bucket in `dir` that builds a graph however few rows there are.
async fn start(dir: &Path) -> anyhow::Result<Process> {
    let mut config = Config {
        bucket: dir.join("bucket").to_string_lossy().into_owned(),
        cache_dir: dir.join("cache"),
        ..Config::default()
    };
    config.server.listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    config.fold.interval = Duration::from_millis(100);
    // The sample becomes a part at once; the update stays in the delta while it is searched.
    config.fold.min_rows = 1_000;
    config.fold.pause = Duration::from_mins(10);
    config.index.min_rows_for_graph = 1;
    config.index.recall_target = 0.995;
    let parts = ProcessParts {
        config,
        cluster: None,
        environment: Vec::new(),
        clock: Arc::new(SystemClock),
        seed: chance::fresh_seed()?,
        metrics: None,
    };
    Process::start(parts).await.context("cannot start a node")
}

/// Loads, searches, updates, searches, and prints what came out.
async fn show(client: &Client, dir: &Path) -> anyhow::Result<()> {
    let mut out = io::stdout();
    let rows = sample::rows()?;
    let queries = Vectors::from_fbin(sample::QUERIES)?;
    let start = SystemClock.monotonic();
    let file = dir.join("sample.parquet");
    fs::write(&file, sample::ROWS)?;
    let plan = Plan::usual(NAMESPACE.parse()?, dir.to_owned());
    let sent = plan.import(client, &file, &SystemClock).await?;
    let loaded = SystemClock.monotonic().saturating_sub(start);
    writeln!(
        out,
        "wrote {} rows of 384 dimensions in {loaded:.2?}",
        sent.rows
    )?;
    wait_for_graph(client, &queries).await?;
    let indexed = SystemClock.monotonic().saturating_sub(start);
    writeln!(out, "searched by graph from {indexed:.2?} on\n")?;
    print_example(client, &rows).await?;

    let mut asked = Vec::new();
    let all = Question::new("plain", &queries, Truth::from_ibin(sample::TRUTH)?);
    asked.push(all.ask(client).await?);
    let verbs = Question {
        filter: Some(json!(["pos", "Eq", "v"])),
        ..Question::new(
            "only verbs",
            &queries,
            Truth::from_ibin(sample::TRUTH_VERBS)?,
        )
    };
    asked.push(verbs.ask(client).await?);
    let truth = update::apply(client, &rows, &queries, &all.truth).await?;
    asked.push(
        Question::new("after an update", &queries, truth)
            .ask(client)
            .await?,
    );
    writeln!(out, "{}", table(&asked))?;
    writeln!(
        out,
        "The update deleted {0} rows and wrote {0} others.",
        update::ROWS
    )?;
    let lowest = asked.iter().map(|asked| asked.recall).fold(1.0, f64::min);
    ensure!(
        lowest >= LEAST_RECALL,
        "recall@10 is {lowest:.4}, less than {LEAST_RECALL}"
    );
    Ok(())
}

/// Waits until a search takes the graph.
async fn wait_for_graph(client: &Client, queries: &Vectors) -> anyhow::Result<()> {
    let query = queries.rows().next().context("no queries")?;
    let start = SystemClock.monotonic();
    loop {
        let answer = ask::search(client, query, None, false).await?;
        if answer.performance.path == "graph" {
            return Ok(());
        }
        let waited = SystemClock.monotonic().saturating_sub(start);
        ensure!(waited < INDEX_WAIT, "no graph after {waited:.0?}");
        SystemClock.sleep(Duration::from_millis(50)).await;
    }
}

/// Prints the neighbours of one row, by their texts.
async fn print_example(client: &Client, rows: &sample::Rows) -> anyhow::Result<()> {
    let mut out = io::stdout();
    let vector = rows.vectors.rows().next().context("no rows")?;
    let text = rows.texts.first().map_or("", String::as_str);
    writeln!(out, "Nearest to “{text}”:")?;
    let answer = ask::search(client, vector, None, true).await?;
    for row in answer.rows.iter().skip(1).take(4) {
        let text = row.text.as_deref().unwrap_or_default();
        writeln!(out, "  {:.3}  {text}", row.distance)?;
    }
    Ok(writeln!(out)?)
}

fn table(asked: &[Asked]) -> Table {
    let mut table = Table::new();
    table
        .load_preset(UTF8_FULL_CONDENSED)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header([
            "200 queries",
            "recall@10",
            "path taken",
            "rows scanned, mean",
            "median time",
        ]);
    for asked in asked {
        table.add_row([
            asked.name.to_owned(),
            format!("{:.4}", asked.recall),
            asked.paths.clone(),
            asked.rows_scanned.to_string(),
            format!("{:.2} ms", asked.median.as_secs_f64() * 1_000.0),
        ]);
    }
    for column in [1, 3, 4] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// The path of queries.
fn query_path() -> String {
    format!("/v2/namespaces/{NAMESPACE}/query")
}

/// A write.
fn write(body: &serde_json::Value) -> Request {
    Request::post(format!("/v2/namespaces/{NAMESPACE}"), body.to_string())
}
