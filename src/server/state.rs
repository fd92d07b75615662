//! [`Server`]: what every request needs.

use super::{
    ServerParts, decode::Fault, engine::Engine, error::ApiError, keys::Secret, memory::Memory,
    peers::Peers, seen::RequestsSeen,
};
use isobath_config::{ByteSize, HiddenText, ServerConfig};
use isobath_sql::SqlEngine;
use isobath_storage::{Clock, model::IdempotencyKey, trace::Tracer};
use metrics_exporter_prometheus::PrometheusHandle;
use parking_lot::Mutex;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::sync::Semaphore;

/// A request and its values may take this many times the memory of the largest body.
const VALUES: usize = 8;
/// Bodies from this length on are decoded on threads of their own.
const LONG_BODY: usize = 64 * 1024;

/// What every request needs.
pub(crate) struct Server {
    pub(crate) engine: Arc<dyn Engine>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) config: ServerConfig,
    /// Runs SQL statements; `None` where there is no SQL.
    pub(crate) sql: Option<Arc<SqlEngine>>,
    pub(crate) peers: Peers,
    pub(crate) tracer: Tracer,
    /// What nodes of other regions have to know.
    pub(crate) cluster_key: Option<HiddenText>,
    pub(crate) metrics: Option<PrometheusHandle>,
    /// Whether only this machine reaches the server.
    pub(crate) loopback: bool,
    /// Requests at work.
    pub(crate) requests: Semaphore,
    /// Requests that were answered.
    pub(super) requests_seen: RequestsSeen,
    /// What requests may hold.
    pub(crate) memory: Memory,
    /// Long bodies being decoded.
    decoders: Arc<Semaphore>,
    seed: u128,
    keys: AtomicU64,
    secrets: Mutex<StdRng>,
}

/// The state as handlers get it.
pub(crate) type Shared = Arc<Server>;

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("engine", &self.engine)
            .finish_non_exhaustive()
    }
}

impl Server {
    pub(crate) fn new(parts: ServerParts, loopback: bool) -> Self {
        let config = parts.config;
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            engine: parts.engine,
            clock: parts.clock,
            sql: parts.sql,
            peers: parts.peers,
            tracer: parts.tracer,
            cluster_key: parts.cluster_key,
            metrics: parts.metrics,
            requests_seen: RequestsSeen::default(),
            requests: Semaphore::new(config.max_concurrent.min(Semaphore::MAX_PERMITS)),
            memory: Memory::new(bytes(config.request_memory)),
            decoders: Arc::new(Semaphore::new(cores)),
            seed: parts.seed,
            keys: AtomicU64::new(0),
            secrets: Mutex::new(StdRng::from_seed(parts.secrets)),
            loopback,
            config,
        }
    }

    /// The largest body in bytes, decompressed.
    pub(crate) fn max_body(&self) -> usize {
        bytes(self.config.max_body)
    }

    /// Bytes that a request and its decoded values may take.
    pub(crate) fn max_memory(&self) -> usize {
        self.max_body().saturating_mul(VALUES)
    }

    /// A key that no other write has.
    pub(crate) fn new_key(&self) -> IdempotencyKey {
        let n = self.keys.fetch_add(1, Ordering::Relaxed);
        IdempotencyKey::from_text(&format!("{:032x}/{n}", self.seed))
    }

    /// A new API key.
    pub(crate) fn new_secret(&self) -> Secret {
        Secret::from_random(self.secrets.lock().random())
    }

    /// What is left of a request's time since it arrived.
    pub(crate) fn time_left(&self, arrived: Duration) -> Duration {
        let passed = self.since(arrived);
        self.config.request_timeout.saturating_sub(passed)
    }

    /// The time since `start`.
    pub(crate) fn since(&self, start: Duration) -> Duration {
        self.clock.monotonic().saturating_sub(start)
    }

    /// Decodes a body of `length` bytes: a long one away from the threads that serve connections, and
    /// no more of them at a time than there are processors.
    pub(crate) async fn decode<T: Send + 'static>(
        &self,
        length: usize,
        decode: impl FnOnce() -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, ApiError> {
        if length < LONG_BODY {
            return Ok(decode()?);
        }
        let stopping = || ApiError::overloaded("the node is stopping");
        let permit = Arc::clone(&self.decoders).acquire_owned().await;
        let permit = permit.map_err(|_| stopping())?;
        let decoded = tokio::task::spawn_blocking(move || {
            let decoded = decode();
            drop(permit);
            decoded
        });
        Ok(decoded.await.map_err(|_| stopping())??)
    }
}

fn bytes(size: ByteSize) -> usize {
    usize::try_from(size.as_u64()).unwrap_or(usize::MAX)
}
