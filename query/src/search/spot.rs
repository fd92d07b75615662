//! [`Spots`]: which searches are short enough for the thread that asks.

use std::{
    hash::{BuildHasher, BuildHasherDefault, DefaultHasher},
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

/// When a search is given up on the thread that asks.
pub(super) const MOST: Duration = Duration::from_millis(5);
/// Up to so much is short. A thread may have to wait for a processor meanwhile, so that one search that
/// takes longer says little; two in a row do.
pub(super) const SHORT: Duration = Duration::from_millis(1);
/// After two long ones so many go to the threads that search, untried.
const SKIPPED: u32 = 32;
/// Names share so many counters.
const COUNTERS: usize = 256;

/// Which searches are short enough for the thread that asks: those of names whose last ones were.
#[derive(Debug)]
pub(super) struct Spots {
    /// By name: 0 after a short one, 1 after a long one; above, one more than how many are to be skipped.
    states: Box<[AtomicU32]>,
}

impl Default for Spots {
    fn default() -> Self {
        let states = (0..COUNTERS).map(|_| AtomicU32::new(0)).collect();
        Self { states }
    }
}

impl Spots {
    /// Whether the next search of `name` is to be tried on the spot.
    pub(super) fn tries(&self, name: &str) -> bool {
        let skip = |state: u32| (state > 1).then(|| state - 1);
        let state = self.state(name);
        let skipped = state.fetch_update(Ordering::Relaxed, Ordering::Relaxed, skip);
        skipped.is_err()
    }

    /// One of `name` took so long on the spot.
    pub(super) fn took(&self, name: &str, time: Duration) {
        let state = self.state(name);
        let next = match state.load(Ordering::Relaxed) {
            0 if time <= SHORT => return,
            _ if time <= SHORT => 0,
            0 => 1,
            _ => SKIPPED + 1,
        };
        state.store(next, Ordering::Relaxed);
    }

    fn state(&self, name: &str) -> &AtomicU32 {
        let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(name);
        let at = usize::try_from(hash % COUNTERS as u64).unwrap_or(0);
        &self.states[at]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn should_leave_a_name_to_others_after_two_long_searches() {
        let spots = Spots::default();
        let (short, long) = (Duration::ZERO, Duration::from_secs(1));
        for time in [long, short, long] {
            assert!(spots.tries("a"));
            spots.took("a", time);
        }
        for _ in 0..3 {
            assert!(spots.tries("a"));
            spots.took("a", long);
            let skipped = (0..1_000).take_while(|_| !spots.tries("a")).count();
            assert_eq!(skipped, SKIPPED as usize);
        }
        spots.took("a", short);
        spots.took("a", long);
        assert!(spots.tries("a") && spots.tries("a"));
    }
}
