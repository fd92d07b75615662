//! Logs on stderr, and metrics.

use anyhow::Context as _;
use isobath_storage::Clock;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use std::{
    io::{self, IsTerminal as _},
    sync::Arc,
    time::Duration,
};
use tracing_subscriber::{EnvFilter, fmt, util::SubscriberInitExt as _};

/// Between two times at which histograms are summed up.
const UPKEEP: Duration = Duration::from_secs(5);

/// The upper bounds of the buckets of histograms, by the ends of their names: so those of several nodes can be added.
const BOUNDS: &[(&str, &[f64])] = &[
    (
        "_seconds",
        &[
            0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0,
            30.0, 60.0, 300.0, 1800.0,
        ],
    ),
    (
        "_bytes",
        &[
            1e3, 4e3, 1.6e4, 6.4e4, 2.56e5, 1e6, 4e6, 1.6e7, 6.4e7, 2.56e8,
        ],
    ),
    ("_ops", &[1.0, 10.0, 100.0, 1e3, 1e4, 1e5, 1e6]),
];

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

/// Records metrics of a node of `region` from here on; the handle renders them for `/metrics`.
pub(crate) fn init_metrics(region: &str) -> anyhow::Result<PrometheusHandle> {
    let failed = "cannot set up metrics";
    let mut recorder = PrometheusBuilder::new().add_global_label("region", region);
    for (suffix, bounds) in BOUNDS {
        let named = Matcher::Suffix((*suffix).to_owned());
        recorder = recorder
            .set_buckets_for_metric(named, bounds)
            .context(failed)?;
    }
    let handle = recorder.install_recorder().context(failed)?;
    isobath_storage::metrics::describe();
    isobath_storage::audit::describe();
    isobath_storage::trace::describe();
    isobath_storage::log::metrics::describe();
    isobath_storage::replicate::metrics::describe();
    isobath_compactor::metrics::describe();
    isobath_query::metrics::describe();
    isobath::server::metrics::describe();
    isobath::node::describe_metrics();
    Ok(handle)
}

/// Sums up what histograms have gathered, for ever: they keep every single value until then.
pub(crate) async fn tend(metrics: PrometheusHandle, clock: Arc<dyn Clock>) {
    loop {
        clock.sleep(UPKEEP).await;
        metrics.run_upkeep();
    }
}
