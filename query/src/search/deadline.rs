//! [`Deadline`]: when a query's time is over.

use super::SearchError;
use isobath_storage::Clock;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

/// When a query's time is over.
#[derive(Debug, Clone)]
pub struct Deadline {
    clock: Arc<dyn Clock>,
    /// On the clock's monotonic time.
    at: Duration,
    /// Nobody waits for the answer any more.
    abandoned: Option<Arc<AtomicBool>>,
}

impl Deadline {
    /// In `time` from now.
    pub fn after(clock: Arc<dyn Clock>, time: Duration) -> Self {
        let at = clock.monotonic().saturating_add(time);
        Self {
            clock,
            at,
            abandoned: None,
        }
    }

    /// The same, and over as soon as `abandoned` is true.
    #[must_use]
    pub fn or_when(self, abandoned: Arc<AtomicBool>) -> Self {
        Self {
            abandoned: Some(abandoned),
            ..self
        }
    }

    /// Whether it has passed.
    pub fn has_passed(&self) -> bool {
        let abandoned = self.abandoned.as_ref();
        abandoned.is_some_and(|flag| flag.load(Ordering::Relaxed))
            || self.clock.monotonic() >= self.at
    }

    /// An error once it has passed.
    pub fn check(&self) -> Result<(), SearchError> {
        if self.has_passed() {
            return Err(SearchError::DeadlineExceeded);
        }
        Ok(())
    }
}
