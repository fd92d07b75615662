//! [`Manifest`]: the parts of a namespace at a version vector.

use super::{FormatError, NamespaceEntry, sealed};
use crate::{
    fold::SchemaState,
    model::{Hlc, Namespace, PartEntry, VersionVector},
};
use bytes::Bytes;
use serde::{Deserialize, Serialize};

const WHAT: &str = "manifest";

/// The format version that is written, and the newest that is read.
const VERSION: u32 = 1;

/// The parts, deletion vectors and schema of a namespace at a version vector. Numbered, never changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The namespace.
    pub namespace: Namespace,
    /// Its number; the newest counts.
    pub number: u64,
    /// What of each log the parts hold.
    pub seen: VersionVector,
    /// The newest time in it.
    pub hlc_cut: Hlc,
    /// When the last write was committed.
    pub last_write: Hlc,
    /// Everything known but the rows.
    pub schema: SchemaState,
    /// The parts, oldest first.
    pub parts: Vec<PartEntry>,
}

impl Manifest {
    /// What a checkpoint notes of it.
    pub fn entry(&self) -> NamespaceEntry {
        NamespaceEntry {
            manifest: self.number,
            seen: self.seen.clone(),
            created: self.schema.created().map(|stamp| stamp.hlc),
        }
    }

    /// The manifest's bytes.
    pub fn encode(&self) -> Result<Bytes, FormatError> {
        sealed::seal(WHAT, VERSION, self)
    }

    /// Reads a manifest; damage and newer versions are refused.
    pub fn decode(bytes: &[u8]) -> Result<Self, FormatError> {
        sealed::open(WHAT, VERSION, bytes)
    }
}
