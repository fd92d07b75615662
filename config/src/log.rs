//! [`LogConfig`]: how segments are written, followed and taken over.

use crate::problems::Problems;
use bytesize::ByteSize;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// `[log]`: how segments are written, followed and taken over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogConfig {
    /// Slots that may be in flight, counted from the oldest unresolved one. Default 8. It stands in
    /// the claim, so that a successor fences as many.
    pub window: u32,
    /// A batch is closed at this size, bytes. Default 8 MiB. One larger request is a batch of its own.
    pub max_batch_bytes: ByteSize,
    /// The least time between two segments while requests keep coming. Default: none on a local
    /// directory and in memory; 100 ms, growing to 1 s at a low rate, on stores that charge by request.
    #[serde(with = "humantime_serde::option")]
    pub min_put_interval: Option<Duration>,
    /// Whether the floor is read after every create, before the ack. Default true. False saves a
    /// request per commit and trusts the machine's clock to count through suspension.
    pub strict_floor_check: bool,
    /// The time a create may take, plus 1 s per 10 MB. Default 5 s.
    #[serde(with = "humantime_serde")]
    pub put_timeout: Duration,
    /// How often an idle log that was written in the last hour gets a heartbeat. Default 10 s.
    #[serde(with = "humantime_serde")]
    pub heartbeat: Duration,
    /// The same for a log that was not. Default 5 min.
    #[serde(with = "humantime_serde")]
    pub heartbeat_idle: Duration,
    /// How often a follower asks for the next segment while there were some lately. Default 250 ms.
    /// This bounds how stale an eventual read is on a process that does not own the log.
    #[serde(with = "humantime_serde")]
    pub tail_interval: Duration,
    /// The same for a log where nothing happens. Default 15 s.
    #[serde(with = "humantime_serde")]
    pub tail_interval_idle: Duration,
    /// How often the owner is pinged by those that would take over. Default 500 ms.
    #[serde(with = "humantime_serde")]
    pub ping_interval: Duration,
    /// Pings in a row without an answer after which the owner counts as gone. Default 3.
    pub ping_misses: u32,
    /// How long the log must also have been without a new segment. Default 1.5 s.
    #[serde(with = "humantime_serde")]
    pub takeover_quiet: Duration,
    /// The most of the random wait before a claim, so that two do not claim at once. Default 500 ms.
    #[serde(with = "humantime_serde")]
    pub takeover_jitter: Duration,
    /// Requests that may wait for a segment; more get 429. Default 4,096.
    pub queue_requests: usize,
    /// Bytes that may wait for a segment; more get 429. Default 256 MiB.
    pub queue_bytes: ByteSize,
    /// For how long a repeated write is recognised. Default 15 min.
    #[serde(with = "humantime_serde")]
    pub idempotency_window: Duration,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self {
            window: 8,
            max_batch_bytes: ByteSize::mib(8),
            min_put_interval: None,
            strict_floor_check: true,
            put_timeout: Duration::from_secs(5),
            heartbeat: Duration::from_secs(10),
            heartbeat_idle: Duration::from_mins(5),
            tail_interval: Duration::from_millis(250),
            tail_interval_idle: Duration::from_secs(15),
            ping_interval: Duration::from_millis(500),
            ping_misses: 3,
            takeover_quiet: Duration::from_millis(1_500),
            takeover_jitter: Duration::from_millis(500),
            queue_requests: 4_096,
            queue_bytes: ByteSize::mib(256),
            idempotency_window: Duration::from_mins(15),
        }
    }
}

impl LogConfig {
    pub(crate) fn check(&self, problems: &mut Problems<'_>) {
        let (ms, hour) = (Duration::from_millis(1), Duration::from_hours(1));
        problems.range("window", self.window, 1, 64);
        problems.range(
            "max_batch_bytes",
            self.max_batch_bytes,
            ByteSize::kib(64),
            ByteSize::mib(512),
        );
        let interval = self.min_put_interval.unwrap_or_default();
        problems.time("min_put_interval", interval, Duration::ZERO, 60_000 * ms);
        problems.time("put_timeout", self.put_timeout, 100 * ms, hour);
        problems.time("heartbeat", self.heartbeat, 100 * ms, hour);
        let least = self.heartbeat;
        problems.time("heartbeat_idle", self.heartbeat_idle, least, 24 * hour);
        problems.time("tail_interval", self.tail_interval, ms, 60_000 * ms);
        let least = self.tail_interval;
        problems.time("tail_interval_idle", self.tail_interval_idle, least, hour);
        problems.time("ping_interval", self.ping_interval, 10 * ms, 60_000 * ms);
        problems.range("ping_misses", self.ping_misses, 1, 1_000);
        problems.time("takeover_quiet", self.takeover_quiet, Duration::ZERO, hour);
        let jitter = self.takeover_jitter;
        problems.time("takeover_jitter", jitter, Duration::ZERO, hour);
        problems.range("queue_requests", self.queue_requests, 1, 1 << 20);
        problems.range(
            "queue_bytes",
            self.queue_bytes,
            self.max_batch_bytes,
            ByteSize::gib(64),
        );
        let kept = self.idempotency_window;
        problems.time("idempotency_window", kept, Duration::ZERO, 24 * hour);
    }
}
