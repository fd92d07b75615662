//! A process's clock and store, which can be frozen like the process itself.

use crate::Clock;
use futures::future::BoxFuture;
use futures::stream::{BoxStream, StreamExt};
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use std::sync::atomic::{AtomicBool, Ordering};
use std::{fmt, sync::Arc, time::Duration};
use tokio::{sync::Notify, time::Instant};

/// Shut while a process is frozen: nothing reaches it. Opens for those who wait in their order.
#[derive(Debug, Clone)]
pub(super) struct Gate(Arc<(AtomicBool, Notify)>);

impl Gate {
    pub(super) fn new() -> Self {
        Self(Arc::new((AtomicBool::new(true), Notify::new())))
    }

    pub(super) fn set(&self, open: bool) {
        self.0.0.store(open, Ordering::SeqCst);
        self.0.1.notify_waiters();
    }

    pub(super) async fn pass(&self) {
        loop {
            let changed = self.0.1.notified();
            if self.0.0.load(Ordering::SeqCst) {
                return;
            }
            changed.await;
        }
    }
}

/// The clock of a process: simulated time, some way off.
#[derive(Debug)]
pub(super) struct SimClock {
    origin: Instant,
    ahead: Duration,
    gate: Gate,
}

impl SimClock {
    pub(super) fn shared(origin: Instant, ahead: Duration, gate: Gate) -> Arc<dyn Clock> {
        Arc::new(Self {
            origin,
            ahead,
            gate,
        })
    }
}

impl Clock for SimClock {
    fn now_ms(&self) -> u64 {
        let start = Duration::from_secs(1_700_000_000);
        u64::try_from((start + self.origin.elapsed() + self.ahead).as_millis()).unwrap()
    }

    fn monotonic(&self) -> Duration {
        self.origin.elapsed()
    }

    fn sleep(&self, time: Duration) -> BoxFuture<'static, ()> {
        let gate = self.gate.clone();
        Box::pin(async move {
            tokio::time::sleep(time).await;
            gate.pass().await;
        })
    }
}

/// A store whose answers do not reach a frozen process.
#[derive(Debug)]
pub(super) struct GatedStore {
    pub(super) inner: Arc<dyn ObjectStore>,
    pub(super) gate: Gate,
}

impl fmt::Display for GatedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

#[async_trait::async_trait]
impl ObjectStore for GatedStore {
    async fn put_opts(&self, at: &Path, bytes: PutPayload, how: PutOptions) -> Result<PutResult> {
        let put = self.inner.put_opts(at, bytes, how).await;
        self.gate.pass().await;
        put
    }

    async fn put_multipart_opts(
        &self,
        at: &Path,
        how: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(at, how).await
    }

    async fn get_opts(&self, at: &Path, how: GetOptions) -> Result<GetResult> {
        let got = self.inner.get_opts(at, how).await;
        self.gate.pass().await;
        got
    }

    fn delete_stream(
        &self,
        at: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(at)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let gate = self.gate.clone();
        let listing = self.inner.list(prefix);
        futures::stream::once(async move { gate.pass().await })
            .flat_map(|()| futures::stream::empty())
            .chain(listing)
            .boxed()
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        after: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        let gate = self.gate.clone();
        let listing = self.inner.list_with_offset(prefix, after);
        futures::stream::once(async move { gate.pass().await })
            .flat_map(|()| futures::stream::empty())
            .chain(listing)
            .boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, how: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, how).await
    }
}
