//! [`Hlc`]: hybrid logical time (Kulkarni et al., "Logical Physical Clocks", 2014).

use serde::{Deserialize, Serialize};
use std::fmt;

/// Hybrid logical time: 48 bits of milliseconds since 1970, then a 16-bit counter.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Hlc(pub u64);

impl Hlc {
    /// Before all time.
    pub const ZERO: Self = Self(0);

    /// The first time of a millisecond.
    pub fn from_millis(ms: u64) -> Self {
        Self(ms.min((1 << 48) - 1) << 16)
    }

    /// Milliseconds since 1970.
    pub fn millis(self) -> u64 {
        self.0 >> 16
    }

    /// The smallest time above this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Hlc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.millis(), self.0 & 0xffff)
    }
}

/// Hands out strictly increasing times that exceed every time observed.
///
/// Skew is never corrected: what is durable cannot be rejected. A fast clock wins.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct HlcClock {
    last: Hlc,
}

impl HlcClock {
    /// Takes note of a durable time, of this log or of another region's.
    pub fn observe(&mut self, seen: Hlc) {
        self.last = self.last.max(seen);
    }

    /// A time above all that were handed out or observed, and not below the wall clock.
    pub fn tick(&mut self, now_ms: u64) -> Hlc {
        self.last = self.last.next().max(Hlc::from_millis(now_ms));
        self.last
    }

    /// The newest time handed out or observed.
    pub fn last(&self) -> Hlc {
        self.last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn should_rise_when_the_wall_clock_stands_or_falls() {
        let mut clock = HlcClock::default();
        let a = clock.tick(1_000);
        let b = clock.tick(1_000);
        let c = clock.tick(10);
        assert!(a < b && b < c);
        assert_eq!(c.millis(), 1_000);
        clock.observe(Hlc::from_millis(5_000));
        assert!(clock.tick(1_000) > Hlc::from_millis(5_000));
    }
}
