//! The names of this crate's metrics.

/// Counter: objects that were deleted because nobody needs them any more.
pub const GC_DELETED: &str = "isobath_gc_deleted";
