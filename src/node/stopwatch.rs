//! [`Stopwatch`]: where the time of a request goes.

use isobath_storage::Clock;
use std::time::Duration;

/// Measures the times between some moments.
#[derive(Debug)]
pub(super) struct Stopwatch<'a> {
    clock: &'a dyn Clock,
    last: Duration,
}

impl<'a> Stopwatch<'a> {
    /// Starts now.
    pub(super) fn new(clock: &'a dyn Clock) -> Self {
        let last = clock.monotonic();
        Self { clock, last }
    }

    /// The time since the last lap, or the start.
    pub(super) fn lap(&mut self) -> Duration {
        let now = self.clock.monotonic();
        let lap = now.saturating_sub(self.last);
        self.last = now;
        lap
    }
}
