//! [`KeyRing`]: every key of the region, as a node knows them at one moment.

use super::{Access, ApiKey, KeyHash};
use std::{collections::HashMap, sync::Arc};

/// The longest key that is looked up, in bytes.
const MAX_KEY: usize = 512;

/// Every key of the region, as a node knows them at one moment.
#[derive(Debug, Default)]
pub struct KeyRing {
    keys: HashMap<KeyHash, Arc<ApiKey>>,
    /// Rows that hold keys, readable or not.
    rows: usize,
}

impl KeyRing {
    /// The keys of `rows` rows, some of which may not be readable: they let nobody in, but they count.
    pub fn new(keys: impl IntoIterator<Item = ApiKey>, rows: usize) -> Self {
        let keys = keys.into_iter().map(|key| (key.hash, Arc::new(key)));
        Self {
            keys: keys.collect(),
            rows,
        }
    }

    /// Whether no key was ever made, or all were revoked. Expired keys are still there.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.rows
    }

    /// The key, if it is one.
    pub fn find(&self, key: &[u8]) -> Option<&Arc<ApiKey>> {
        if key.len() > MAX_KEY {
            return None;
        }
        self.keys.get(&KeyHash::of(key))
    }

    /// The key called `id`.
    pub fn named(&self, id: &str) -> Option<&Arc<ApiKey>> {
        self.keys.values().find(|key| key.id() == id)
    }

    /// Every key, by name and id.
    pub fn all(&self) -> Vec<&ApiKey> {
        let mut keys: Vec<&ApiKey> = self.keys.values().map(AsRef::as_ref).collect();
        keys.sort_by_cached_key(|key| (key.name.clone(), key.id()));
        keys
    }

    /// Whether others would be left that nobody could administer, without the key called `id`.
    pub fn needs(&self, id: &str) -> bool {
        let others = || self.keys.values().filter(|key| key.id() != id);
        let is_admin = |key: &Arc<ApiKey>| key.access == Access::Admin;
        self.rows > 1
            && !others().any(|key| key.is_root())
            && self
                .named(id)
                .is_some_and(|key| is_admin(key) && key.is_root())
    }
}

#[cfg(test)]
mod tests {
    use super::{super::Secret, *};

    fn key(n: u8, prefix: &str, access: Access) -> ApiKey {
        ApiKey {
            hash: Secret::from_random([n; 32]).hash(),
            name: format!("key {n}"),
            prefix: prefix.to_owned(),
            access,
            created_at_ms: 0,
            expires_at_ms: None,
        }
    }

    #[test]
    fn should_find_keys_by_themselves_only() {
        let ring = KeyRing::new([key(1, "", Access::Admin), key(2, "a-", Access::Read)], 2);
        let second = Secret::from_random([2; 32]);
        assert_eq!(ring.find(second.expose().as_bytes()).unwrap().prefix, "a-");
        assert!(ring.find(second.hash().to_string().as_bytes()).is_none());
        assert!(ring.find(b"").is_none());
        assert!(ring.find(&[b'x'; 10_000]).is_none());
        assert_eq!(format!("{second:?}"), "Secret(…)");
    }

    #[test]
    fn should_not_be_empty_while_a_row_cannot_be_read() {
        assert!(!KeyRing::new([], 1).is_empty());
        assert!(KeyRing::default().is_empty());
    }

    #[test]
    fn should_keep_the_last_key_that_administers_others() {
        let (root, reader) = (key(1, "", Access::Admin), key(2, "", Access::Read));
        let (one, two) = (root.id(), reader.id());
        let ring = KeyRing::new([root.clone(), reader], 2);
        assert!(ring.needs(&one) && !ring.needs(&two));
        assert!(!KeyRing::new([root], 1).needs(&one));
    }

    #[test]
    fn should_be_over_at_its_time() {
        let mut key = key(1, "", Access::Read);
        assert!(!key.is_expired(u64::MAX));
        key.expires_at_ms = Some(5);
        assert!(!key.is_expired(4));
        assert!(key.is_expired(5));
        key.expires_at_ms = Some(-5);
        assert!(key.is_expired(0));
    }
}
