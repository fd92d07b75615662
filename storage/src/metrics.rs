//! The names of this crate's metrics, and how metrics are declared.

/// Declares metrics: of each what it says, which is also its help text at `/metrics`, its kind and its name. Makes a
/// constant of each name, and `describe`, which tells the recorder all of this.
#[macro_export]
macro_rules! declare_metrics {
    ($($(#[doc = $help:literal])+ $kind:ident $vis:vis $constant:ident = $name:literal;)+) => {
        $($(#[doc = $help])+ $vis const $constant: &str = $name;)+

        /// Tells the recorder what each of these metrics says.
        pub fn describe() {
            $($crate::declare_metrics!(@$kind $name, concat!($($help),+).trim_start());)+
        }
    };
    (@counter $name:literal, $help:expr) => {
        ::metrics::describe_counter!($name, $help)
    };
    (@gauge $name:literal, $help:expr) => {
        ::metrics::describe_gauge!($name, $help)
    };
    (@histogram $name:literal, $help:expr) => {
        ::metrics::describe_histogram!($name, $help)
    };
}

declare_metrics! {
    /// Requests sent to object storage; labels `op`, `bucket`.
    counter pub REQUESTS = "isobath_requests_total";
    /// Bytes of objects sent to and asked of object storage; labels `op`, `bucket`.
    counter pub REQUEST_BYTES = "isobath_request_bytes_total";
    /// What these requests cost by the clouds' list prices, bytes excluded, in dollars; only rises. Label `op`.
    gauge pub ESTIMATED_DOLLARS = "isobath_estimated_dollars";
}
