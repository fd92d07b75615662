//! [`Retry`]: sends again what failed in passing, and knows its own bytes again.

use super::kind_of;
use super::layer::{Attempt, Layer, Listing, Request};
use crate::{Clock, error::ErrorKind};
use bytes::Bytes;
use futures::{StreamExt, stream, stream::BoxStream};
use object_store::{
    Error, Extensions, GetOptions, GetRange, GetResult, GetResultPayload, ObjectMeta, ObjectStore,
    ObjectStoreExt, PutPayload, PutResult, Result, path::Path,
};
use std::{
    hash::{DefaultHasher, Hash, Hasher},
    ops::Range,
    sync::Arc,
    time::Duration,
};

/// How often and how fast a request is sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryOptions {
    /// How often a request is sent at most, the first time included; 1 for no retry.
    pub attempts: u32,
    /// The pause before the second attempt; each further one is twice as long.
    pub pause_min: Duration,
    /// The longest pause.
    pub pause_max: Duration,
}

/// Sends again what failed with [`ErrorKind::Unavailable`]; never around the log, which has its own
/// rules for what an answer to its creates means.
#[derive(Debug)]
pub(super) struct Retry {
    options: RetryOptions,
    clock: Arc<dyn Clock>,
    /// The store below, to look at what a put left behind and to read on.
    store: Arc<dyn ObjectStore>,
}

/// What lies where a conditional put met a conflict.
enum Found {
    Ours(PutResult),
    Theirs,
    Nothing,
    Unclear,
}

impl Retry {
    pub(super) fn new(
        options: RetryOptions,
        clock: Arc<dyn Clock>,
        store: Arc<dyn ObjectStore>,
    ) -> Self {
        Self {
            options,
            clock,
            store,
        }
    }

    /// Waits before attempt `n` + 1, unless that would be one too many.
    async fn pause(&self, path: &Path, n: u32) -> bool {
        if n >= self.options.attempts {
            return false;
        }
        let doubled = self
            .options
            .pause_min
            .saturating_mul(1 << n.saturating_sub(1).min(16));
        let longest = doubled.min(self.options.pause_max);
        self.clock
            .sleep(longest.mul_f64(0.5 + 0.5 * self.spread(path, n)))
            .await;
        true
    }

    /// A number from 0 to 1 that differs between requests and moments, so that retries do not come
    /// in step.
    fn spread(&self, path: &Path, n: u32) -> f64 {
        let mut hasher = DefaultHasher::new();
        (path.as_ref(), n, self.clock.monotonic()).hash(&mut hasher);
        f64::from((hasher.finish() >> 32) as u32) / f64::from(u32::MAX)
    }

    /// Looks at what lies where a conditional put of `payload` met a conflict.
    async fn look(&self, path: &Path, payload: &PutPayload) -> Result<Found> {
        match self.try_look(path, payload).await {
            Err(error) if kind_of(&error) == ErrorKind::NotFound => Ok(Found::Nothing),
            Err(error) if kind_of(&error) == ErrorKind::Unavailable => Ok(Found::Unclear),
            found => found,
        }
    }

    async fn try_look(&self, path: &Path, payload: &PutPayload) -> Result<Found> {
        let found = self.store.get(path).await?;
        let (e_tag, version) = (found.meta.e_tag.clone(), found.meta.version.clone());
        if found.meta.size != payload.content_length() as u64 || !same(found, payload).await? {
            return Ok(Found::Theirs);
        }
        Ok(Found::Ours(PutResult {
            e_tag,
            version,
            extensions: Extensions::new(),
        }))
    }

    /// Puts on a condition. After a lost answer our own first attempt looks like another's win; and
    /// S3's 409 looks like one though nothing was written.
    async fn put_on_condition(
        &self,
        request: &Request,
        payload: &PutPayload,
        attempt: Attempt<'_, PutResult>,
    ) -> Result<PutResult> {
        let (mut n, mut unknown) = (1, false);
        loop {
            let error = match attempt().await {
                Ok(put) => return Ok(put),
                Err(error) => error,
            };
            let error = match kind_of(&error) {
                ErrorKind::Unavailable => {
                    unknown = true;
                    error
                }
                ErrorKind::Conflict => match self.look(&request.path, payload).await? {
                    Found::Ours(put) if unknown => return Ok(put),
                    Found::Nothing | Found::Unclear => unclear(error),
                    Found::Ours(_) | Found::Theirs => return Err(error),
                },
                _ => return Err(error),
            };
            if !self.pause(&request.path, n).await {
                return Err(error);
            }
            n += 1;
        }
    }

