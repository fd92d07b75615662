//! The names of the server's metrics.

isobath_storage::declare_metrics! {
    /// Requests answered; labels `route`, `method`, `status`.
    counter pub REQUESTS = "isobath_http_requests_total";
    /// Seconds from a request's arrival to the head of its answer; labels `route`, `method`.
    histogram pub SECONDS = "isobath_http_request_seconds";
    /// Requests refused before their bodies were read; label `reason`: `unknown` and `scope` for want of a key,
    /// `keys_unknown`, `encoding`.
    counter pub DENIED = "isobath_http_denied_total";
    /// Writes sent on to the owner of their log; label `outcome`: `answered`, `not_owner` or `failed`.
    counter pub FORWARDED = "isobath_http_forwarded_total";
}
