//! [`CacheConfig`]: how much of the bucket a node keeps on its disk.

use crate::problems::Problems;
use bytesize::ByteSize;
use serde::{Deserialize, Serialize};

/// `[cache]`: how much of the bucket a node keeps on its disk, below `cache_dir`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CacheConfig {
    /// Bytes of parts and indexes that are kept; beyond them what was used least recently goes. What
    /// queries have open counts and stays. Default 64 GiB: lower it where the disk is smaller.
    pub max_bytes: ByteSize,
}

impl Default for CacheConfig {
    fn default() -> Self {
        Self {
            max_bytes: ByteSize::gib(64),
        }
    }
}

impl CacheConfig {
    pub(crate) fn check(&self, problems: &mut Problems<'_>) {
        let (least, most) = (ByteSize::mib(1), ByteSize::pib(1));
        problems.range("max_bytes", self.max_bytes, least, most);
    }
}
