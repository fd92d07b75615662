//! The names of this crate's metrics.

/// Gauge: queries that wait for a thread.
pub const SEARCH_QUEUE: &str = "isobath_search_queue";
/// Counter: queries answered; label `path`.
pub const SEARCHES: &str = "isobath_searches";
/// Counter: rows whose vectors, codes or attributes were looked at.
pub const ROWS_SCANNED: &str = "isobath_search_rows_scanned";
/// Counter: looks for a filter's rows in the cache; label `found`.
pub const FILTER_CACHE_LOOKUPS: &str = "isobath_filter_cache_lookups";
/// Counter: indexes built; label `outcome`.
pub const INDEX_BUILDS: &str = "isobath_index_builds";
/// Counter: looks for an index in the bucket; label `found`.
pub const INDEX_FETCHES: &str = "isobath_index_fetches";
/// Gauge: row sets that wait for codes or an index.
pub const INDEX_QUEUE: &str = "isobath_index_queue";
/// Counter: looks for an object in the node's cache; label `found`.
pub const CACHE_LOOKUPS: &str = "isobath_cache_lookups";
/// Counter: bytes of objects fetched into the node's cache.
pub const CACHE_FETCHED_BYTES: &str = "isobath_cache_fetched_bytes";
/// Counter: bytes of objects that left the node's cache for others.
pub const CACHE_EVICTED_BYTES: &str = "isobath_cache_evicted_bytes";
/// Gauge: bytes of the objects in the node's cache.
pub const CACHE_BYTES: &str = "isobath_cache_bytes";
/// Counter: queries answered by codes and single vectors out of the bucket.
pub const COLD_SEARCHES: &str = "isobath_cold_searches";
/// Counter: requests that these queries sent.
pub const COLD_REQUESTS: &str = "isobath_cold_requests";
/// Counter: bytes that these queries fetched.
pub const COLD_BYTES: &str = "isobath_cold_bytes";
/// Counter: writes that were lost to others of which they did not know, nor these of them.
pub const CONFLICTS: &str = "isobath_conflicts_total";
