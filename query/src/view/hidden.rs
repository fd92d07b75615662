//! [`Hidden`]: from which version on a row is no longer part of its namespace.

use std::sync::{
    OnceLock,
    atomic::{AtomicU64, AtomicUsize, Ordering},
};

/// Counts the changes of one namespace on one node, from 1. A view is pinned to one version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Version(pub u64);

impl Version {
    /// The version after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// Rows whose versions are kept together.
const CHUNK: usize = 16 * 1024;

/// Per row of a row set the version that replaced or deleted it.
///
/// Written by the one task that applies the log, read by queries without a lock: a view of version `v`
/// sees a row that was hidden at a later version than `v`.
#[derive(Debug)]
pub struct Hidden {
    /// Versions by row; 0 = not hidden. Allocated when the first row of a chunk is hidden.
    chunks: Vec<OnceLock<Box<[AtomicU64]>>>,
    rows: usize,
    count: AtomicUsize,
}

impl Hidden {
    /// Nothing is hidden among `rows` rows.
    pub fn new(rows: usize) -> Self {
        let chunks = (0..rows.div_ceil(CHUNK)).map(|_| OnceLock::new()).collect();
        Self {
            chunks,
            rows,
            count: AtomicUsize::new(0),
        }
    }

    /// Hides `row` from `version` on. A row that is hidden already stays as it is.
    pub fn hide(&self, row: usize, version: Version) {
        if row >= self.rows {
            return;
        }
        let chunk = self.chunks[row / CHUNK]
            .get_or_init(|| (0..CHUNK).map(|_| AtomicU64::new(0)).collect());
        let hidden =
            chunk[row % CHUNK].compare_exchange(0, version.0, Ordering::Release, Ordering::Relaxed);
        if hidden.is_ok() {
            self.count.fetch_add(1, Ordering::Release);
        }
    }

    /// Whether a view of `version` sees `row`.
    #[inline]
    pub fn is_visible(&self, row: usize, version: Version) -> bool {
        let Some(chunk) = self.chunks.get(row / CHUNK).and_then(OnceLock::get) else {
            return true;
        };
        let at = chunk[row % CHUNK].load(Ordering::Acquire);
        at == 0 || version.0 < at
    }

    /// Whether no row was ever hidden, so that [`Self::is_visible`] need not be asked.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.count.load(Ordering::Acquire) == 0
    }

    /// How many rows are hidden from the newest version.
    pub fn count(&self) -> usize {
        self.count.load(Ordering::Acquire)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn should_keep_a_row_visible_to_older_versions() {
        let hidden = Hidden::new(20_000);
        hidden.hide(17_000, Version(5));
        hidden.hide(17_000, Version(6));
        hidden.hide(20_000, Version(6));
        assert_eq!(hidden.count(), 1);
        assert!(hidden.is_visible(17_000, Version(4)));
        assert!(!hidden.is_visible(17_000, Version(5)));
        assert!(hidden.is_visible(16_999, Version(9)));
        assert!(hidden.is_visible(3, Version(9)));
    }
}
