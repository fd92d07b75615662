//! [`Role`]: what a process is to a log at the moment.

use crate::model::{Epoch, Seq};

/// What this process is to the log at the moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// It reads, and another owns the log, or nobody.
    Follower {
        /// Where the owner takes writes; `None` where none is known to live.
        owner: Option<String>,
    },
    /// It has claimed the log and is fencing off the owner before it.
    Claimant {
        /// The number of its claim.
        epoch: Epoch,
    },
    /// It appends.
    Owner {
        /// The number of its claim.
        epoch: Epoch,
    },
    /// It stopped for good; the node has to start the log anew, or to end.
    Stopped(StopReason),
}

/// Why the log's task ended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StopReason {
    /// It was asked to.
    #[error("shut down")]
    Shutdown,
    /// Segments that this node has not read are deleted: start from a newer checkpoint.
    #[error(
        "segments up to {floor} are deleted, which this node has not read; start from a newer checkpoint"
    )]
    Behind {
        /// The last segment that is gone.
        floor: Seq,
    },
    /// The log holds what it never may.
    #[error("segment {seq} is corrupt: {fault}")]
    Corrupt {
        /// The segment.
        seq: Seq,
        /// What is wrong with it.
        fault: String,
    },
    /// The bucket was emptied or swapped.
    #[error("{fault}")]
    BucketLost {
        /// What was found.
        fault: String,
    },
    /// A bug: a segment could not be laid out.
    #[error("segment {seq} could not be encoded: {fault}")]
    Encode {
        /// The segment.
        seq: Seq,
        /// What is wrong with it.
        fault: String,
    },
}
