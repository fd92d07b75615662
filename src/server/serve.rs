//! [`bind`] and [`serve`]: from a port to answered requests.

use super::{Engine, layers::strip_region, peers::Peers, routes::router, state::Server};
use axum::{ServiceExt, extract::Request, serve::Listener};
use isobath_config::ServerConfig;
use isobath_storage::Clock;
use metrics_exporter_prometheus::PrometheusHandle;
use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tokio_util::sync::CancellationToken;
use tower::{ServiceBuilder, util::MapRequestLayer};

/// Connections open at a time for each request that may be at work: clients keep idle ones.
const CONNECTIONS_PER_REQUEST: usize = 4;
/// After an error of the listening socket, usually for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What a server is made of.
pub struct ServerParts {
    /// Carries out the commands.
    pub engine: Arc<dyn Engine>,
    /// The source of time.
    pub clock: Arc<dyn Clock>,
    /// Limits and times.
    pub config: ServerConfig,
    /// The way to other nodes.
    pub peers: Peers,
    /// Renders `/metrics`, where metrics are recorded.
    pub metrics: Option<PrometheusHandle>,
    /// Different in every process: keys of writes grow out of it.
    pub seed: u128,
}

impl std::fmt::Debug for ServerParts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServerParts")
            .field("engine", &self.engine)
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

/// Why a server does not run.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address can be reached from elsewhere, and there are no API keys yet.
    #[error(
        "refusing to listen on {0}: there are no API keys yet, so only loopback addresses are safe"
    )]
    NotLoopback(SocketAddr),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// Requests were still open when the time to drain was over.
    #[error("requests were still open {0:?} after the stop; they were cut off")]
    DrainTimeout(Duration),
}

/// Listens on a loopback address; port 0 takes a free one.
pub async fn bind(address: SocketAddr) -> Result<TcpListener, ServeError> {
    if !address.ip().is_loopback() {
        return Err(ServeError::NotLoopback(address));
    }
    let listener = TcpListener::bind(address).await;
    listener.map_err(|source| ServeError::Listen { address, source })
}

/// Serves requests until `stop`, then lets the open ones end within `config.drain_timeout`.
pub async fn serve(
    listener: TcpListener,
    parts: ServerParts,
    stop: CancellationToken,
) -> Result<(), ServeError> {
    let local = listener.local_addr();
    if let Some(address) = local.ok().filter(|address| !address.ip().is_loopback()) {
        return Err(ServeError::NotLoopback(address));
    }
    let (clock, drain) = (Arc::clone(&parts.clock), parts.config.drain_timeout);
    let connections = parts
        .config
        .max_concurrent
        .saturating_mul(CONNECTIONS_PER_REQUEST);
    let listener = BoundedListener {
        listener,
        slots: Arc::new(Semaphore::new(connections.min(Semaphore::MAX_PERMITS))),
        clock: Arc::clone(&clock),
    };
    let router = router(Arc::new(Server::new(parts)));
    let service = ServiceBuilder::new()
        .layer(MapRequestLayer::new(strip_region))
        .service(router);
    let service = ServiceExt::<Request>::into_make_service(service);
    let serving =
        axum::serve(listener, service).with_graceful_shutdown(stop.clone().cancelled_owned());
    let overdue = async {
        stop.cancelled().await;
        clock.sleep(drain).await;
    };
    tokio::select! {
        // Accept errors are waited out, so that serving only ends by the stop.
        _ = serving => Ok(()),
        () = overdue => Err(ServeError::DrainTimeout(drain)),
    }
}

/// Accepts no more connections than there are slots for.
struct BoundedListener {
    listener: TcpListener,
    slots: Arc<Semaphore>,
    clock: Arc<dyn Clock>,
}

impl Listener for BoundedListener {
    type Io = BoundedStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (BoundedStream, SocketAddr) {
        // The semaphore is never closed, so that a slot is always found.
        let slot = Arc::clone(&self.slots).acquire_owned().await.ok();
        loop {
            match self.listener.accept().await {
                Ok((stream, peer)) => {
                    // Headers and body of an answer go out at once instead of waiting for an ack.
                    if let Err(error) = stream.set_nodelay(true) {
                        tracing::debug!(%error, "no TCP_NODELAY");
                    }
                    return (
                        BoundedStream {
                            stream,
                            _slot: slot,
                        },
                        peer,
                    );
                }
                Err(error) => {
                    tracing::warn!(%error, "no connection accepted");
                    self.clock.sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A connection that holds its slot until it is closed.
#[derive(Debug)]
struct BoundedStream {
    stream: TcpStream,
    _slot: Option<OwnedSemaphorePermit>,
}

impl AsyncRead for BoundedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for BoundedStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, buffers)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
