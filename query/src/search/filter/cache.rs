//! [`FilterCache`]: which rows of a part pass a filter, kept for the next query.

use super::Predicate;
use crate::{index::Bitset, metrics::FILTER_CACHE_LOOKUPS, view::RowSet};
use parking_lot::Mutex;
use std::{
    collections::HashMap,
    sync::{Arc, Weak},
};

/// Which rows pass which filter, by row set and predicate, in bounded memory.
#[derive(Debug)]
pub struct FilterCache {
    capacity: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    entries: HashMap<Key, Entry>,
    bytes: usize,
    /// Counts the uses of entries.
    uses: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    /// The address of the row set. The entry's weak reference keeps it from being used again.
    set: usize,
    predicate: blake3::Hash,
}

#[derive(Debug)]
struct Entry {
    set: Weak<RowSet>,
    rows: Arc<Bitset>,
    bytes: usize,
    used: u64,
}

/// What an entry takes besides its rows.
const ENTRY_BYTES: usize = 256;

impl FilterCache {
    /// Keeps at most `capacity` bytes.
    pub fn new(capacity: usize) -> Self {
        Self {
            capacity,
            state: Mutex::default(),
        }
    }

    /// Forgets all rows; they are computed again when a query needs them.
    pub(in crate::search) fn clear(&self) {
        self.state.lock().evict(0);
    }

    /// The rows of `set` that pass, computed by `compute` unless they are kept. Its errors are passed on.
    pub(in crate::search) fn get_or<E>(
        &self,
        set: &Arc<RowSet>,
        predicate: PredicateHash,
        compute: impl FnOnce() -> Result<Bitset, E>,
    ) -> Result<Arc<Bitset>, E> {
        let key = Key {
            set: Arc::as_ptr(set).addr(),
            predicate: predicate.0,
        };
        let found = self.state.lock().get(&key);
        let label = if found.is_some() { "yes" } else { "no" };
        metrics::counter!(FILTER_CACHE_LOOKUPS, "found" => label).increment(1);
        if let Some(rows) = found {
            return Ok(rows);
        }
        let rows = Arc::new(compute()?);
        let entry = Entry {
            set: Arc::downgrade(set),
            rows: Arc::clone(&rows),
            bytes: set.len().div_ceil(8) + ENTRY_BYTES,
            used: 0,
        };
        self.state.lock().insert(key, entry, self.capacity);
        Ok(rows)
    }
}

impl State {
    fn get(&mut self, key: &Key) -> Option<Arc<Bitset>> {
        self.uses += 1;
        let entry = self.entries.get_mut(key)?;
        entry.used = self.uses;
        Some(Arc::clone(&entry.rows))
    }

    fn insert(&mut self, key: Key, entry: Entry, capacity: usize) {
        if entry.bytes > capacity {
            return;
        }
        if self.bytes + entry.bytes > capacity {
            self.evict((capacity - entry.bytes) / 2);
        }
        self.bytes += entry.bytes;
        let used = self.uses;
        if let Some(old) = self.entries.insert(key, Entry { used, ..entry }) {
            self.bytes -= old.bytes;
        }
    }

    /// Drops what belongs to no row set any more, then the least recently used until `target` bytes remain:
    /// many at once, so that an insertion costs little on average.
    fn evict(&mut self, target: usize) {
        self.entries.retain(|_, entry| entry.set.strong_count() > 0);
        let mut by_use: Vec<(u64, usize)> =
            self.entries.values().map(|e| (e.used, e.bytes)).collect();
        by_use.sort_unstable_by(|a, b| b.cmp(a));
        let mut kept = 0;
        let keep = by_use.iter().take_while(|(_, bytes)| {
            kept += bytes;
            kept <= target
        });
        let oldest = keep.last().map_or(u64::MAX, |(used, _)| *used);
        self.entries.retain(|_, entry| entry.used >= oldest);
        self.bytes = self.entries.values().map(|entry| entry.bytes).sum();
    }
}

/// Names a predicate in the cache.
#[derive(Debug, Clone, Copy)]
pub(in crate::search) struct PredicateHash(blake3::Hash);

impl PredicateHash {
    pub(in crate::search) fn of(predicate: &Predicate) -> Self {
        Self(blake3::hash(format!("{predicate:?}").as_bytes()))
    }

    /// That of a predicate which is not one of ours, by its text.
    pub(in crate::search) fn of_text(text: &str) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("isobath predicate of a caller");
        hasher.update(text.as_bytes());
        Self(hasher.finalize())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::Origin;
    use isobath_storage::model::{IdColumn, Rows, StampColumn};

    fn set() -> Arc<RowSet> {
        let ids = IdColumn::U64((0..800).collect::<Vec<u64>>().into());
        let rows = Arc::new(Rows::new(ids, vec![]).unwrap());
        let stamps = StampColumn::from_stamps(&[]).unwrap();
        Arc::new(RowSet::new(Origin::Part("p".into()), rows, stamps))
    }

    fn hash(pass: bool) -> PredicateHash {
        PredicateHash::of(&Predicate::Always(pass))
    }

    fn get_or(
        cache: &FilterCache,
        set: &Arc<RowSet>,
        pass: bool,
        row: impl FnMut(usize) -> bool,
    ) -> Arc<Bitset> {
        let compute = || Ok::<_, ()>(Bitset::from_fn(set.len(), row));
        cache.get_or(set, hash(pass), compute).unwrap()
    }

    #[test]
    fn should_keep_nothing_that_failed() {
        let (cache, set) = (FilterCache::new(10_000), set());
        assert_eq!(cache.get_or(&set, hash(true), || Err("late")), Err("late"));
        assert_eq!(get_or(&cache, &set, true, |_| true).count(), 800);
    }

    #[test]
    fn should_forget_all_rows() {
        let (cache, set) = (FilterCache::new(1 << 20), set());
        get_or(&cache, &set, true, |_| false);
        cache.clear();
        assert_eq!(get_or(&cache, &set, true, |_| true).count(), 800);
    }

    #[test]
    fn should_compute_once() {
        let (cache, set) = (FilterCache::new(10_000), set());
        let ask = |pass| {
            let mut computed = false;
            let rows = get_or(&cache, &set, pass, |row| {
                computed = true;
                row < 800 && pass
            });
            (computed, rows.count())
        };
        assert_eq!(ask(true), (true, 800));
        assert_eq!(ask(false), (true, 0));
        assert_eq!(ask(true), (false, 800));
    }

    #[test]
    fn should_stay_within_its_bytes() {
        let each = 100 + ENTRY_BYTES;
        let cache = FilterCache::new(4 * each);
        let sets: Vec<_> = (0..50).map(|_| set()).collect();
        for set in &sets {
            get_or(&cache, set, true, |_| true);
            assert!(cache.state.lock().bytes <= 4 * each);
        }
        let state = cache.state.lock();
        assert_eq!(state.bytes, state.entries.len() * each);
        assert!(!state.entries.is_empty());
    }

    #[test]
    fn should_let_go_of_row_sets_that_are_gone() {
        let cache = FilterCache::new(2 * (100 + ENTRY_BYTES));
        for _ in 0..10 {
            get_or(&cache, &set(), true, |_| true);
        }
        let living = set();
        get_or(&cache, &living, true, |_| true);
        assert!(cache.state.lock().entries.len() <= 2);
    }
}
