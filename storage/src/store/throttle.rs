//! [`Throttle`]: makes a store as slow as a distant one.

use super::layer::{Attempt, Layer, Listing, Request};
use crate::Clock;
use futures::{FutureExt, StreamExt, stream::BoxStream};
use object_store::{GetResult, ObjectMeta, Result};
use std::{sync::Arc, time::Duration};

/// How slow a store is made; by default not at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ThrottleOptions {
    /// Added to every request; a listing counts as one. Zero for none.
    pub latency: Duration,
    /// Bytes per second that one request moves at most; none for no limit.
    pub bytes_per_second: Option<u64>,
}

impl ThrottleOptions {
    /// Whether it slows anything.
    pub fn is_active(&self) -> bool {
        *self != Self::default()
    }

    fn transfer(&self, bytes: u64) -> Duration {
        let Some(rate) = self.bytes_per_second else {
            return Duration::ZERO;
        };
        let nanos = u128::from(bytes) * 1_000_000_000 / u128::from(rate.max(1));
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

/// Waits before every request, and for the bytes that it moves.
#[derive(Debug)]
pub(super) struct Throttle {
    options: ThrottleOptions,
    clock: Arc<dyn Clock>,
}

impl Throttle {
    pub(super) fn new(options: ThrottleOptions, clock: Arc<dyn Clock>) -> Self {
        Self { options, clock }
    }
}

impl Layer for Throttle {
    async fn around<T: Send + 'static>(
        &self,
        request: &Request,
        attempt: Attempt<'_, T>,
    ) -> Result<T> {
        let time = self.options.latency + self.options.transfer(request.bytes);
        self.clock.sleep(time).await;
        attempt().await
    }

    async fn get(
        self: &Arc<Self>,
        request: &Request,
        attempt: Attempt<'_, GetResult>,
    ) -> Result<GetResult> {
        let found = self.around(request, attempt).await?;
        let bytes = found.range.end.saturating_sub(found.range.start);
        self.clock.sleep(self.options.transfer(bytes)).await;
        Ok(found)
    }

    fn list(
        self: &Arc<Self>,
        _request: Request,
        listing: Listing,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        let latency = self.clock.sleep(self.options.latency);
        latency.map(move |()| listing()).flatten_stream().boxed()
    }
}
