//! [`Latency`]: how long single operations took.

use serde::Serialize;
use std::time::Duration;

/// How long single operations took, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(super) struct Latency {
    /// Half were faster.
    pub(super) p50_ms: f64,
    /// One of a hundred was slower.
    pub(super) p99_ms: f64,
    /// How many there were.
    pub(super) count: usize,
}

impl Latency {
    /// Of these times; zeros for none.
    pub(super) fn of(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        let at = |percent: usize| {
            let index = (times.len() * percent / 100).min(times.len().saturating_sub(1));
            times.get(index).copied().unwrap_or_default().as_secs_f64() * 1_000.0
        };
        Self {
            p50_ms: at(50),
            p99_ms: at(99),
            count: times.len(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn should_find_the_middle_and_the_tail() {
        let times = (1..=100).rev().map(Duration::from_millis).collect();
        let latency = Latency::of(times);
        assert!((latency.p50_ms - 51.0).abs() < 1e-9 && (latency.p99_ms - 100.0).abs() < 1e-9);
        assert_eq!(Latency::of(Vec::new()).count, 0);
    }
}
