//! [`SimClock`]: simulated time.

use futures::future::BoxFuture;
use isobath_storage::Clock;
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;

/// When the simulation begins, in milliseconds since 1970: late enough for everything that a real clock stamped to be
/// old.
pub(crate) const BEGIN_MS: i64 = 2_000_000_000_000;

/// Simulated time; the wall clock is some way off.
#[derive(Debug)]
pub(crate) struct SimClock {
    origin: Instant,
    skew_ms: i64,
}

impl SimClock {
    pub(crate) fn shared(origin: Instant, skew_ms: i64) -> Arc<dyn Clock> {
        Arc::new(Self { origin, skew_ms })
    }
}

impl Clock for SimClock {
    fn now_ms(&self) -> u64 {
        let elapsed = i64::try_from(self.origin.elapsed().as_millis()).unwrap();
        u64::try_from(BEGIN_MS + self.skew_ms + elapsed).unwrap()
    }

    fn monotonic(&self) -> Duration {
        self.origin.elapsed()
    }

    fn sleep(&self, time: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(time))
    }
}
