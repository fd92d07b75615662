//! [`Space`]: how much a local directory can still take.

use std::path::{Path, PathBuf};

/// Asks the file system under a bucket for its free space. One system call, on the spot.
#[derive(Debug, Clone)]
pub struct Space {
    dir: PathBuf,
    reserve: u64,
}

impl Space {
    /// For the bucket at `dir`, of which `reserve` bytes stay free for what makes room again: folding and deleting.
    pub(super) fn new(dir: &Path, reserve: u64) -> Self {
        Self {
            dir: dir.to_owned(),
            reserve,
        }
    }

    /// Whether so many bytes more would reach into the reserve. A file system that does not say how much is
    /// free counts as having room: its own refusal then tells.
    pub fn lacks(&self, bytes: u64) -> bool {
        self.left()
            .is_some_and(|left| left < self.reserve.saturating_add(bytes))
    }

    /// What a user without privileges can still write, in bytes.
    fn left(&self) -> Option<u64> {
        let found = rustix::fs::statvfs(&self.dir).ok()?;
        Some(found.f_bavail.saturating_mul(found.f_frsize))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn should_keep_the_reserve() {
        let dir = tempfile::tempdir().unwrap();
        let left = Space::new(dir.path(), 0).left().unwrap();
        assert!(!Space::new(dir.path(), 0).lacks(1));
        assert!(Space::new(dir.path(), 0).lacks(left.saturating_mul(2)));
        assert!(Space::new(dir.path(), left.saturating_mul(2)).lacks(0));
        assert!(!Space::new(&dir.path().join("missing"), u64::MAX).lacks(1));
    }
}
