//! `isobath serve`: runs a node.

use super::{
    chance,
    settings::{self, SettingsArgs},
};
use crate::telemetry;
use anyhow::Context as _;
use isobath::process::{Process, ProcessParts};
use isobath_storage::{Clock, SystemClock};
use std::{io::Write as _, sync::Arc};
use tokio::signal::unix::{SignalKind, signal};

/// Runs a node of a region until SIGTERM or SIGINT: it takes writes and answers queries over HTTP.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    settings: SettingsArgs,
}

pub(super) async fn run(args: Args) -> anyhow::Result<()> {
    let config = args.settings.load()?;
    let mut terminate = signal(SignalKind::terminate()).context("cannot wait for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot wait for SIGINT")?;
    let (region, bucket) = (config.region.clone(), config.bucket.clone());
    let seed = chance::fresh_seed()?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let process = Process::start(ProcessParts {
        config,
        environment: settings::environment(),
        clock,
        seed,
        metrics: Some(telemetry::init_metrics()?),
    })
    .await?;
    let mut out = std::io::stdout();
    let said = format!(
        "isobath serves region {region} from {bucket} on {}\n",
        process.url
    );
    // Whoever started the process may not read what it says.
    drop(out.write_all(said.as_bytes()).and_then(|()| out.flush()));
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    process
        .stop()
        .await
        .context("the node did not stop in order")
}
