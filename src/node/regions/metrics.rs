//! The names of the metrics about other regions.

/// Gauge: 1 while a region answers, else 0; label `region`.
pub(super) const UP: &str = "isobath_region_up";
/// Gauge: 1 while a region is asked nothing but whether it lives, else 0; label `region`.
pub(super) const BREAKER_OPEN: &str = "isobath_breaker_open";
/// Counter: how often that began; label `region`.
pub(super) const BREAKER_OPENED: &str = "isobath_breaker_opened_total";
/// Histogram: seconds of a ping of a region; label `region`.
pub(super) const ROUND_TRIP: &str = "isobath_region_round_trip_seconds";
/// Gauge: by how many seconds the views may trail a region's log; label `origin`.
pub(super) const STALENESS: &str = "isobath_staleness_seconds";
/// Histogram: seconds from the commit of a write that asked for copies until enough buckets held it.
pub(super) const COPY_LATENCY: &str = "isobath_write_concern_seconds";
