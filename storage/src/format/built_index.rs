//! [`BuiltIndex`] and [`BuildClaim`]: a finished index, and who is about to build one.

use super::{FormatError, sealed};
use crate::model::ContentHash;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

const INDEX: &str = "description of an index";
const CLAIM: &str = "claim of a build";

/// The format version that is written, and the newest that is read.
const VERSION: u32 = 1;

/// A finished index of one attribute of a part. Created once, after its files; the first one is the index.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BuiltIndex {
    /// The part.
    pub part: ContentHash,
    /// The attribute and what it is indexed by: what the hash in the key is made of.
    pub of: String,
    /// The files, which lie beside this under their hashes.
    pub files: Vec<BuiltFile>,
    /// What the index knows of itself; read by who built it only.
    pub about: Value,
}

/// A file of an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BuiltFile {
    /// The hash of its bytes.
    pub hash: ContentHash,
    /// Its length.
    pub bytes: u64,
}

/// Who builds an index, and until when nobody else need do so. Numbered: a later one takes over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BuildClaim {
    /// The node.
    pub node: Uuid,
    /// When it ends, in milliseconds since 1970, unless a later one of the same node follows.
    pub expires_at_ms: u64,
}

impl BuiltIndex {
    /// The description's bytes.
    pub fn encode(&self) -> Result<Bytes, FormatError> {
        sealed::seal(INDEX, VERSION, self)
    }

    /// Reads a description; damage and newer versions are refused.
    pub fn decode(bytes: &[u8]) -> Result<Self, FormatError> {
        sealed::open(INDEX, VERSION, bytes)
    }
}

impl BuildClaim {
    /// The claim's bytes.
    pub fn encode(&self) -> Result<Bytes, FormatError> {
        sealed::seal(CLAIM, VERSION, self)
    }

    /// Reads a claim; damage and newer versions are refused.
    pub fn decode(bytes: &[u8]) -> Result<Self, FormatError> {
        sealed::open(CLAIM, VERSION, bytes)
    }
}
