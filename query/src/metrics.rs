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
/// Gauge: row sets that wait for codes or an index.
pub const INDEX_QUEUE: &str = "isobath_index_queue";
