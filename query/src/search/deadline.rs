//! [`Deadline`]: when a query's time is over.

use super::SearchError;
use isobath_storage::Clock;
use std::{sync::Arc, time::Duration};

/// When a query's time is over.
#[derive(Debug, Clone)]
pub struct Deadline {
    clock: Arc<dyn Clock>,
    /// On the clock's monotonic time.
    at: Duration,
}

impl Deadline {
    /// In `time` from now.
    pub fn after(clock: Arc<dyn Clock>, time: Duration) -> Self {
        let at = clock.monotonic().saturating_add(time);
        Self { clock, at }
    }

    /// Whether it has passed.
    pub fn has_passed(&self) -> bool {
        self.clock.monotonic() >= self.at
    }

    /// An error once it has passed.
    pub fn check(&self) -> Result<(), SearchError> {
        if self.has_passed() {
            return Err(SearchError::DeadlineExceeded);
        }
        Ok(())
    }
}
