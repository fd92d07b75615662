//! [`NamespaceMap`]: which manifest each namespace has at a checkpoint.

use super::{FormatError, sealed};
use crate::model::{Hlc, Namespace, VersionVector};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

const WHAT: &str = "map of namespaces";

/// The format version that is written, and the newest that is read.
const VERSION: u32 = 1;

/// One in so many names ends a chunk: a change of one namespace rewrites about so many entries.
const CHUNK: u32 = 256;

/// A namespace at a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NamespaceEntry {
    /// The number of its manifest.
    pub manifest: u64,
    /// What of each log the manifest holds.
    pub seen: VersionVector,
    /// Since when it exists as of that manifest; none where it is deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<Hlc>,
}

/// A chunk of a checkpoint's map from namespaces to manifests. Never changed; checkpoints share it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NamespaceMap {
    /// The number of the checkpoint that it was planned for: no two plans make one object.
    pub checkpoint: u64,
    /// The namespaces, by name.
    pub namespaces: BTreeMap<Namespace, NamespaceEntry>,
}

impl NamespaceMap {
    /// The map's bytes.
    pub fn encode(&self) -> Result<Bytes, FormatError> {
        sealed::seal(WHAT, VERSION, self)
    }

    /// Reads a map; damage and newer versions are refused.
    pub fn decode(bytes: &[u8]) -> Result<Self, FormatError> {
        sealed::open(WHAT, VERSION, bytes)
    }

    /// Cuts a map into chunks, whose boundaries depend on the names around them only: a namespace that comes or goes
    /// changes the chunk that it lies in.
    pub fn chunks(
        namespaces: &BTreeMap<Namespace, NamespaceEntry>,
    ) -> Vec<BTreeMap<Namespace, NamespaceEntry>> {
        let (mut chunks, mut chunk) = (vec![], BTreeMap::new());
        for (name, entry) in namespaces {
            chunk.insert(name.clone(), entry.clone());
            if ends_chunk(name) {
                chunks.push(std::mem::take(&mut chunk));
            }
        }
        chunks.extend((!chunk.is_empty()).then_some(chunk));
        chunks
    }
}

fn ends_chunk(name: &Namespace) -> bool {
    let hash = blake3::hash(name.as_str().as_bytes());
    let [a, b, c, d, ..] = *hash.as_bytes();
    u32::from_le_bytes([a, b, c, d]).is_multiple_of(CHUNK)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(count: u64) -> BTreeMap<Namespace, NamespaceEntry> {
        let entry = |manifest| NamespaceEntry {
            manifest,
            seen: VersionVector::default(),
            created: Some(Hlc(manifest)),
        };
        (0..count)
            .map(|n| (format!("n{n:05}").parse().unwrap(), entry(n)))
            .collect()
    }

    #[test]
    fn should_keep_chunks_in_which_nothing_changed() {
        let before = names(5_000);
        let chunks = NamespaceMap::chunks(&before);
        assert!((10..40).contains(&chunks.len()), "{}", chunks.len());
        let mut after = before.clone();
        after.remove(&"n00777".parse().unwrap());
        after.insert(
            "n00777b".parse().unwrap(),
            before[&"n00001".parse().unwrap()].clone(),
        );
        let changed = NamespaceMap::chunks(&after);
        let kept = changed
            .iter()
            .filter(|chunk| chunks.contains(chunk))
            .count();
        assert!(kept + 3 >= chunks.len(), "{kept} of {}", chunks.len());
        let all: BTreeMap<_, _> = changed.into_iter().flatten().collect();
        assert_eq!(all, after);
    }
}
