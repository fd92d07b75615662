//! [`Secret`]: a new key, seen once.

use super::KeyHash;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use std::fmt;

/// What every key begins with, so that scanners of code and logs recognise one.
const MARK: &str = "isobath_";

/// A new key: 256 random bits as text. Stands in no log and no error.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The key of these random bits.
    pub fn from_random(bits: [u8; 32]) -> Self {
        Self(format!("{MARK}{}", URL_SAFE_NO_PAD.encode(bits)))
    }

    /// The key itself: for whoever asked for it, once.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What is stored of it.
    pub fn hash(&self) -> KeyHash {
        KeyHash::of(self.0.as_bytes())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}
