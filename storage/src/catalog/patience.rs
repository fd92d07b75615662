//! [`Patience`]: the log's own way of sending requests again.

use crate::Clock;
use crate::error::ErrorKind;
use crate::store::kind_of;
use bytes::Bytes;
use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt, PutMode, PutPayload};
use std::{ops::Range, sync::Arc, time::Duration};

/// The first pause before a request is sent again.
const PAUSE_MIN: Duration = Duration::from_millis(50);
/// The longest pause.
const PAUSE_MAX: Duration = Duration::from_secs(2);

/// The result of a create as far as the answer tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The object was created by this request.
    Created,
    /// It may be there, ours or another's, or not: look.
    Unclear,
}

/// A store with a clock: reads go on until the store answers.
#[derive(Debug, Clone)]
pub(crate) struct Patience {
    store: Arc<dyn ObjectStore>,
    clock: Arc<dyn Clock>,
}

impl Patience {
    pub(crate) fn new(store: Arc<dyn ObjectStore>, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock }
    }

    /// The pause before attempt number `attempt`, from 1.
    pub(crate) async fn pause(&self, attempt: u32) {
        let pause = PAUSE_MIN.saturating_mul(1 << attempt.saturating_sub(1).min(10));
        self.clock.sleep(pause.min(PAUSE_MAX)).await;
    }

    /// The object's bytes, or those of `range` as far as they exist; `None` where there is no object.
    pub(crate) async fn get(&self, path: &Path, range: Option<Range<u64>>) -> Option<Bytes> {
        let mut attempt = 0;
        loop {
            let read = match range.clone() {
                None => async { self.store.get(path).await?.bytes().await }.await,
                Some(range) => self.store.get_range(path, range).await,
            };
            match read {
                Ok(bytes) => return Some(bytes),
                Err(error) if kind_of(&error) == ErrorKind::NotFound => return None,
                Err(error) => self.bear(&mut attempt, "read", path, &error).await,
            }
        }
    }

    /// The paths below `prefix` that come after `after`, sorted.
    pub(crate) async fn list(&self, prefix: &Path, after: Option<&Path>) -> Vec<Path> {
        use futures::TryStreamExt;
        let mut attempt = 0;
        loop {
            let listing = match after {
                None => self.store.list(Some(prefix)),
                Some(after) => self.store.list_with_offset(Some(prefix), after),
            };
            match listing
                .map_ok(|meta| meta.location)
                .try_collect::<Vec<_>>()
                .await
            {
                Ok(mut paths) => {
                    paths.sort_unstable();
                    return paths;
                }
                Err(error) => self.bear(&mut attempt, "list", prefix, &error).await,
            }
        }
    }

    /// One create-if-absent.
    pub(crate) async fn create(&self, path: &Path, bytes: Bytes) -> Outcome {
        let payload = PutPayload::from_bytes(bytes);
        match self
            .store
            .put_opts(path, payload, PutMode::Create.into())
            .await
        {
            Ok(_) => Outcome::Created,
            Err(error) => {
                if kind_of(&error) != ErrorKind::Conflict {
                    complain("create", path, 1, &error);
                }
                Outcome::Unclear
            }
        }
    }

    async fn bear(&self, attempt: &mut u32, what: &str, path: &Path, error: &Error) {
        *attempt += 1;
        complain(what, path, *attempt, error);
        self.pause(*attempt).await;
    }
}

fn complain(what: &str, path: &Path, attempt: u32, error: &Error) {
    let error = error as &dyn std::error::Error;
    tracing::warn!(%path, attempt, error, "cannot {what}");
}
