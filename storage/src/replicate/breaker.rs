//! [`Breaker`]: when another region is asked nothing for a while.

use std::{collections::VecDeque, time::Duration};

/// Round trips of this long are compared with.
const WINDOW: Duration = Duration::from_mins(5);
/// The most of them that are remembered.
const SAMPLES: usize = 1_024;
/// So many are needed before one counts as slow.
const ENOUGH: usize = 10;
/// A round trip that takes this much longer than the median is slow.
const SLACK: Duration = Duration::from_millis(150);
/// So many failures or slow answers in a row open it.
const MISSES: u32 = 3;
/// For how long it is open before one request may try, at first and at most.
const PAUSE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(5));

/// Whether a peer is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BreakerState {
    /// It is.
    Closed,
    /// It is not.
    Open,
    /// One request is on its way to try it.
    HalfOpen,
}

/// Decides by the answers of a peer whether it is asked anything.
///
/// ```text
///             3 failures, or answers 150 ms above the median of 5 minutes, in a row
///   closed ─────────────────────────────────────────────────────────────────────────▶ open ◀─┐
///     ▲                                                          after a pause         │      │ slow, or failed
///     │ answered in time                                                               ▼      │
///     └──────────────────────────────────────────────────────────────────────────  half open ─┘
/// ```
#[derive(Debug, Clone)]
pub struct Breaker {
    state: BreakerState,
    /// When each answer came, and how long it took.
    trips: VecDeque<(Duration, Duration)>,
    misses: u32,
    /// When an open one lets a request try.
    until: Duration,
    pause: Duration,
}

impl Default for Breaker {
    fn default() -> Self {
        Self {
            state: BreakerState::Closed,
            trips: VecDeque::new(),
            misses: 0,
            until: Duration::ZERO,
            pause: PAUSE.0,
        }
    }
}

impl Breaker {
    /// What it does now.
    pub fn state(&self) -> BreakerState {
        self.state
    }

    /// Failures and slow answers since the last good one.
    pub fn misses(&self) -> u32 {
        self.misses
    }

    /// The median round trip of the last minutes; none where there was none.
    pub fn median(&self) -> Option<Duration> {
        let mut trips: Vec<Duration> = self.trips.iter().map(|(_, trip)| *trip).collect();
        let middle = trips.len() / 2;
        (!trips.is_empty()).then(|| *trips.select_nth_unstable(middle).1)
    }

    /// Whether a request may be sent at `now`. Where it is open and the pause is over, this one is the trial.
    pub fn may_ask(&mut self, now: Duration) -> bool {
        match self.state {
            BreakerState::Closed => true,
            BreakerState::HalfOpen => false,
            BreakerState::Open if now < self.until => false,
            BreakerState::Open => {
                self.state = BreakerState::HalfOpen;
                true
            }
        }
    }

    /// An answer came at `now` after `trip`. Whether that closed it, so that what was missed has to be made up for.
    pub fn answered(&mut self, now: Duration, trip: Duration) -> bool {
        let slow = self.is_slow(trip);
        self.trips.push_back((now, trip));
        let oldest = now.saturating_sub(WINDOW);
        let old = |(at, _): &(Duration, Duration)| *at < oldest;
        while self.trips.len() > SAMPLES || self.trips.front().is_some_and(old) {
            self.trips.pop_front();
        }
        if slow {
            self.missed(now);
            return false;
        }
        self.misses = 0;
        let closed = self.state != BreakerState::Closed;
        self.state = BreakerState::Closed;
        self.pause = PAUSE.0;
        closed
    }

    /// A request failed, or was not answered, at `now`.
    pub fn failed(&mut self, now: Duration) {
        self.missed(now);
    }

    fn is_slow(&self, trip: Duration) -> bool {
        let usual = self.median().filter(|_| self.trips.len() >= ENOUGH);
        usual.is_some_and(|usual| trip > usual + SLACK)
    }

    fn missed(&mut self, now: Duration) {
        self.misses = self.misses.saturating_add(1);
        match self.state {
            BreakerState::Closed if self.misses < MISSES => {}
            BreakerState::Open => {}
            BreakerState::Closed | BreakerState::HalfOpen => {
                self.state = BreakerState::Open;
                self.until = now + self.pause;
                self.pause = (self.pause * 2).min(PAUSE.1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MS: Duration = Duration::from_millis(1);
    const SECOND: Duration = Duration::from_secs(1);

    /// One that has seen `ENOUGH` answers of 80 ms.
    fn used() -> Breaker {
        let mut breaker = Breaker::default();
        for second in 0..10 {
            assert!(!breaker.answered(second * SECOND, 80 * MS));
        }
        breaker
    }

    #[test]
    fn should_open_after_three_slow_answers_and_close_after_a_good_one() {
        let mut breaker = used();
        let now = 10 * SECOND;
        for _ in 0..2 {
            breaker.answered(now, 231 * MS);
            assert!(breaker.may_ask(now));
        }
        breaker.answered(now, 231 * MS);
        assert!(!breaker.may_ask(now));
        assert!(breaker.may_ask(now + SECOND));
        assert!(!breaker.may_ask(now + SECOND), "one trial at a time");
        assert!(breaker.answered(now + SECOND, 90 * MS));
        assert!(breaker.may_ask(now + SECOND));
    }

    #[test]
    fn should_wait_longer_after_each_failed_trial() {
        let mut breaker = used();
        let mut now = 10 * SECOND;
        for _ in 0..3 {
            breaker.failed(now);
        }
        for wait in [1, 2, 4, 5, 5] {
            assert!(!breaker.may_ask(now + (wait * SECOND).saturating_sub(MS)));
            now += wait * SECOND;
            assert!(breaker.may_ask(now), "after {wait} s");
            breaker.failed(now);
        }
    }

    #[test]
    fn should_get_used_to_a_longer_way() {
        let mut breaker = used();
        for second in 10..400 {
            breaker.answered(second * SECOND, 400 * MS);
        }
        assert_eq!(breaker.state(), BreakerState::Closed);
    }

    proptest! {
        #[test]
        fn should_never_open_by_answers_within_the_slack(trips in proptest::collection::vec(0u64..150, 1..500)) {
            let mut breaker = Breaker::default();
            for (at, trip) in (0..).zip(trips) {
                breaker.answered(at * SECOND, Duration::from_millis(trip));
                prop_assert_eq!(breaker.state(), BreakerState::Closed);
            }
        }

        #[test]
        fn should_always_come_back(events in proptest::collection::vec(proptest::option::of(0u64..2_000), 0..300)) {
            let mut breaker = Breaker::default();
            let mut now = Duration::ZERO;
            for event in events {
                now += SECOND;
                if breaker.may_ask(now) {
                    match event {
                        Some(trip) => {
                            let closed = breaker.answered(now, Duration::from_millis(trip));
                            prop_assert!(!closed || breaker.state() == BreakerState::Closed);
                        }
                        None => breaker.failed(now),
                    }
                }
                prop_assert_ne!(breaker.state(), BreakerState::HalfOpen, "every trial is decided");
            }
            now += PAUSE.1;
            prop_assert!(breaker.may_ask(now));
            breaker.answered(now, Duration::ZERO);
            prop_assert_eq!(breaker.state(), BreakerState::Closed);
            prop_assert_eq!(breaker.misses(), 0);
        }
    }
}
