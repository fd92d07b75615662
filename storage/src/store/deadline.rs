//! [`Deadline`]: no request waits for its answer for ever.

use super::layer::{Attempt, Layer, Listing, Request};
use crate::Clock;
use futures::{FutureExt, StreamExt, future, stream::BoxStream};
use object_store::{Error, GetResult, GetResultPayload, ObjectMeta, Result};
use std::{io, sync::Arc, time::Duration};

/// How long a request may take: `base` and the time for its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeadlineOptions {
    /// For a request without bytes, for every page of a listing, for every pause in a body.
    pub base: Duration,
    /// Bytes per second that any usable link carries.
    pub bytes_per_second: u64,
}

/// Gives requests up that take too long: an error of kind `Unavailable`, the outcome unknown.
#[derive(Debug)]
pub(super) struct Deadline {
    options: DeadlineOptions,
    clock: Arc<dyn Clock>,
}

impl Deadline {
    pub(super) fn new(options: DeadlineOptions, clock: Arc<dyn Clock>) -> Self {
        Self { options, clock }
    }

    async fn within<T>(&self, time: Duration, work: impl Future<Output = Result<T>>) -> Result<T> {
        let work = std::pin::pin!(work);
        match future::select(work, self.clock.sleep(time)).await {
            future::Either::Left((done, _)) => done,
            future::Either::Right(_) => Err(timed_out(time)),
        }
    }

    /// `items`, of which each comes in time.
    fn each<T: Send + 'static>(
        self: &Arc<Self>,
        items: BoxStream<'static, Result<T>>,
    ) -> BoxStream<'static, Result<T>> {
        let deadline = Arc::clone(self);
        futures::stream::unfold(Some(items), move |items| {
            let deadline = Arc::clone(&deadline);
            async move {
                let mut items = items?;
                let next = items.next().map(Option::transpose);
                match deadline.within(deadline.options.base, next).await {
                    Ok(item) => item.map(|item| (Ok(item), Some(items))),
                    Err(error) => Some((Err(error), None)),
                }
            }
        })
        .boxed()
    }
}

impl Layer for Deadline {
    async fn around<T: Send + 'static>(
        &self,
        request: &Request,
        attempt: Attempt<'_, T>,
    ) -> Result<T> {
        let seconds = request.bytes / self.options.bytes_per_second.max(1);
        let time = self.options.base + Duration::from_secs(seconds);
        self.within(time, attempt()).await
    }

    async fn get(
        self: &Arc<Self>,
        request: &Request,
        attempt: Attempt<'_, GetResult>,
    ) -> Result<GetResult> {
        let mut found = self.around(request, attempt).await?;
        if let GetResultPayload::Stream(body) = found.payload {
            found.payload = GetResultPayload::Stream(self.each(body));
        }
        Ok(found)
    }

    fn list(
        self: &Arc<Self>,
        _request: Request,
        listing: Listing,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        self.each(listing())
    }
}

fn timed_out(time: Duration) -> Error {
    let text = format!("no answer within {} ms", time.as_millis());
    let source = io::Error::new(io::ErrorKind::TimedOut, text);
    Error::Generic {
        store: "deadline",
        source: source.into(),
    }
}
