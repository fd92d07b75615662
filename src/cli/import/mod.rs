//! `isobath import`: rows of files into a namespace, over HTTP.

mod batch;
mod columns;
mod journal;
mod jsonl;
mod plan;
mod send;
mod source;

pub(super) use plan::Plan;

use super::client::{self, Client, ClientError, Request, ServerArgs};
use anyhow::Context as _;
use columns::Naming;
use isobath_storage::{
    Clock, SystemClock,
    model::{Metric, Namespace},
};
use send::Sent;
use serde_json::Value;
use source::Format;
use std::{
    io::{self, Write as _},
    path::PathBuf,
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
    let plan = args.plan();
    let start = clock.monotonic();
    let mut sent = Sent::default();
    for path in &args.files {
        let file = plan.import(&client, path, clock.as_ref()).await;
        sent += file.with_context(|| format!("cannot import {}", path.display()))?;
    }
    report(&args, &sent, clock.monotonic().saturating_sub(start))?;
    if args.wait {
        wait_for_index(&client, &args.namespace, clock.as_ref()).await?;
        let time = clock.monotonic().saturating_sub(start).as_secs_f64();
        writeln!(io::stdout(), "all rows indexed after {time:.1} s")?;
    }
    Ok(())
}

impl Args {
    fn plan(&self) -> Plan {
        Plan {
            namespace: self.namespace.clone(),
            format: self.format,
            naming: Naming {
                id: self.id_column.clone(),
                vectors: self.vector_columns.clone(),
                exclude: self.exclude.clone(),
            },
            metric: self.metric,
            batch_rows: self.batch_rows as usize,
            in_flight: usize::from(self.in_flight),
            journal: self.journal.clone().unwrap_or_else(journal::default_folder),
        }
    }
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
pub(super) async fn wait_for_index(
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
