//! The names of this crate's metrics.

isobath_storage::declare_metrics! {
    /// Queries that wait for a thread.
    gauge pub SEARCH_QUEUE = "isobath_search_queue";
    /// Queries answered; label `path`.
    counter pub SEARCHES = "isobath_searches_total";
    /// Rows whose vectors, codes or attributes were looked at.
    counter pub ROWS_SCANNED = "isobath_search_rows_scanned_total";
    /// Looks for a filter's rows in the cache; label `found`.
    counter pub FILTER_CACHE_LOOKUPS = "isobath_filter_cache_lookups_total";
    /// Indexes built; label `outcome`: `built` or `failed`.
    counter pub INDEX_BUILDS = "isobath_index_builds_total";
    /// Seconds of the build of an index that is shared, its upload excluded.
    histogram pub INDEX_BUILD_SECONDS = "isobath_index_build_seconds";
    /// Looks for an index in the bucket; label `found`.
    counter pub INDEX_FETCHES = "isobath_index_fetches_total";
    /// Row sets that wait for codes or an index.
    gauge pub INDEX_QUEUE = "isobath_index_queue";
    /// Looks for an object in the node's cache; label `found`.
    counter pub CACHE_LOOKUPS = "isobath_cache_lookups_total";
    /// Bytes of objects fetched into the node's cache.
    counter pub CACHE_FETCHED_BYTES = "isobath_cache_fetched_bytes_total";
    /// Bytes of objects that left the node's cache for others.
    counter pub CACHE_EVICTED_BYTES = "isobath_cache_evicted_bytes_total";
    /// Bytes of the objects in the node's cache.
    gauge pub CACHE_BYTES = "isobath_cache_bytes";
    /// Queries answered by codes and single vectors out of the bucket.
    counter pub COLD_SEARCHES = "isobath_cold_searches_total";
    /// Requests that these queries sent.
    counter pub COLD_REQUESTS = "isobath_cold_requests_total";
    /// Bytes that these queries fetched.
    counter pub COLD_BYTES = "isobath_cold_bytes_total";
    /// Writes that were lost to others of which they did not know, nor these of them.
    counter pub CONFLICTS = "isobath_conflicts_total";
}
