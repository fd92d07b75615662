//! The names of this crate's metrics.

/// Counter: requests sent to object storage; labels `op`, `bucket`.
pub const REQUESTS: &str = "isobath_requests";
/// Counter: bytes of objects sent to and asked of object storage; labels `op`, `bucket`.
pub const REQUEST_BYTES: &str = "isobath_request_bytes";
/// Gauge, only rising: what these requests cost by the clouds' list prices, bytes excluded; label `op`.
pub const ESTIMATED_DOLLARS: &str = "isobath_estimated_dollars";
