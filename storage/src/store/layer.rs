//! [`Layer`]: what is wrapped around every request, and [`Layered`], the store that it makes.
//!
//! A layer says once what happens around a request; the many methods of [`ObjectStore`] are brought
//! down to that here.

use super::Op;
use futures::{
    FutureExt, StreamExt,
    future::{self, BoxFuture},
    stream,
    stream::BoxStream,
};
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions, Result,
    UploadPart, path::Path,
};
use parking_lot::Mutex;
use std::{fmt, sync::Arc};

/// What a request is about, as far as layers care.
#[derive(Debug, Clone)]
pub(super) struct Request {
    /// What it asks for.
    pub(super) op: Op,
    /// The object, or the prefix that is listed.
    pub(super) path: Path,
    /// How many bytes it sends.
    pub(super) bytes: u64,
    /// Whether sending it twice has the effect of sending it once, and the same answer.
    pub(super) idempotent: bool,
}

/// Sends the request (once more); does nothing until polled.
pub(super) type Attempt<'a, T> = &'a (dyn Fn() -> BoxFuture<'static, Result<T>> + Send + Sync);

/// Lists from the start (once more).
pub(super) type Listing = Box<dyn Fn() -> BoxStream<'static, Result<ObjectMeta>> + Send + Sync>;

/// What happens around every request of a store.
pub(super) trait Layer: fmt::Debug + Send + Sync + 'static {
    /// Around any request.
    fn around<T: Send + 'static>(
        &self,
        request: &Request,
        attempt: Attempt<'_, T>,
    ) -> impl Future<Output = Result<T>> + Send;

    /// Around a put of a whole object.
    fn put(
        &self,
        request: &Request,
        _payload: &PutPayload,
        attempt: Attempt<'_, PutResult>,
    ) -> impl Future<Output = Result<PutResult>> + Send {
        self.around(request, attempt)
    }

    /// Around a get; the body is yet to be read.
    fn get(
        self: &Arc<Self>,
        request: &Request,
        attempt: Attempt<'_, GetResult>,
    ) -> impl Future<Output = Result<GetResult>> + Send {
        self.around(request, attempt)
    }

    /// Around a listing.
    fn list(
        self: &Arc<Self>,
        request: Request,
        listing: Listing,
    ) -> BoxStream<'static, Result<ObjectMeta>>;
}

/// A store with a layer around it.
#[derive(Debug)]
pub(super) struct Layered<L> {
    inner: Arc<dyn ObjectStore>,
    layer: Arc<L>,
}

impl<L: Layer> Layered<L> {
    pub(super) fn new(inner: Arc<dyn ObjectStore>, layer: Arc<L>) -> Self {
        Self { inner, layer }
    }
}

impl<L: Layer> fmt::Display for Layered<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

fn request(op: Op, path: &Path, bytes: usize, idempotent: bool) -> Request {
    Request {
        op,
        path: path.clone(),
        bytes: bytes as u64,
        idempotent,
    }
}

/// A closure that sends a request of `inner`, over and over if need be; what it needs is cloned per call.
macro_rules! attempt {
    ($inner:expr, $($owned:ident),* => $call:expr) => {{
        let inner = Arc::clone(&$inner);
        $(let $owned = $owned.clone();)*
        move || {
            let inner = Arc::clone(&inner);
            $(let $owned = $owned.clone();)*
            async move { $call(inner, $($owned),*).await }.boxed()
        }
    }};
}

