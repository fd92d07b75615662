//! [`KeyHash`]: what is stored of a key.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// The BLAKE3 hash of a key.
///
/// A fast hash is enough: slow ones protect what people choose, while a key is 256 random bits, of which
/// no hash per second ever finds one. Keys are looked up by their hash, so that the time a wrong one
/// takes says nothing about the right ones.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct KeyHash([u8; 32]);

impl KeyHash {
    /// The hash of a key as it stands in an `Authorization` header.
    pub fn of(key: &[u8]) -> Self {
        Self(*blake3::hash(key).as_bytes())
    }

    /// The first 16 digits, which name the key to people; says nothing about it.
    pub fn id(&self) -> String {
        let mut id = self.to_string();
        id.truncate(16);
        id
    }
}

impl fmt::Display for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&blake3::Hash::from_bytes(self.0).to_hex())
    }
}

impl fmt::Debug for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyHash({self})")
    }
}

impl FromStr for KeyHash {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let hash = blake3::Hash::from_hex(text);
        let hash =
            hash.map_err(|_| "expected 64 hexadecimal digits: the BLAKE3 hash of the key")?;
        Ok(Self(*hash.as_bytes()))
    }
}

impl TryFrom<String> for KeyHash {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<KeyHash> for String {
    fn from(hash: KeyHash) -> Self {
        hash.to_string()
    }
}
