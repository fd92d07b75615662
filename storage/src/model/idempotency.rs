//! [`IdempotencyKey`] and [`BodyHash`]: how a repeated write is recognised.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Names one write: given by the client, or by the first node that received it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct IdempotencyKey(pub u128);

impl IdempotencyKey {
    /// The key for a client's text of any length.
    pub fn from_text(text: &str) -> Self {
        Self(short_hash(&[text.as_bytes()]))
    }
}

impl fmt::Display for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IdempotencyKey({self})")
    }
}

/// The hash of a write's namespace, API key and body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BodyHash(pub u128);

impl BodyHash {
    /// The hash of the three, told apart by their lengths.
    pub fn new(namespace: &str, api_key: &str, body: &[u8]) -> Self {
        Self(short_hash(&[
            namespace.as_bytes(),
            api_key.as_bytes(),
            body,
        ]))
    }
}

/// The first half of the BLAKE3 hash of length-prefixed pieces.
fn short_hash(pieces: &[&[u8]]) -> u128 {
    let mut hasher = blake3::Hasher::new();
    for piece in pieces {
        hasher.update(&(piece.len() as u64).to_le_bytes());
        hasher.update(piece);
    }
    let mut half = [0; 16];
    half.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    u128::from_le_bytes(half)
}
