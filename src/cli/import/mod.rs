//! `isobath import`: rows of files into a namespace, over HTTP.

mod batch;
mod columns;
mod journal;
mod jsonl;
mod send;
mod source;

use super::{
    client::{self, Client, ClientError, Request, ServerArgs},
    failure::Usage,
};
use anyhow::Context as _;
use batch::WriteShape;
use columns::Naming;
use indicatif::{ProgressBar, ProgressStyle};
use isobath_storage::{
    Clock, SystemClock,
    model::{Metric, Namespace},
};
use journal::{Identity, Journal};
use send::Sent;
use serde_json::Value;
use source::{Format, Source};
use std::{
    collections::BTreeMap,
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

/// Writes the rows of Parquet, Arrow IPC or JSON Lines files into a namespace.
///
/// An interrupted import goes on where it was when the same command is given again.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The namespace; it is created if it does not exist.
    namespace: Namespace,
    /// The files, in order.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    server: ServerArgs,
    /// The files' format; told by their first bytes when not given.
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// The column with the ids.
    #[arg(long, default_value = "id")]
    id_column: String,
    /// A column that is a vector though its type does not say so; fixed-size lists of floats, lists
    /// of 16- and 32-bit floats and `vector` are taken for one anyway.
    #[arg(long = "vector-column", value_name = "COLUMN")]
    vector_columns: Vec<String>,
    /// A column to leave out.
    #[arg(long, value_name = "COLUMN")]
    exclude: Vec<String>,
    /// The distance metric of vectors that are new to the namespace: `cosine_distance`,
    /// `euclidean_squared` or `dot_product`.
    #[arg(long, default_value = "cosine_distance")]
    metric: Metric,
    /// Rows a request.
    #[arg(long, default_value_t = 5_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    batch_rows: u32,
    /// Requests that are sent at a time.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=64))]
    in_flight: u8,
    /// Where it is noted which rows have arrived. Default: the user's cache folder.
    #[arg(long, value_name = "DIR")]
    journal: Option<PathBuf>,
    /// Waits until all rows are indexed.
    #[arg(long)]
    wait: bool,
}

/// Runs the command.
pub(super) async fn run(args: Args) -> anyhow::Result<()> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let client = args.server.client(Arc::clone(&clock))?;
    let shape = shape(&client, &args).await?;
    let start = clock.monotonic();
    let mut sent = Sent::default();
    for path in &args.files {
        let file = import(&client, &args, &shape, path, clock.as_ref()).await;
        sent += file.with_context(|| format!("cannot import {}", path.display()))?;
    }
    report(&args, &sent, clock.monotonic().saturating_sub(start))?;
    if args.wait {
        wait_for_index(&client, &args.namespace, clock.as_ref()).await?;
        let time = clock.monotonic().saturating_sub(start);
        writeln!(
            io::stdout(),
            "all rows indexed after {:.1} s",
            time.as_secs_f64()
        )?;
    }
    Ok(())
}

/// What the namespace knows already, which the requests then need not say.
async fn shape(client: &Client, args: &Args) -> anyhow::Result<WriteShape> {
    let path = format!(
        "/v1/namespaces/{}/schema",
        client::segment(args.namespace.as_str())
    );
    let schema: BTreeMap<String, Value> = match client.send(&Request::get(path)).await {
        Ok(schema) => schema,
        Err(error) if error.is_not_found() => BTreeMap::new(),
        Err(error) => return Err(error.into()),
    };
    let kind = |value: &Value| {
        value
            .get("type")
            .unwrap_or(value)
            .as_str()
            .map(str::to_owned)
    };
    let vectors = schema.values().filter_map(kind).any(|kind| {
        let dims = kind.trim_start_matches('[');
        dims.starts_with(|c: char| c.is_ascii_digit())
    });
    Ok(WriteShape {
        known: schema.into_keys().collect(),
        metric: (!vectors).then_some(args.metric),
    })
}

