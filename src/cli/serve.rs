//! `isobath serve`: runs a node.

use super::{
    chance,
    cluster::RegionOfCluster,
    settings::{self, SettingsArgs},
};
use crate::telemetry;
use anyhow::Context as _;
use isobath::process::{Process, ProcessParts};
use isobath_config::Config;
use isobath_storage::{Clock, SystemClock};
use std::{io::Write as _, path::PathBuf, sync::Arc};
use tokio::signal::unix::{SignalKind, signal};

/// Runs a node of a region until SIGTERM or SIGINT: it takes writes and answers queries over HTTP.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    settings: SettingsArgs,
    /// The file of the cluster that the region is part of; it says where the region's bucket is. What regions prove
    /// to each other that they belong together stands in the variable `ISOBATH_CLUSTER_KEY`.
    #[arg(long, value_name = "FILE", conflicts_with = "bucket")]
    cluster: Option<PathBuf>,
}

pub(super) async fn run(args: Args) -> anyhow::Result<()> {
    let mut config = args.settings.load()?;
    let mut terminate = signal(SignalKind::terminate()).context("cannot wait for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot wait for SIGINT")?;
    let metrics = telemetry::init_metrics(&config.region)?;
    tokio::spawn(telemetry::tend(metrics.clone(), Arc::new(SystemClock)));
    loop {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let region = args.cluster.as_deref();
        let region = region.map(|file| RegionOfCluster::read(file, &config));
        let mut environment = settings::environment();
        let mut cluster = None;
        if let Some(region) = region.transpose()? {
            config.bucket.clone_from(&region.bucket);
            environment = region.environment;
            cluster = Some(region.parts);
        }
        let process = Process::start(ProcessParts {
            config: config.clone(),
            cluster,
            environment,
            clock,
            seed: chance::fresh_seed()?,
            metrics: Some(metrics.clone()),
        })
        .await?;
        announce(&config, &process);
        // A start anew keeps the address, also where the system chose it.
        config.server.listen = process.address;
        config.sql.listen = process.postgres;
        let ends = tokio::select! {
            _ = terminate.recv() => true,
            _ = interrupt.recv() => true,
            why = process.node.must_restart() => {
                tracing::warn!("{why}: starting anew");
                false
            }
        };
        let stopped = process.stop().await;
        stopped.context("the node did not stop in order")?;
        if ends {
            return Ok(());
        }
    }
}

fn announce(config: &Config, process: &Process) {
    let (region, bucket, url) = (&config.region, &config.bucket, &process.url);
    let said = format!("isobath serves region {region} from {bucket} on {url}\n");
    let said = match process.postgres {
        Some(address) => format!("{said}SQL by PostgreSQL's protocol on {address}\n"),
        None => said,
    };
    let mut out = std::io::stdout();
    // Whoever started the process may not read what it says.
    drop(out.write_all(said.as_bytes()).and_then(|()| out.flush()));
}
