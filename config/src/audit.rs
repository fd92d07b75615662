//! [`AuditConfig`]: records of who changed what.

use crate::problems::Problems;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// `[audit]`: records of who changed what, as objects under `audit/`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AuditConfig {
    /// Whether every mutation that this process commits is recorded. Default no.
    pub enabled: bool,
    /// The bucket that the records go to: a URL as that of the region's bucket, best of one whose objects nobody can
    /// delete before their time. Default: the region's own.
    pub bucket: Option<String>,
    /// How long records are gathered for one object. Default 2 s. What is not stored is lost when the process is
    /// killed; shorter costs more requests.
    #[serde(with = "humantime_serde")]
    pub interval: Duration,
    /// Records that may wait to be stored. Default 16,384, some MiB. Raise it where the store is away for longer.
    pub queue: usize,
    /// How long a write that is committed waits for its record to fit into the queue; then the record is dropped, which
    /// is counted and recorded. Default 100 ms.
    #[serde(with = "humantime_serde")]
    pub wait: Duration,
}

impl Default for AuditConfig {
    fn default() -> Self {
        Self {
            enabled: false,
            bucket: None,
            interval: Duration::from_secs(2),
            queue: 16_384,
            wait: Duration::from_millis(100),
        }
    }
}

impl AuditConfig {
    pub(crate) fn check(&self, problems: &mut Problems<'_>) {
        let given = self
            .bucket
            .as_ref()
            .is_none_or(|url| !url.trim().is_empty());
        problems.need(given, "bucket", || "is empty".to_owned());
        let (least, most) = (Duration::from_millis(10), Duration::from_mins(5));
        problems.time("interval", self.interval, least, most);
        problems.range("queue", self.queue, 1, 1_000_000);
        let most = Duration::from_secs(10);
        problems.time("wait", self.wait, Duration::ZERO, most);
    }
}
