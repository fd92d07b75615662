//! The names of replication's metrics.

/// Histogram: seconds from a segment's time to its copy being durable here, by the clocks of both regions; labels
/// `origin`, `dest`, `path`: `hint` (its bytes were pushed), `relay` (read from the origin's bucket), `readthrough`
/// (the store's own replication left it out).
pub const LAG: &str = "isobath_replication_lag_seconds";
/// Gauge: the last segment up to which this bucket holds a log of another region; labels `origin`, `dest`.
pub const HELD_SEQ: &str = "isobath_replication_held_seq";
/// Counter: copies that were missing and were made again; labels `origin`, `dest`.
pub const READ_REPAIR: &str = "isobath_read_repair_total";
/// Counter: segments that were pushed and not taken, because too many waited; label `origin`.
pub const HINTS_DROPPED: &str = "isobath_replication_hints_dropped_total";