#[async_trait::async_trait]
impl<L: Layer> ObjectStore for Layered<L> {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        opts: PutOptions,
    ) -> Result<PutResult> {
        let idempotent = opts.mode == PutMode::Overwrite;
        let request = request(Op::Put, location, payload.content_length(), idempotent);
        let body = payload.clone();
        let attempt = attempt!(self.inner, location, payload, opts =>
        async |inner: Arc<dyn ObjectStore>, location: Path, payload, opts| {
            inner.put_opts(&location, payload, opts).await
        });
        self.layer.put(&request, &body, &attempt).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        opts: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        let request = request(Op::Put, location, 0, true);
        let attempt = attempt!(self.inner, location, opts =>
        async |inner: Arc<dyn ObjectStore>, location: Path, opts| {
            inner.put_multipart_opts(&location, opts).await
        });
        let inner = self.layer.around(&request, &attempt).await?;
        let layer = Arc::clone(&self.layer);
        Ok(Box::new(LayeredUpload {
            inner,
            layer,
            path: location.clone(),
        }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let request = request(Op::Get, location, 0, true);
        let attempt = attempt!(self.inner, location, options =>
        async |inner: Arc<dyn ObjectStore>, location: Path, options| {
            inner.get_opts(&location, options).await
        });
        self.layer.get(&request, &attempt).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        const AT_ONCE: usize = 10;
        let (inner, layer) = (Arc::clone(&self.inner), Arc::clone(&self.layer));
        let delete = move |location: Result<Path>| {
            let (inner, layer) = (Arc::clone(&inner), Arc::clone(&layer));
            async move {
                let location = location?;
                let request = request(Op::Delete, &location, 0, true);
                let attempt = attempt!(inner, location => delete_one);
                layer.around(&request, &attempt).await?;
                Ok(location)
            }
        };
        locations.map(delete).buffered(AT_ONCE).boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let (inner, prefix) = (Arc::clone(&self.inner), prefix.cloned());
        let request = request(Op::List, &prefix.clone().unwrap_or_default(), 0, true);
        self.layer
            .list(request, Box::new(move || inner.list(prefix.as_ref())))
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        let (inner, prefix, offset) = (Arc::clone(&self.inner), prefix.cloned(), offset.clone());
        let request = request(Op::List, &prefix.clone().unwrap_or_default(), 0, true);
        let listing = move || inner.list_with_offset(prefix.as_ref(), &offset);
        self.layer.list(request, Box::new(listing))
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        let prefix = prefix.cloned();
        let request = request(Op::List, &prefix.clone().unwrap_or_default(), 0, true);
        let attempt = attempt!(self.inner, prefix =>
        async |inner: Arc<dyn ObjectStore>, prefix: Option<Path>| {
            inner.list_with_delimiter(prefix.as_ref()).await
        });
        self.layer.around(&request, &attempt).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        let request = request(Op::Copy, to, 0, false);
        let attempt = attempt!(self.inner, from, to, options =>
        async |inner: Arc<dyn ObjectStore>, from: Path, to: Path, options| {
            inner.copy_opts(&from, &to, options).await
        });
        self.layer.around(&request, &attempt).await
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        let request = request(Op::Copy, to, 0, false);
        let attempt = attempt!(self.inner, from, to, options =>
        async |inner: Arc<dyn ObjectStore>, from: Path, to: Path, options| {
            inner.rename_opts(&from, &to, options).await
        });
        self.layer.around(&request, &attempt).await
    }
}

async fn delete_one(inner: Arc<dyn ObjectStore>, location: Path) -> Result<()> {
    let mut deleted = inner.delete_stream(stream::iter([Ok(location)]).boxed());
    deleted.next().await.transpose().map(drop)
}

/// An upload in pieces with a layer around every piece.
#[derive(Debug)]
struct LayeredUpload<L> {
    inner: Box<dyn MultipartUpload>,
    layer: Arc<L>,
    path: Path,
}

#[async_trait::async_trait]
impl<L: Layer> MultipartUpload for LayeredUpload<L> {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        let request = request(Op::Put, &self.path, data.content_length(), false);
        let layer = Arc::clone(&self.layer);
        let part = Mutex::new(Some(self.inner.put_part(data)));
        async move {
            let attempt = || {
                part.lock()
                    .take()
                    .unwrap_or_else(|| future::ready(Err(sent_already())).boxed())
            };
            layer.around(&request, &attempt).await
        }
        .boxed()
    }

    async fn complete(&mut self) -> Result<PutResult> {
        self.inner.complete().await
    }

    async fn abort(&mut self) -> Result<()> {
        self.inner.abort().await
    }
}

fn sent_already() -> object_store::Error {
    let source = "a piece of an upload cannot be sent twice".into();
    object_store::Error::Generic {
        store: "upload",
        source,
    }
}
