//! The names of the server's metrics.

/// Requests answered, by `route`, `method` and `status`.
pub const REQUESTS: &str = "isobath_http_requests_total";
/// Seconds from a request's arrival to the head of its answer, by `route` and `method`.
pub const SECONDS: &str = "isobath_http_request_seconds";
/// Requests refused before their bodies were read, by `reason`: `unknown` and `scope` for want of a key,
/// `keys_unknown`, `encoding`.
pub const DENIED: &str = "isobath_http_denied_total";
/// Writes sent on to the owner of their log, by `outcome`: `answered`, `not_owner` or `failed`.
pub const FORWARDED: &str = "isobath_http_forwarded_total";
