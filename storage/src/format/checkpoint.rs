//! [`Checkpoint`]: what a node, a restore and the removal of old objects stand on.

use super::{FormatError, sealed};
use crate::model::{ContentHash, Epoch, Hlc, LogId, Seq};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

const WHAT: &str = "checkpoint";

/// The format version that is written, and the newest that is read.
const VERSION: u32 = 1;

/// Exactly the fold of the logs up to its positions. Numbered, never changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checkpoint {
    /// Its number; the newest counts.
    pub number: u64,
    /// Up to where each log is folded.
    pub logs: BTreeMap<LogId, Position>,
    /// The newest time in it.
    pub hlc_cut: Hlc,
    /// When it was made, in milliseconds since 1970. For people, and for how long it is kept.
    pub created_at_ms: u64,
    /// The chunks of the map from namespaces to manifests, by name.
    pub maps: Vec<ContentHash>,
    /// Runs with the mutations that manifests do not cover, oldest first.
    pub runs: Vec<RunEntry>,
}

/// A run under a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunEntry {
    /// The run.
    pub hash: ContentHash,
    /// Its bytes.
    pub bytes: u64,
}

/// A position in a log, with what a reader carries over from before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Position {
    /// The last segment.
    pub seq: Seq,
    /// The highest epoch up to there.
    pub max_epoch: Epoch,
    /// The running hash over the segments up to there that are not void.
    pub chain: ContentHash,
    /// The newest time up to there.
    pub hlc: Hlc,
}

impl Checkpoint {
    /// The checkpoint's bytes.
    pub fn encode(&self) -> Result<Bytes, FormatError> {
        sealed::seal(WHAT, VERSION, self)
    }

    /// Reads a checkpoint; damage and newer versions are refused.
    pub fn decode(bytes: &[u8]) -> Result<Self, FormatError> {
        sealed::open(WHAT, VERSION, bytes)
    }
}
