//! [`ApiKey`]: what is known about a key.

use super::{Access, KeyHash};

/// What is known about a key; not the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// What is stored of the key itself.
    pub hash: KeyHash,
    /// What it is called, for people.
    pub name: String,
    /// What the names of its namespaces begin with; empty = all.
    pub prefix: String,
    /// What it allows there.
    pub access: Access,
    /// When it was made: milliseconds since 1970.
    pub created_at_ms: i64,
    /// From when on it is not accepted any more, if ever: milliseconds since 1970.
    pub expires_at_ms: Option<i64>,
}

impl ApiKey {
    /// Names the key to people.
    pub fn id(&self) -> String {
        self.hash.id()
    }

    /// Whether it covers a namespace, or everything below a prefix.
    pub fn covers(&self, namespace: &str) -> bool {
        namespace.starts_with(&self.prefix)
    }

    /// Whether it is over at `now_ms`.
    pub fn is_expired(&self, now_ms: u64) -> bool {
        let over = |at: i64| u64::try_from(at).unwrap_or(0) <= now_ms;
        self.expires_at_ms.is_some_and(over)
    }

    /// Whether it can make keys of every scope, for ever.
    pub fn is_root(&self) -> bool {
        self.access == Access::Admin && self.prefix.is_empty() && self.expires_at_ms.is_none()
    }
}
