//! The names of the log's metrics.

crate::declare_metrics! {
    /// Seconds of a commit's stages; label `stage`: `batch` (waiting for the segment to be closed), `put` (creating
    /// it, all attempts), `ack` (from arrival to ack).
    histogram pub APPEND_LATENCY = "isobath_append_latency_seconds";
    /// What became of creates of segments; label `outcome`: `ok`, `self_recognised`, `conflict409`, `fenced`.
    counter pub PUT_OUTCOME = "isobath_put_outcome_total";
    /// Bytes of the segments written.
    histogram pub BATCH_BYTES = "isobath_batch_bytes";
    /// Mutations, a row each, of the segments written.
    histogram pub BATCH_OPS = "isobath_batch_ops";
    /// Segments that are sent and not acked.
    gauge pub PIPELINE_DEPTH = "isobath_pipeline_depth";
    /// The last segment applied; label `origin`.
    gauge pub APPLIED_SEQ = "isobath_applied_seq";
    /// Void segments read.
    counter pub VOID_SEGMENTS = "isobath_void_segments_total";
    /// The last segment known to be deleted.
    gauge pub FLOOR_SEQ = "isobath_floor_seq";
    /// By how many seconds the newest segment's time was ahead of this machine's clock.
    gauge pub HLC_SKEW = "isobath_hlc_skew_seconds";
    /// Repeats of a write that were answered and not applied.
    counter pub DUP_SUPPRESSED = "isobath_dup_suppressed_total";
    /// Claims of the log by this process.
    counter pub CLAIMS = "isobath_log_claims_total";
}
