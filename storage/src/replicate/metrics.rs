//! The names of replication's metrics.

crate::declare_metrics! {
    /// Seconds from a segment's time to its copy being durable here, by the clocks of both regions; labels `origin`,
    /// `dest`, `path`: `hint` (its bytes were pushed), `relay` (read from the origin's bucket), `readthrough` (the
    /// store's own replication left it out).
    histogram pub LAG = "isobath_replication_lag_seconds";
    /// The last segment up to which this bucket holds a log of another region; labels `origin`, `dest`.
    gauge pub HELD_SEQ = "isobath_replication_held_seq";
    /// Copies that were missing and were made again; labels `origin`, `dest`.
    counter pub READ_REPAIR = "isobath_read_repair_total";
    /// Segments that were pushed and not taken, because too many waited; label `origin`.
    counter pub HINTS_DROPPED = "isobath_replication_hints_dropped_total";
}
