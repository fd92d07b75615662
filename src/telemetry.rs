//! Logs on stderr.

use anyhow::Context as _;
use isobath_storage::Clock;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use std::{
    io::{self, IsTerminal as _},
    sync::Arc,
    time::Duration,
};
use tracing_subscriber::{EnvFilter, fmt, util::SubscriberInitExt as _};

/// Between two times at which histograms are summed up.
const UPKEEP: Duration = Duration::from_secs(5);

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Sends events that pass `filter` (`info`, `isobath_storage=debug,warn`) to stderr.
pub(crate) fn init_logs(filter: &str, format: LogFormat) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(filter).context("cannot understand the log filter")?;
    let lines = fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal());
    let set = match format {
        LogFormat::Text => lines.finish().try_init(),
        LogFormat::Json => lines.json().finish().try_init(),
    };
    set.context("cannot set up logs")
}

/// Records metrics from here on; the handle renders them for `/metrics`.
pub(crate) fn init_metrics() -> anyhow::Result<PrometheusHandle> {
    let recorder = PrometheusBuilder::new();
    recorder.install_recorder().context("cannot set up metrics")
}

/// Sums up what histograms have gathered, for ever: they keep every single value until then.
pub(crate) async fn tend(metrics: PrometheusHandle, clock: Arc<dyn Clock>) {
    loop {
        clock.sleep(UPKEEP).await;
        metrics.run_upkeep();
    }
}
