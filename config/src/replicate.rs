//! [`ReplicateConfig`]: how the logs of other regions are copied.

use crate::problems::Problems;
use bytesize::ByteSize;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// `[replicate]`: how the logs of other regions come into the region's bucket, and how its own is announced to them.
/// How often they are looked at while nobody announces anything is `log.tail_interval`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReplicateConfig {
    /// Segments up to this size are sent to the other regions as soon as they are committed; of larger ones only that
    /// they are there. Default 256 KiB.
    pub hint_bytes: ByteSize,
    /// How long a copy may be missing while later ones are there, before it is fetched from its origin. Default 2 s.
    #[serde(with = "humantime_serde")]
    pub gap_timeout: Duration,
    /// How often all copies are compared with what was copied, and those that are missing are copied again. Default
    /// 10 min.
    #[serde(with = "humantime_serde")]
    pub sweep: Duration,
    /// How often the bucket says at most what it holds; what other regions delete of their logs waits for it. Default
    /// 1 min.
    #[serde(with = "humantime_serde")]
    pub ack_interval: Duration,
    /// How often the other regions are asked whether they live and up to where their logs go. Default 500 ms; after
    /// three misses a region counts as down.
    #[serde(with = "humantime_serde")]
    pub ping_interval: Duration,
}

impl Default for ReplicateConfig {
    fn default() -> Self {
        Self {
            hint_bytes: ByteSize::kib(256),
            gap_timeout: Duration::from_secs(2),
            sweep: Duration::from_mins(10),
            ack_interval: Duration::from_mins(1),
            ping_interval: Duration::from_millis(500),
        }
    }
}

impl ReplicateConfig {
    pub(crate) fn check(&self, problems: &mut Problems<'_>) {
        let (ms, hour) = (Duration::from_millis(1), Duration::from_hours(1));
        let most = ByteSize::mib(1);
        problems.range("hint_bytes", self.hint_bytes, ByteSize::b(0), most);
        problems.time("gap_timeout", self.gap_timeout, 10 * ms, hour);
        problems.time("sweep", self.sweep, 100 * ms, 24 * hour);
        problems.time("ack_interval", self.ack_interval, 100 * ms, hour);
        problems.time("ping_interval", self.ping_interval, 10 * ms, 60_000 * ms);
    }
}
