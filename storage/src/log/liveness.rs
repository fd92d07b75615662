//! [`Liveness`]: when an owner counts as gone.

use std::time::Duration;

/// Counts an owner's missed pings, and how long the log has been without a new segment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Liveness {
    misses_max: u32,
    quiet: Duration,
    misses: u32,
    moved_at: Duration,
}

impl Liveness {
    /// An owner counts as gone after `misses_max` pings without an answer in a row, if the log did not
    /// move for `quiet`.
    pub(super) fn new(misses_max: u32, quiet: Duration, now: Duration) -> Self {
        Self {
            misses_max,
            quiet,
            misses: 0,
            moved_at: now,
        }
    }

    /// A ping was answered, or not.
    pub(super) fn pinged(&mut self, alive: bool) {
        self.misses = if alive {
            0
        } else {
            self.misses.saturating_add(1)
        };
    }

    /// A segment was read at `now`.
    pub(super) fn moved(&mut self, now: Duration) {
        self.moved_at = now;
    }

    /// Whether the last ping was not answered.
    pub(super) fn is_suspect(&self) -> bool {
        self.misses > 0
    }

    /// Whether the owner counts as gone at `now`.
    pub(super) fn is_gone(&self, now: Duration) -> bool {
        self.misses >= self.misses_max && now.saturating_sub(self.moved_at) >= self.quiet
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn should_want_both_missed_pings_and_a_log_that_stands() {
        let second = Duration::from_secs(1);
        let mut liveness = Liveness::new(3, second, Duration::ZERO);
        for _ in 0..3 {
            assert!(!liveness.is_gone(9 * second));
            liveness.pinged(false);
        }
        assert!(liveness.is_gone(9 * second));
        liveness.moved(9 * second);
        assert!(!liveness.is_gone(9 * second));
        assert!(liveness.is_gone(10 * second));
        liveness.pinged(true);
        assert!(!liveness.is_gone(20 * second));
    }
}
