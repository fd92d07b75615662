//! The names of this crate's metrics.

isobath_storage::declare_metrics! {
    /// Objects that were deleted because nobody needs them any more.
    counter pub GC_DELETED = "isobath_gc_deleted_total";
}
