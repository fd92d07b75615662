//! [`StoreConfig`]: how the object store is talked to.

use crate::problems::Problems;
use bytesize::ByteSize;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// `[store]`: how the object store is talked to. Credentials and endpoints come from the cloud's own
/// variables (`AWS_*`, `GOOGLE_*`, `AZURE_*`), never from here.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StoreConfig {
    /// How long a request for data may take. Default 30 s. The log has its own, see
    /// `log.put_timeout`.
    #[serde(with = "humantime_serde")]
    pub timeout: Duration,
    /// How often a request for data is sent before its failure counts. Default 5. Creates of the log
    /// are never repeated by the store.
    pub attempts: u32,
    /// The wait before the second attempt; it doubles from there. Default 100 ms.
    #[serde(with = "humantime_serde")]
    pub retry_wait: Duration,
    /// The longest wait between two attempts. Default 5 s.
    #[serde(with = "humantime_serde")]
    pub retry_wait_max: Duration,
    /// Latency added to every request, for tests and measurements. Default none.
    #[serde(with = "humantime_serde")]
    pub added_latency: Duration,
    /// Free space that a bucket in a local directory keeps: with less, writes get 507 and the node is not ready,
    /// so that folding and deleting can go on. Default 64 MiB.
    pub reserve: ByteSize,
    /// Bytes a second that bodies are slowed down to, for tests and measurements. Default no limit.
    pub bandwidth: Option<ByteSize>,
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(30),
            attempts: 5,
            retry_wait: Duration::from_millis(100),
            retry_wait_max: Duration::from_secs(5),
            added_latency: Duration::ZERO,
            reserve: ByteSize::mib(64),
            bandwidth: None,
        }
    }
}

impl StoreConfig {
    pub(crate) fn check(&self, problems: &mut Problems<'_>) {
        let (ms, hour) = (Duration::from_millis(1), Duration::from_hours(1));
        problems.time("timeout", self.timeout, 100 * ms, hour);
        problems.range("attempts", self.attempts, 1, 100);
        problems.time("retry_wait", self.retry_wait, ms, 60_000 * ms);
        let least = self.retry_wait;
        problems.time("retry_wait_max", self.retry_wait_max, least, hour);
        let latency = self.added_latency;
        problems.time("added_latency", latency, Duration::ZERO, 60_000 * ms);
        let slow = self
            .bandwidth
            .is_none_or(|bandwidth| bandwidth >= ByteSize::kib(1));
        problems.need(slow, "bandwidth", || "less than 1 KiB a second".to_owned());
    }
}
