//! [`Entries`]: which files are known, and which of them go first.

use isobath_storage::model::ContentHash;
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

/// Held by who uses a file: it is not evicted meanwhile.
#[derive(Debug, Clone)]
pub(super) struct Lease {
    _held: Arc<()>,
}

/// A file that is known.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) bytes: u64,
    /// Whether this process has compared it with its hash.
    pub(super) checked: bool,
    pub(super) lease: Lease,
}

/// Which files are known, by the order in which they were used.
#[derive(Debug, Default)]
pub(super) struct Entries {
    files: HashMap<ContentHash, Entry>,
    by_use: BTreeMap<u64, ContentHash>,
    next_use: u64,
    bytes: u64,
    /// Files that go as soon as nobody holds them.
    released: BTreeSet<ContentHash>,
}

#[derive(Debug)]
struct Entry {
    bytes: u64,
    checked: bool,
    last_use: u64,
    held: Arc<()>,
}

impl Entries {
    /// The bytes of all files.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn contains(&self, hash: ContentHash) -> bool {
        self.files.contains_key(&hash)
    }

    /// Adds a file, as the one used last.
    pub(super) fn insert(&mut self, hash: ContentHash, bytes: u64, checked: bool) -> Lease {
        self.remove(hash);
        let held = Arc::new(());
        let entry = Entry {
            bytes,
            checked,
            last_use: self.next_use,
            held: Arc::clone(&held),
        };
        self.by_use.insert(self.next_use, hash);
        self.next_use += 1;
        self.bytes += bytes;
        self.files.insert(hash, entry);
        Lease { _held: held }
    }

    /// The file, which is the one used last from now on.
    pub(super) fn touch(&mut self, hash: ContentHash) -> Option<Known> {
        let entry = self.files.get_mut(&hash)?;
        self.released.remove(&hash);
        self.by_use.remove(&entry.last_use);
        entry.last_use = self.next_use;
        self.by_use.insert(self.next_use, hash);
        self.next_use += 1;
        Some(Known {
            bytes: entry.bytes,
            checked: entry.checked,
            lease: Lease {
                _held: Arc::clone(&entry.held),
            },
        })
    }

    /// Notes that the file was compared with its hash.
    pub(super) fn note_checked(&mut self, hash: ContentHash) {
        if let Some(entry) = self.files.get_mut(&hash) {
            entry.checked = true;
        }
    }

    /// Forgets a file; whether it was known.
    pub(super) fn remove(&mut self, hash: ContentHash) -> bool {
        let Some(entry) = self.files.remove(&hash) else {
            return false;
        };
        self.by_use.remove(&entry.last_use);
        self.released.remove(&hash);
        self.bytes -= entry.bytes;
        true
    }

    /// Lets files go as soon as nobody holds them; one that is used again before stays.
    pub(super) fn release(&mut self, hashes: impl IntoIterator<Item = ContentHash>) {
        let known = hashes
            .into_iter()
            .filter(|hash| self.files.contains_key(hash));
        self.released.extend(known);
    }

    /// The files that were released and that nobody holds any more.
    pub(super) fn unheld(&self) -> Vec<ContentHash> {
        let held = |hash: &ContentHash| {
            let entry = self.files.get(hash);
            entry.is_some_and(|entry| Arc::strong_count(&entry.held) > 1)
        };
        self.released
            .iter()
            .filter(|hash| !held(hash))
            .copied()
            .collect()
    }

    /// The files to delete, so that the rest and `coming` more bytes are at most `max_bytes`: those used least
    /// recently that nobody holds. Fewer bytes are freed where that is not enough.
    pub(super) fn victims(&self, coming: u64, max_bytes: u64) -> Vec<ContentHash> {
        let mut excess = self.bytes.saturating_add(coming).saturating_sub(max_bytes);
        let mut victims = vec![];
        for hash in self.by_use.values() {
            if excess == 0 {
                break;
            }
            let Some(entry) = self.files.get(hash) else {
                continue;
            };
            if Arc::strong_count(&entry.held) == 1 {
                excess = excess.saturating_sub(entry.bytes);
                victims.push(*hash);
            }
        }
        victims
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn hash(n: u8) -> ContentHash {
        ContentHash::of(&[n])
    }

    #[test]
    fn should_name_what_was_used_least_recently_and_is_not_held() {
        let mut entries = Entries::default();
        let held = entries.insert(hash(0), 10, true);
        for n in 1..4 {
            drop(entries.insert(hash(n), 10, true));
        }
        drop(entries.touch(hash(1)));
        assert_eq!(entries.victims(0, 40), []);
        assert_eq!(entries.victims(5, 40), [hash(2)]);
        assert_eq!(entries.victims(0, 20), [hash(2), hash(3)]);
        assert_eq!(entries.victims(0, 0), [hash(2), hash(3), hash(1)]);
        drop(held);
        assert_eq!(entries.victims(5, 40), [hash(0)]);
    }

    #[test]
    fn should_let_released_files_go_once_nobody_holds_them() {
        let mut entries = Entries::default();
        let held = entries.insert(hash(0), 10, true);
        drop(entries.insert(hash(1), 10, true));
        drop(entries.insert(hash(2), 10, true));
        entries.release([hash(0), hash(1), hash(2), hash(9)]);
        drop(entries.touch(hash(2)));
        assert_eq!(
            entries.unheld(),
            [hash(1)],
            "one is held, one was used again, one is unknown"
        );
        drop(held);
        assert_eq!(entries.unheld().len(), 2);
        entries.remove(hash(1));
        assert_eq!(entries.unheld(), [hash(0)]);
    }

    proptest! {
        #[test]
        fn should_keep_its_sum_and_its_order(steps in prop::collection::vec((0u8..4, 0u8..6, 0u64..50), 0..80)) {
            let mut entries = Entries::default();
            let mut model: Vec<(ContentHash, u64)> = vec![];
            for (step, n, bytes) in steps {
                let hash = hash(n);
                let at = model.iter().position(|(known, _)| *known == hash);
                match step {
                    0 => {
                        drop(entries.insert(hash, bytes, true));
                        at.map(|at| model.remove(at));
                        model.push((hash, bytes));
                    }
                    1 => {
                        let known = entries.touch(hash);
                        prop_assert_eq!(known.is_some(), at.is_some());
                        if let Some(at) = at {
                            let moved = model.remove(at);
                            model.push(moved);
                        }
                    }
                    2 => {
                        prop_assert_eq!(entries.remove(hash), at.is_some());
                        at.map(|at| model.remove(at));
                    }
                    _ => {
                        let mut left: u64 = model.iter().map(|(_, bytes)| bytes).sum();
                        let keep = model.iter().position(|(_, size)| {
                            let fits = left <= bytes;
                            left -= size;
                            fits
                        });
                        let expected: Vec<_> = model[..keep.unwrap_or(model.len())].iter().map(|(hash, _)| *hash).collect();
                        prop_assert_eq!(entries.victims(0, bytes), expected);
                    }
                }
                prop_assert_eq!(entries.bytes(), model.iter().map(|(_, bytes)| bytes).sum::<u64>());
            }
        }
    }
}
