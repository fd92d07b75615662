//! The names of the metrics about other regions.

isobath_storage::declare_metrics! {
    /// 1 while a region answers, else 0; label `peer`.
    gauge pub(super) UP = "isobath_region_up";
    /// 1 while a region is asked nothing but whether it lives, else 0; label `peer`.
    gauge pub(super) BREAKER_OPEN = "isobath_breaker_open";
    /// How often that began; label `peer`.
    counter pub(super) BREAKER_OPENED = "isobath_breaker_opened_total";
    /// Seconds of a ping of a region; label `peer`.
    histogram pub(super) ROUND_TRIP = "isobath_region_round_trip_seconds";
    /// By how many seconds the views may trail a region's log; label `origin`.
    gauge pub(super) STALENESS = "isobath_staleness_seconds";
    /// Seconds from the commit of a write that asked for copies until enough buckets held it.
    histogram pub(super) COPY_LATENCY = "isobath_write_concern_seconds";
}
