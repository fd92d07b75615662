//! The running hash of a log: over every segment that counts, in order.

use crate::model::ContentHash;

/// Bytes at the end of a segment that hold the hash of all others.
const FOOTER: usize = 64;

/// The hash that stands for a segment in the running hash of its log: that of its footer, in which the
/// hash of everything else stands. `bytes` end where the segment ends.
pub fn link(bytes: &[u8]) -> ContentHash {
    ContentHash::of(&bytes[bytes.len().saturating_sub(FOOTER)..])
}

/// The running hash of a log after one more segment, whose [`link`] is given.
pub fn extend(chain: ContentHash, link: ContentHash) -> ContentHash {
    let mut both = [0; 64];
    both[..32].copy_from_slice(&chain.0);
    both[32..].copy_from_slice(&link.0);
    ContentHash::of(&both)
}
