//! `isobath bench`: how fast writes and searches are on this machine, and how exact.

mod canned;
mod check;
mod data;
mod latency;
mod report;
mod search;
mod steps;
mod system;
mod text;
mod writes;

use super::{
    chance,
    client::Client,
    import::{self, Plan},
    settings::{self, SettingsArgs},
};
use anyhow::Context as _;
use data::Data;
use isobath::process::{Process, ProcessParts};
use isobath_config::Config;
use isobath_storage::{Clock as _, SystemClock};
use report::{Ingest, Report, Written};
use reqwest::Url;
use std::{
    fs::File,
    io::{self, Write as _},
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

/// The namespace of the searches.
const NAMESPACE: &str = "bench";

/// Measures writes and searches in one run, on a node of its own.
///
/// Without files it takes the 2,000 sample rows, too few for numbers that mean something.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    settings: SettingsArgs,
    /// The rows: a Parquet, Arrow or JSON Lines file with `id` and `vector`.
    #[arg(long, value_name = "FILE", requires = "queries", requires = "truth")]
    base: Option<PathBuf>,
    /// Query vectors: an fbin file.
    #[arg(long, value_name = "FILE")]
    queries: Option<PathBuf>,
    /// Their exact answers: an ibin file.
    #[arg(long, value_name = "FILE")]
    truth: Option<PathBuf>,
    /// A filter as the API writes it, with its own exact answers; may be given several times.
    #[arg(long, num_args = 3, value_names = ["NAME", "FILTER", "FILE"])]
    filtered: Vec<String>,
    /// Clients at a time, comma-separated.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 8])]
    clients: Vec<usize>,
    /// Recalls at which searches are measured, comma-separated.
    #[arg(long, value_delimiter = ',', default_values_t = [0.95, 0.99])]
    recall: Vec<f64>,
    /// Seconds of each measurement.
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
    /// Where bucket and cache are made where no bucket is given. Default: a temporary directory.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Only searches what an earlier run left in `--dir`.
    #[arg(long, requires = "dir", conflicts_with = "check")]
    reuse: bool,
    /// Measures nothing, but answers every query and every write at this address alike, for measurements
    /// with other clients.
    #[arg(long, value_name = "ADDR", hide = true)]
    canned: Option<SocketAddr>,
    /// Also writes the figures as JSON; `-` is standard output.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Compares with the targets and fails where one is missed.
    #[arg(long)]
    check: bool,
}

/// Runs the command.
pub(super) async fn run(args: Args) -> anyhow::Result<()> {
    if let Some(address) = args.canned {
        return canned::serve(address).await;
    }
    let temporary = tempfile::tempdir().context("cannot make a temporary directory")?;
    let dir = args.dir.as_deref().unwrap_or(temporary.path());
    std::fs::create_dir_all(dir)?;
    let data = Data::load(&args, dir)?;
    let config = config(&args, dir)?;
    let report = measure(&args, &data, &config, dir).await?;
    writeln!(io::stdout(), "{report}")?;
    if let Some(path) = &args.json {
        let text = serde_json::to_string_pretty(&report)?;
        match path.to_str() {
            Some("-") => writeln!(io::stdout(), "{text}")?,
            _ => writeln!(File::create(path)?, "{text}")?,
        }
    }
    if args.check {
        return check::run(&report);
    }
    Ok(())
}

/// The settings: a fresh bucket in `dir` where none is named.
fn config(args: &Args, dir: &Path) -> anyhow::Result<Config> {
    let mut settings = args.settings.clone();
    let path = |name: &str| dir.join(name).to_string_lossy().into_owned();
    settings.bucket.get_or_insert_with(|| path("bucket"));
    settings.cache.get_or_insert_with(|| path("cache"));
    settings
        .listen
        .get_or_insert_with(|| "127.0.0.1:0".to_owned());
    Ok(settings.load()?)
}

async fn measure(args: &Args, data: &Data, config: &Config, dir: &Path) -> anyhow::Result<Report> {
    let time = Duration::try_from_secs_f64(args.seconds).context("--seconds")?;
    let (process, client, written) = if args.reuse {
        let process = start(config.clone()).await?;
        let client = client(&process)?;
        import::wait_for_index(&client, &NAMESPACE.parse()?, &SystemClock).await?;
        (process, client, None)
    } else {
        let file_create = writes::file_create(dir)?;
        let writers = writes::concurrent_writers(config, dir, time).await?;
        let process = start(config.clone()).await?;
        let client = client(&process)?;
        let written = Written {
            file_create,
            writers,
            single_row_ack: writes::acks(&client, 1, 300).await?,
            thousand_row_ack: writes::acks(&client, 1_000, 20).await?,
            ingest: ingest(&client, data, config, dir).await?,
        };
        (process, client, Some(written))
    };
    let searches = search::all(args, data, &process, &client, time).await?;
    let baselines = search::baselines(args, data, &client, time).await?;
    let steps = steps::all(data, &process).await?;
    let texts = text::measure(&client, time).await?;
    let rss = system::memory();
    process.stop().await?;
    Ok(Report {
        written,
        searches,
        baselines,
        steps,
        texts,
        memory: rss,
    })
}

/// Starts a node.
async fn start(config: Config) -> anyhow::Result<Process> {
    let parts = ProcessParts {
        config,
        cluster: None,
        environment: settings::environment(),
        clock: Arc::new(SystemClock),
        seed: chance::fresh_seed()?,
        metrics: None,
    };
    Process::start(parts).await.context("cannot start a node")
}

/// A client of a node.
fn client(process: &Process) -> anyhow::Result<Client> {
    let url = Url::parse(&format!("http://{}", process.address))?;
    Client::new(&url, Duration::from_secs(30), Arc::new(SystemClock))
}

/// Imports the rows and waits until they are indexed.
async fn ingest(
    client: &Client,
    data: &Data,
    config: &Config,
    dir: &Path,
) -> anyhow::Result<Ingest> {
    let start = SystemClock.monotonic();
    let plan = Plan::usual(NAMESPACE.parse()?, dir.to_owned());
    let sent = plan.import(client, &data.base, &SystemClock).await?;
    let loaded = SystemClock.monotonic().saturating_sub(start);
    import::wait_for_index(client, &plan.namespace, &SystemClock).await?;
    // The pause after which the parts are merged to one, and then the merge.
    SystemClock
        .sleep(config.fold.pause + config.fold.interval)
        .await;
    import::wait_for_index(client, &plan.namespace, &SystemClock).await?;
    let indexed = SystemClock.monotonic().saturating_sub(start);
    Ok(Ingest {
        rows: sent.rows,
        seconds: loaded.as_secs_f64(),
        indexed_seconds: indexed.as_secs_f64(),
        bucket_bytes: system::directory_bytes(Path::new(&config.bucket)),
        cache_bytes: system::directory_bytes(&config.cache_dir),
    })
}
