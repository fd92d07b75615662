//! [`TracesConfig`]: what became of single requests, for OpenTelemetry.

use crate::problems::Problems;
use serde::{Deserialize, Serialize};
use std::{path::PathBuf, time::Duration};

/// `[traces]`: what became of single requests, as OpenTelemetry has it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TracesConfig {
    /// A collector that takes spans as OTLP over HTTP in JSON, say `http://127.0.0.1:4318`; they are sent to
    /// `/v1/traces` below it, with the headers of the variable `OTEL_EXPORTER_OTLP_HEADERS`. Default: none.
    pub endpoint: Option<String>,
    /// A file to which the same is appended, a request a line. It grows until somebody removes it. Default: none.
    pub file: Option<PathBuf>,
    /// The share of requests whose spans are recorded, 0 to 1, and of segments. Where a request comes with a
    /// `traceparent` that says so, it is recorded in any case, or not at all. Default 0.01.
    pub sample: f64,
    /// Spans that may wait to be handed over; more are dropped and counted. Default 8192.
    pub queue: usize,
    /// How long spans are gathered before they are handed over. Default 1 s.
    #[serde(with = "humantime_serde")]
    pub interval: Duration,
}

impl Default for TracesConfig {
    fn default() -> Self {
        Self {
            endpoint: None,
            file: None,
            sample: 0.01,
            queue: 8192,
            interval: Duration::from_secs(1),
        }
    }
}

impl TracesConfig {
    pub(crate) fn check(&self, problems: &mut Problems<'_>) {
        let http = |url: &String| url.starts_with("http://") || url.starts_with("https://");
        problems.need(self.endpoint.as_ref().is_none_or(http), "endpoint", || {
            "is no http:// or https:// address".to_owned()
        });
        problems.range("sample", self.sample, 0.0, 1.0);
        problems.range("queue", self.queue, 1, 1_000_000);
        let (least, most) = (Duration::from_millis(10), Duration::from_mins(1));
        problems.time("interval", self.interval, least, most);
    }
}