    /// The rest of an object's body, read on from the store where the stream broke.
    fn read_on(self: &Arc<Self>, body: Body) -> BoxStream<'static, Result<Bytes>> {
        let retry = Arc::clone(self);
        let next = move |mut body: Body| {
            let retry = Arc::clone(&retry);
            async move {
                let next = retry.next_bytes(&mut body).await?;
                Some((next, body))
            }
        };
        stream::unfold(body, next).boxed()
    }

    /// The next bytes of `body`; after an error there are none.
    async fn next_bytes(&self, body: &mut Body) -> Option<Result<Bytes>> {
        loop {
            let error = match body.stream.next().await? {
                Ok(bytes) => {
                    body.left.start += bytes.len() as u64;
                    return Some(Ok(bytes));
                }
                Err(error) => error,
            };
            if let Err(error) = self.reopen(body, error).await {
                body.stream = stream::empty().boxed();
                return Some(Err(error));
            }
        }
    }

    /// Opens `body` again at the first byte that did not come, or gives `error` back.
    async fn reopen(&self, body: &mut Body, error: Error) -> Result<()> {
        let passing = kind_of(&error) == ErrorKind::Unavailable;
        if !passing || !self.pause(&body.path, body.attempt).await {
            return Err(error);
        }
        body.attempt += 1;
        let options = GetOptions {
            range: Some(GetRange::Bounded(body.left.clone())),
            if_match: body.e_tag.clone(),
            ..GetOptions::default()
        };
        match self.store.get_opts(&body.path, options).await {
            Ok(found) => body.stream = found.into_stream(),
            Err(next) => body.stream = stream::iter([Err(next)]).boxed(),
        }
        Ok(())
    }
}

/// A body that is being read.
struct Body {
    path: Path,
    e_tag: Option<String>,
    left: Range<u64>,
    attempt: u32,
    stream: BoxStream<'static, Result<Bytes>>,
}

impl Layer for Retry {
    async fn around<T: Send + 'static>(
        &self,
        request: &Request,
        attempt: Attempt<'_, T>,
    ) -> Result<T> {
        let mut n = 1;
        loop {
            let error = match attempt().await {
                Ok(done) => return Ok(done),
                Err(error) => error,
            };
            let again = request.idempotent && kind_of(&error) == ErrorKind::Unavailable;
            if !again || !self.pause(&request.path, n).await {
                return Err(error);
            }
            n += 1;
        }
    }

    async fn put(
        &self,
        request: &Request,
        payload: &PutPayload,
        attempt: Attempt<'_, PutResult>,
    ) -> Result<PutResult> {
        if request.idempotent {
            self.around(request, attempt).await
        } else {
            self.put_on_condition(request, payload, attempt).await
        }
    }

    async fn get(
        self: &Arc<Self>,
        request: &Request,
        attempt: Attempt<'_, GetResult>,
    ) -> Result<GetResult> {
        let mut found = self.around(request, attempt).await?;
        if let GetResultPayload::Stream(stream) = found.payload {
            let (path, e_tag) = (request.path.clone(), found.meta.e_tag.clone());
            let body = Body {
                path,
                e_tag,
                left: found.range.clone(),
                attempt: 1,
                stream,
            };
            found.payload = GetResultPayload::Stream(self.read_on(body));
        }
        Ok(found)
    }

    /// Lists again from the start while nothing has come yet.
    fn list(
        self: &Arc<Self>,
        request: Request,
        listing: Listing,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        let retry = Arc::clone(self);
        let opened = async move {
            let mut n = 1;
            loop {
                let mut listed = listing().peekable();
                let first = std::pin::Pin::new(&mut listed).peek().await;
                let failed = first.is_some_and(|first| {
                    first
                        .as_ref()
                        .is_err_and(|e| kind_of(e) == ErrorKind::Unavailable)
                });
                if !failed || !retry.pause(&request.path, n).await {
                    return listed;
                }
                n += 1;
            }
        };
        stream::once(opened).flatten().boxed()
    }
}

/// A conflict that proves nothing: nobody's object was found.
fn unclear(conflict: Error) -> Error {
    Error::Generic {
        store: "retry",
        source: conflict.into(),
    }
}

async fn same(found: GetResult, payload: &PutPayload) -> Result<bool> {
    let bytes = found.bytes().await?;
    let mut rest = &bytes[..];
    Ok(payload.iter().all(|piece| {
        let Some((head, tail)) = rest.split_at_checked(piece.len()) else {
            return false;
        };
        rest = tail;
        head == &piece[..]
    }))
}
