//! The names of the metrics of audit records.

crate::declare_metrics! {
    /// Audit records; label `outcome`: `stored`, or `dropped` because too many waited or the store did not take them in
    /// time.
    counter pub(super) RECORDS = "isobath_audit_records_total";
    /// Audit records that wait to be stored.
    gauge pub(super) QUEUE = "isobath_audit_queue";
}
