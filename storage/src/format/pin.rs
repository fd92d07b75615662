//! [`Pin`]: a snapshot that is kept.

use super::{FormatError, sealed};
use bytes::Bytes;
use serde::{Deserialize, Serialize};

const WHAT: &str = "pin";

/// The format version that is written, and the newest that is read.
const VERSION: u32 = 1;

/// Keeps a checkpoint, and all that it refers to, from being removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pin {
    /// The number of the checkpoint.
    pub checkpoint: u64,
    /// What people call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// When it was made, in milliseconds since 1970.
    pub created_at_ms: u64,
    /// From when on it keeps nothing any more; none = until it is deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at_ms: Option<u64>,
}

impl Pin {
    /// Whether it keeps anything at this time, in milliseconds since 1970.
    pub fn holds_at(&self, now_ms: u64) -> bool {
        self.expires_at_ms.is_none_or(|end| now_ms < end)
    }

    /// The pin's bytes.
    pub fn encode(&self) -> Result<Bytes, FormatError> {
        sealed::seal(WHAT, VERSION, self)
    }

    /// Reads a pin; damage and newer versions are refused.
    pub fn decode(bytes: &[u8]) -> Result<Self, FormatError> {
        sealed::open(WHAT, VERSION, bytes)
    }
}
