//! [`FoldConfig`]: when the log becomes parts, and parts become fewer.

use crate::problems::Problems;
use bytesize::ByteSize;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// `[fold]`: when the log becomes parts, and parts become fewer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FoldConfig {
    /// How often the delta of each namespace is looked at. Default 1 s.
    #[serde(with = "humantime_serde")]
    pub interval: Duration,
    /// A delta of so many rows is folded into a part at once. Default 20,000: below, scanning it is
    /// cheaper than an index of its own.
    pub min_rows: u64,
    /// A delta of so many bytes is folded into a part at once. Default 64 MiB.
    pub min_bytes: ByteSize,
    /// After so long without a write a namespace's delta is folded and its parts are merged, to one
    /// where `max_part_rows` allows. Default 10 s.
    #[serde(with = "humantime_serde")]
    pub pause: Duration,
    /// A namespace gets parts of its own when so many bytes of it wait to be folded; until then its mutations lie
    /// in runs with those of other namespaces. Default 1 MiB: smaller ones would each cost requests of their own.
    pub min_part_bytes: ByteSize,
    /// How often what was written is noted in a checkpoint, if anything was: so much of the log a node reads at
    /// most when it starts. Default 60 s.
    #[serde(with = "humantime_serde")]
    pub checkpoint_interval: Duration,
    /// After so many bytes of writes a checkpoint is made at once. Default 64 MiB.
    pub checkpoint_bytes: ByteSize,
    /// While so many bytes of all namespaces wait to be folded, a node that compacts folds the largest of them
    /// whatever their size, and reads no further in a log that another node owns. Default 512 MiB: with what a fold
    /// itself takes it bounds the memory of a compactor, however long the log. A node without the role `query`, for
    /// which nobody waits, takes a quarter of it.
    pub max_backlog: ByteSize,
    /// A namespace whose delta holds more bytes takes no writes until it is folded: they get 429, unless
    /// they say `disable_backpressure`. Default 2 GiB. The delta lies in memory: lower it where that is
    /// scarce.
    pub max_unfolded: ByteSize,
    /// The most rows of a part, and of its index. Default 10,000,000.
    pub max_part_rows: u64,
}

impl Default for FoldConfig {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(1),
            min_rows: 20_000,
            min_bytes: ByteSize::mib(64),
            pause: Duration::from_secs(10),
            min_part_bytes: ByteSize::mib(1),
            checkpoint_interval: Duration::from_mins(1),
            checkpoint_bytes: ByteSize::mib(64),
            max_backlog: ByteSize::mib(512),
            max_unfolded: ByteSize::gib(2),
            max_part_rows: 10_000_000,
        }
    }
}

impl FoldConfig {
    pub(crate) fn check(&self, problems: &mut Problems<'_>) {
        let (ms, hour) = (Duration::from_millis(1), Duration::from_hours(1));
        problems.time("interval", self.interval, ms, hour);
        problems.range("min_rows", self.min_rows, 1, 1 << 30);
        problems.range(
            "min_bytes",
            self.min_bytes,
            ByteSize::b(1),
            ByteSize::gib(64),
        );
        problems.range(
            "max_unfolded",
            self.max_unfolded,
            ByteSize::mib(1),
            ByteSize::tib(1),
        );
        problems.time("pause", self.pause, ms, 24 * hour);
        let (byte, tib) = (ByteSize::b(1), ByteSize::tib(1));
        problems.range("max_backlog", self.max_backlog, ByteSize::mib(1), tib);
        problems.range("min_part_bytes", self.min_part_bytes, byte, tib);
        problems.range("checkpoint_bytes", self.checkpoint_bytes, byte, tib);
        problems.time("checkpoint_interval", self.checkpoint_interval, ms, hour);
        // Row numbers are 32 bits, and the graph keeps the highest for itself.
        problems.range("max_part_rows", self.max_part_rows, 1, 1 << 31);
    }
}
