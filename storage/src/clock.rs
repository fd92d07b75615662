//! [`Clock`]: where time comes from, so that a simulation can bend it.

use futures::future::BoxFuture;
use std::{fmt, time::Duration};

/// The source of time; the only one that code of ours may read.
pub trait Clock: fmt::Debug + Send + Sync {
    /// The wall clock: milliseconds since 1970. May jump.
    fn now_ms(&self) -> u64;

    /// Time since some fixed point, never falling, counting through suspension (`CLOCK_BOOTTIME`).
    fn monotonic(&self) -> Duration;

    /// Completes after `time` has passed.
    fn sleep(&self, time: Duration) -> BoxFuture<'static, ()>;
}

/// The clocks of this machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_types, reason = "this is where time enters")]
    fn now_ms(&self) -> u64 {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        now.map_or(0, |t| u64::try_from(t.as_millis()).unwrap_or(u64::MAX))
    }

    fn monotonic(&self) -> Duration {
        #[cfg(target_os = "linux")]
        let id = rustix::time::ClockId::Boottime;
        #[cfg(not(target_os = "linux"))]
        let id = rustix::time::ClockId::Monotonic;
        Duration::try_from(rustix::time::clock_gettime(id)).unwrap_or_default()
    }

    fn sleep(&self, time: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(time))
    }
}
