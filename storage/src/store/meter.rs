//! [`Meter`]: counts requests, bytes and what they cost.

use super::layer::{Attempt, Layer, Listing, Request};
use super::{Op, StoreKind};
use crate::metrics::{ESTIMATED_DOLLARS, REQUEST_BYTES, REQUESTS};
use futures::{StreamExt, stream::BoxStream};
use metrics::{Counter, counter, gauge};
use object_store::{GetResult, ObjectMeta, Result};
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

/// Keys on one page of a listing, for all clouds.
const PAGE: usize = 1000;

/// Counts every request that reaches the store: as metrics, and in [`RequestCounts`].
#[derive(Debug)]
pub(super) struct Meter {
    kind: StoreKind,
    bucket: String,
    counts: Arc<RequestCounts>,
    /// The metric of each operation, so that it is not looked up for each request.
    requests: [Counter; Op::ALL.len()],
}

/// How many requests were sent, and the bytes of objects that they carried.
///
/// A listing counts once per full page of 1,000 keys and once more.
#[derive(Debug, Default)]
pub struct RequestCounts {
    requests: [AtomicU64; Op::ALL.len()],
    sent: AtomicU64,
    received: AtomicU64,
}

impl RequestCounts {
    /// How many requests of this kind.
    pub fn of(&self, op: Op) -> u64 {
        self.requests[op as usize].load(Ordering::Relaxed)
    }

    /// How many bytes were sent to be written.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// How many bytes were asked for to be read.
    pub fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }
}

impl Meter {
    pub(super) fn new(kind: StoreKind, bucket: String, counts: Arc<RequestCounts>) -> Self {
        let requests =
            Op::ALL.map(|op| counter!(REQUESTS, "op" => op.label(), "bucket" => bucket.clone()));
        Self {
            kind,
            bucket,
            counts,
            requests,
        }
    }

    /// Counts a request.
    pub(super) fn count(&self, op: Op) {
        self.counts.requests[op as usize].fetch_add(1, Ordering::Relaxed);
        self.requests[op as usize].increment(1);
        let dollars = self.kind.dollars(op);
        if dollars > 0.0 {
            gauge!(ESTIMATED_DOLLARS, "op" => op.label()).increment(dollars);
        }
    }

    fn count_bytes(&self, op: Op, bytes: u64) {
        let total = if op == Op::Get {
            &self.counts.received
        } else {
            &self.counts.sent
        };
        total.fetch_add(bytes, Ordering::Relaxed);
        counter!(REQUEST_BYTES, "op" => op.label(), "bucket" => self.bucket.clone())
            .increment(bytes);
    }
}

impl Layer for Meter {
    async fn around<T: Send + 'static>(
        &self,
        request: &Request,
        attempt: Attempt<'_, T>,
    ) -> Result<T> {
        self.count(request.op);
        if request.bytes > 0 {
            self.count_bytes(request.op, request.bytes);
        }
        attempt().await
    }

    async fn get(
        self: &Arc<Self>,
        request: &Request,
        attempt: Attempt<'_, GetResult>,
    ) -> Result<GetResult> {
        let found = self.around(request, attempt).await?;
        self.count_bytes(Op::Get, found.range.end.saturating_sub(found.range.start));
        Ok(found)
    }

    fn list(
        self: &Arc<Self>,
        _request: Request,
        listing: Listing,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        let meter = Arc::clone(self);
        let mut next = 0_usize;
        self.count(Op::List);
        listing()
            .inspect(move |_| {
                next += 1;
                if next.is_multiple_of(PAGE) {
                    meter.count(Op::List);
                }
            })
            .boxed()
    }
}
