//! [`Pace`]: how soon after a segment the next one may be sent.

use std::time::Duration;

/// Spaces segments on stores that charge per request: the shortest interval while requests come
/// together, growing to the longest while they come one by one. The first one after a pause goes at once.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    min: Duration,
    max: Duration,
    interval: Duration,
    last: Option<Duration>,
}

impl Pace {
    pub(super) fn new(min: Duration, max: Duration) -> Self {
        Self {
            min,
            max,
            interval: min,
            last: None,
        }
    }

    /// How long to wait at `now` before the next segment may be sent.
    pub(super) fn wait(&self, now: Duration) -> Duration {
        self.last.map_or(Duration::ZERO, |last| {
            (last + self.interval).saturating_sub(now)
        })
    }

    /// A segment with `requests` was sent at `now`.
    pub(super) fn sent(&mut self, now: Duration, requests: usize) {
        let idle = self
            .last
            .is_none_or(|last| now.saturating_sub(last) > self.interval * 2);
        self.interval = if idle || requests > 1 {
            self.min
        } else {
            (self.interval * 5 / 4).min(self.max)
        };
        self.last = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn should_never_wait_without_a_minimum() {
        let mut pace = Pace::new(Duration::ZERO, Duration::ZERO);
        pace.sent(MS, 1);
        assert_eq!(pace.wait(MS), Duration::ZERO);
    }

    #[test]
    fn should_stretch_for_single_requests_and_recover() {
        let mut pace = Pace::new(100 * MS, 1_000 * MS);
        let mut now = MS;
        assert_eq!(pace.wait(now), Duration::ZERO);
        for _ in 0..30 {
            pace.sent(now, 1);
            now += pace.wait(now);
        }
        pace.sent(now, 1);
        assert_eq!(pace.wait(now), 1_000 * MS);
        pace.sent(now, 4);
        assert_eq!(pace.wait(now), 100 * MS);
        assert_eq!(pace.wait(now + 200 * MS), Duration::ZERO);
    }
}
