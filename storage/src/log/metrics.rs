//! The names of the log's metrics.

/// Histogram: seconds of a commit's stages; label `stage`: `batch` (waiting for the segment to be
/// closed), `put` (creating it, all attempts), `check` (reading the floor), `ack` (from arrival to ack).
pub const APPEND_LATENCY: &str = "isobath_append_latency_seconds";
/// Counter: what became of creates; label `outcome`: `ok`, `self_recognised`, `conflict409`, `fenced`.
pub const PUT_OUTCOME: &str = "isobath_put_outcome";
/// Histogram: bytes of the segments written.
pub const BATCH_BYTES: &str = "isobath_batch_bytes";
/// Histogram: mutations, a row each, of the segments written.
pub const BATCH_OPS: &str = "isobath_batch_ops";
/// Gauge: segments that are sent and not acked.
pub const PIPELINE_DEPTH: &str = "isobath_pipeline_depth";
/// Gauge: the last segment applied; label `origin`.
pub const APPLIED_SEQ: &str = "isobath_applied_seq";
/// Counter: void segments read.
pub const VOID_SEGMENTS: &str = "isobath_void_segments";
/// Gauge: the last segment known to be deleted.
pub const FLOOR_SEQ: &str = "isobath_floor_seq";
/// Gauge: by how many milliseconds the newest segment's time was ahead of this machine's clock.
pub const HLC_SKEW_MS: &str = "isobath_hlc_skew_ms";
/// Counter: repeats of a write that were answered and not applied.
pub const DUP_SUPPRESSED: &str = "isobath_dup_suppressed";
/// Counter: claims of the log by this process.
pub const CLAIMS: &str = "isobath_log_claims";
