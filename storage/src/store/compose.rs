//! [`compose`]: the one place where layers are put around a store; and [`Store`], what comes out.

use super::deadline::{Deadline, DeadlineOptions};
use super::layer::Layered;
use super::look::Look;
use super::meter::{Meter, RequestCounts};
use super::retry::Retry;
use super::space::Space;
use super::throttle::Throttle;
use super::{Backend, Faults, StoreError, StoreKind, StoreOptions};
use crate::Clock;
use object_store::ObjectStore;
use std::{path::PathBuf, sync::Arc};

/// A region's bucket, ready for use. All keys are relative to its prefix.
#[derive(Debug, Clone)]
pub struct Store {
    /// For the log: every request is sent once, so that its answer means what it says.
    pub log: Arc<dyn ObjectStore>,
    /// For everything else: what fails in passing is sent again.
    pub data: Arc<dyn ObjectStore>,
    /// Which sort of storage it is.
    pub kind: StoreKind,
    /// For messages: where it is, without secrets.
    pub url: String,
    /// The directory, if it is a local one.
    pub dir: Option<PathBuf>,
    /// Looks for objects on the spot, where that is as good as a request of `log`.
    pub look: Option<Look>,
    /// What room there is, if it is a local one.
    pub space: Option<Space>,
    /// Whether writes are on stable storage when they are answered.
    pub durable: bool,
    /// The requests of `log` so far.
    pub log_requests: Arc<RequestCounts>,
    /// The requests of `data` so far.
    pub data_requests: Arc<RequestCounts>,
}

impl Store {
    /// Opens the bucket at `url`, with the `environment` that the clouds' tools read (`AWS_…`,
    /// `GOOGLE_…`, `AZURE_…`). Sends no request.
    pub fn open<K: AsRef<str>, V: Into<String>>(
        url: &str,
        environment: impl IntoIterator<Item = (K, V)>,
        options: &StoreOptions,
        clock: &Arc<dyn Clock>,
    ) -> Result<Self, StoreError> {
        let backend = Backend::open(url, environment, options)?;
        Ok(compose(backend, options, clock, None))
    }

    /// Whether every request costs money, so that batching is worth some latency.
    pub fn charges_per_request(&self) -> bool {
        self.kind.charges_per_request()
    }
}

/// Puts the layers around a store, from the inside out: faults, throttle, meter, deadline, and for
/// data also retry.
pub fn compose(
    backend: Backend,
    options: &StoreOptions,
    clock: &Arc<dyn Clock>,
    faults: Option<&Arc<Faults>>,
) -> Store {
    let mut raw = Arc::clone(&backend.store);
    if let Some(faults) = faults {
        raw = faults.wrap(raw);
    }
    if options.throttle.is_active() {
        let throttle = Throttle::new(options.throttle, Arc::clone(clock));
        raw = Arc::new(Layered::new(raw, Arc::new(throttle)));
    }
    let (log_requests, data_requests) = (Arc::default(), Arc::default());
    let meter = |counts: &Arc<RequestCounts>| {
        Meter::new(backend.kind, backend.url.clone(), Arc::clone(counts))
    };
    let limited = |deadline: DeadlineOptions, counts: &Arc<RequestCounts>| {
        let metered = Layered::new(Arc::clone(&raw), Arc::new(meter(counts)));
        let deadline = Deadline::new(deadline, Arc::clone(clock));
        Layered::new(Arc::new(metered), Arc::new(deadline))
    };
    // Beside the layers, so only where they change nothing.
    let plain = faults.is_none() && !options.throttle.is_active();
    let dir = backend.dir.as_ref().filter(|_| plain);
    let look = dir.and_then(|dir| Look::new(dir, Arc::new(meter(&log_requests))));
    let space = backend.dir.as_ref();
    let space = space.map(|dir| Space::new(dir, options.reserve));
    let log = Arc::new(limited(options.log_deadline, &log_requests));
    let once: Arc<dyn ObjectStore> = Arc::new(limited(options.data_deadline, &data_requests));
    let retry = Retry::new(options.data_retry, Arc::clone(clock), Arc::clone(&once));
    let data = Arc::new(Layered::new(once, Arc::new(retry)));
    let Backend {
        kind,
        url,
        dir,
        durable,
        ..
    } = backend;
    Store {
        log,
        data,
        kind,
        url,
        dir,
        look,
        space,
        durable,
        log_requests,
        data_requests,
    }
}