/// Imports one file.
async fn import(
    client: &Client,
    args: &Args,
    shape: &WriteShape,
    path: &Path,
    clock: &dyn Clock,
) -> anyhow::Result<Sent> {
    let batch_rows = args.batch_rows as usize;
    let source = Source::open(path, args.format, batch_rows)?;
    let naming = Naming {
        id: args.id_column.clone(),
        vectors: args.vector_columns.clone(),
        exclude: args.exclude.clone(),
    };
    check_names(&naming, source.names.as_deref())?;
    let identity = Identity {
        url: args.server.url().to_string(),
        namespace: args.namespace.to_string(),
        file: journal::fingerprint(path)?,
        batch_rows,
        columns: columns_key(&naming),
    };
    let folder = args.journal.clone().unwrap_or_else(journal::default_folder);
    let journal = Journal::open(&folder, &identity, clock)
        .with_context(|| format!("cannot open the journal in {}", folder.display()))?;
    let bar = progress(path, source.rows);
    bar.set_position(journal.rows());
    let task = send::Task {
        client: client.clone(),
        path: format!(
            "/v2/namespaces/{}",
            client::segment(args.namespace.as_str())
        ),
        shape: shape.clone(),
        naming,
        in_flight: usize::from(args.in_flight),
        bar: bar.clone(),
    };
    let sent = task.run(source, journal).await;
    bar.finish_and_clear();
    sent
}

/// Refuses column names that a file does not have.
fn check_names(naming: &Naming, names: Option<&[String]>) -> Result<(), Usage> {
    let Some(names) = names else {
        return Ok(());
    };
    let asked = naming
        .vectors
        .iter()
        .chain(&naming.exclude)
        .chain([&naming.id]);
    for name in asked {
        if !names.contains(name) {
            let has = names.join(", ");
            return Err(Usage(format!(
                "there is no column `{name}`; the file has {has}"
            )));
        }
    }
    Ok(())
}

/// The columns' use as a list that tells one import from another.
fn columns_key(naming: &Naming) -> Vec<String> {
    let vectors = naming.vectors.iter().map(|name| format!("vector {name}"));
    let excluded = naming.exclude.iter().map(|name| format!("exclude {name}"));
    let id = format!("id {}", naming.id);
    vectors.chain(excluded).chain([id]).collect()
}

/// A progress bar on stderr; hidden where that is no terminal.
fn progress(path: &Path, rows: Option<u64>) -> ProgressBar {
    let name = path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let (bar, template) = match rows {
        Some(rows) => (
            ProgressBar::new(rows),
            "{msg} {wide_bar} {human_pos} of {human_len} rows, {per_sec}, {eta} left",
        ),
        None => (
            ProgressBar::new_spinner(),
            "{msg} {spinner} {human_pos} rows, {per_sec}",
        ),
    };
    let style = ProgressStyle::with_template(template);
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        .with_message(name)
}

/// Says what was done.
fn report(args: &Args, sent: &Sent, time: Duration) -> io::Result<()> {
    let seconds = time.as_secs_f64().max(0.001);
    #[expect(clippy::cast_precision_loss, reason = "for people")]
    let rate = sent.rows as f64 / seconds;
    let earlier = match sent.earlier {
        0 => String::new(),
        rows => format!(", after {rows} that had arrived before"),
    };
    writeln!(
        io::stdout(),
        "imported {} rows into {} in {seconds:.1} s ({rate:.0} rows/s, {} in {} requests){earlier}",
        sent.rows,
        args.namespace,
        indicatif::HumanBytes(sent.bytes),
        sent.requests,
    )
}

/// Waits until the namespace's index is up to date.
async fn wait_for_index(
    client: &Client,
    namespace: &Namespace,
    clock: &dyn Clock,
) -> Result<(), ClientError> {
    let path = format!(
        "/v2/namespaces/{}/metadata",
        client::segment(namespace.as_str())
    );
    loop {
        let metadata: Value = client.send(&Request::get(path.clone())).await?;
        if metadata["index"]["status"] == "up-to-date" {
            return Ok(());
        }
        clock.sleep(Duration::from_millis(200)).await;
    }
}
