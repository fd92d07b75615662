//! Bodies that break off or stand still while they are read.

use super::{KEY, clock, create};
use crate::error::ErrorKind;
use crate::store::layer::{Attempt, Layer, Layered, Listing, Request};
use crate::store::{Backend, Op, Store, StoreOptions, compose, kind_of};
use bytes::Bytes;
use futures::{FutureExt, StreamExt, future, stream, stream::BoxStream};
use object_store::{Error, GetResult, GetResultPayload, ObjectMeta, ObjectStoreExt, Result};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

const BODY: &str = "0123456789abcdef";

/// Delivers three bytes per read of a body, then breaks it off or lets it stand still, `left` times.
#[derive(Debug)]
struct Broken {
    left: AtomicUsize,
    still: bool,
}

impl Layer for Broken {
    async fn around<T: Send + 'static>(
        &self,
        _request: &Request,
        attempt: Attempt<'_, T>,
    ) -> Result<T> {
        attempt().await
    }

    async fn get(
        self: &Arc<Self>,
        request: &Request,
        attempt: Attempt<'_, GetResult>,
    ) -> Result<GetResult> {
        let found = self.around(request, attempt).await?;
        let more = |left: usize| left.checked_sub(1);
        if self
            .left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, more)
            .is_err()
        {
            return Ok(found);
        }
        let (meta, range, attributes) = (
            found.meta.clone(),
            found.range.clone(),
            found.attributes.clone(),
        );
        let start = found.bytes().await?.slice(0..3);
        let cut = Err(Error::Generic {
            store: "test",
            source: "reset".into(),
        });
        let rest = if self.still {
            future::pending().boxed()
        } else {
            future::ready(cut).boxed()
        };
        let body = stream::iter([Ok(start)]).chain(stream::once(rest));
        let payload = GetResultPayload::Stream(body.boxed());
        Ok(GetResult {
            payload,
            meta,
            range,
            attributes,
            extensions: <_>::default(),
        })
    }

    fn list(
        self: &Arc<Self>,
        _request: Request,
        listing: Listing,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        listing()
    }
}

async fn broken(times: usize, still: bool) -> Store {
    let mut backend = Backend::in_memory();
    let left = AtomicUsize::new(times);
    backend.store = Arc::new(Layered::new(
        backend.store,
        Arc::new(Broken { left, still }),
    ));
    let store = compose(backend, &StoreOptions::default(), &clock(), None);
    create(&store.data, BODY).await.unwrap();
    store
}

async fn read(store: &Store) -> Result<Bytes, ErrorKind> {
    let found = store.data.get(&KEY.into()).await.map_err(|e| kind_of(&e))?;
    found.bytes().await.map_err(|e| kind_of(&e))
}

#[tokio::test(start_paused = true)]
async fn should_read_on_where_a_body_broke_off_or_stood_still() {
    for still in [false, true] {
        let store = broken(3, still).await;
        assert_eq!(read(&store).await.unwrap(), BODY);
        assert_eq!(store.data_requests.of(Op::Get), 4);
        let left: u64 = [16, 13, 10, 7].iter().sum();
        assert_eq!(
            store.data_requests.received(),
            left,
            "asks for what is missing only"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn should_give_a_body_up_after_the_last_attempt() {
    let store = broken(99, false).await;
    assert_eq!(read(&store).await, Err(ErrorKind::Unavailable));
    assert_eq!(store.data_requests.of(Op::Get), 5);
}
