//! [`bind`], [`Bound::listen`] and [`serve`]: from a port to answered requests.

use super::{
    Engine,
    connection::{Connection, Patience},
    layers::strip_region,
    peer::Peer,
    peers::Peers,
    routes::router,
    state::Server,
    tls::{Entrance, Tls, TlsError},
};
use axum::{Router, body::Body};
use hyper::body::Incoming;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto::Builder,
    service::TowerToHyperService,
};
use isobath_config::{HiddenText, ServerConfig};
use isobath_sql::SqlEngine;
use isobath_storage::{Clock, trace::Tracer};
use metrics_exporter_prometheus::PrometheusHandle;
use std::{io, net::SocketAddr, pin::pin, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpSocket, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt as _;

/// After an error of the listening socket, usually for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Connections that wait to be accepted.
const BACKLOG: u32 = 1024;
/// The largest head of a request, and how much is read of a body at once, bytes.
const HEAD_BYTES: usize = 64 * 1024;
/// Requests at a time on one HTTP/2 connection.
const STREAMS: u32 = 128;
/// Between two looks at whether the keys are known.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// What a server is made of.
pub struct ServerParts {
    /// Carries out the commands.
    pub engine: Arc<dyn Engine>,
    /// The source of time.
    pub clock: Arc<dyn Clock>,
    /// Limits and times.
    pub config: ServerConfig,
    /// Runs SQL statements; `None` where there is no SQL.
    pub sql: Option<Arc<SqlEngine>>,
    /// The way to other nodes.
    pub peers: Peers,
    /// Records what becomes of requests.
    pub tracer: Tracer,
    /// What nodes of other regions have to know; without it none is heard.
    pub cluster_key: Option<HiddenText>,
    /// Renders `/metrics`, where metrics are recorded.
    pub metrics: Option<PrometheusHandle>,
    /// Different in every process: keys of writes grow out of it.
    pub seed: u128,
    /// Different in every process, and known to nobody: API keys grow out of it.
    pub secrets: [u8; 32],
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
    /// The address can be reached from elsewhere, and there are no API keys.
    #[error(
        "refusing to listen on {0}: the region has no API keys; make the first one with `isobath keys create` \
         while the server listens on a loopback address"
    )]
    NoKeys(SocketAddr),
    /// The address can be reached from elsewhere, and whether there are API keys is not known.
    #[error(
        "refusing to listen on {0}: the log could not be read in time, so that no API keys are known"
    )]
    KeysUnknown(SocketAddr),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// The certificate cannot be used.
    #[error("the server cannot prove who it is")]
    Tls(#[from] TlsError),
    /// Requests were still open when the time to drain was over.
    #[error("requests were still open {0:?} after the stop; they were cut off")]
    DrainTimeout(Duration),
}

/// An address that belongs to this process and does not take connections yet.
#[derive(Debug)]
pub struct Bound {
    socket: TcpSocket,
    address: SocketAddr,
}

/// An address at which connections are taken.
#[derive(Debug)]
pub struct Listening {
    listener: TcpListener,
    address: SocketAddr,
    /// For nodes of other regions, where they have an address of their own.
    regions: Option<TcpListener>,
}

/// Takes an address; port 0 takes a free one.
pub fn bind(address: SocketAddr) -> Result<Bound, ServeError> {
    let bound = || {
        let socket = match address {
            SocketAddr::V4(_) => TcpSocket::new_v4()?,
            SocketAddr::V6(_) => TcpSocket::new_v6()?,
        };
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        let address = socket.local_addr()?;
        Ok(Bound { socket, address })
    };
    bound().map_err(|source| ServeError::Listen { address, source })
}

impl Bound {
    /// The address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes connections: of this machine at once, of others only where the region has API keys, which
    /// the node may need up to `patience` to know.
    pub async fn listen(
        self,
        engine: &dyn Engine,
        clock: &dyn Clock,
        patience: Duration,
    ) -> Result<Listening, ServeError> {
        let Self { socket, address } = self;
        if !address.ip().is_loopback() {
            let start = clock.monotonic();
            let ring = loop {
                if let Some(ring) = engine.keys() {
                    break ring;
                }
                if clock.monotonic().saturating_sub(start) > patience {
                    return Err(ServeError::KeysUnknown(address));
                }
                clock.sleep(LOOK_AGAIN).await;
            };
            if ring.is_empty() {
                return Err(ServeError::NoKeys(address));
            }
        }
        Ok(Listening {
            listener: taking(socket, address)?,
            address,
            regions: None,
        })
    }
}

impl Listening {
    /// The socket and its address.
    pub(super) fn into_parts(self) -> (TcpListener, SocketAddr) {
        (self.listener, self.address)
    }

    /// Takes connections of other regions' nodes at another address, too: all that show a certificate.
    pub fn with_regions(self, bound: Bound) -> Result<Self, ServeError> {
        let Bound { socket, address } = bound;
        Ok(Self {
            regions: Some(taking(socket, address)?),
            ..self
        })
    }
}

fn taking(socket: TcpSocket, address: SocketAddr) -> Result<TcpListener, ServeError> {
    let listener = socket.listen(BACKLOG);
    listener.map_err(|source| ServeError::Listen { address, source })
}

/// Serves requests until `stop`, then lets the open ones end within `config.drain_timeout`.
pub async fn serve(
    listening: Listening,
    parts: ServerParts,
    stop: CancellationToken,
) -> Result<(), ServeError> {
    let Listening {
        listener,
        address,
        regions,
    } = listening;
    let config = parts.config.clone();
    let clock = Arc::clone(&parts.clock);
    let tls = Tls::load(&config.tls)?.map(Arc::new);
    let peers = parts.peers.clone();
    let server = Server::new(parts, address.ip().is_loopback());
    let open = TaskTracker::new();
    if let Some(tls) = tls.clone() {
        let (clock, stop) = (Arc::clone(&clock), stop.clone());
        open.spawn(async move { tls.follow(&peers, clock.as_ref(), stop).await });
    }
    let door = Door {
        tls,
        router: router(Arc::new(server)),
        http: http(&config),
        patience: Patience {
            first: config.idle_timeout,
            // While a request is at work nothing is expected from its client.
            read: config.idle_timeout.max(config.request_timeout),
            write: config.idle_timeout,
        },
        open,
        stop: stop.clone(),
    };
    let places = Arc::new(Semaphore::new(
        config.max_connections.min(Semaphore::MAX_PERMITS),
    ));
    let everybody = door.welcome(listener, Entrance::Open, &places, clock.as_ref());
    let nodes = async {
        if let Some(listener) = regions {
            let entrance = Entrance::Regions;
            door.welcome(listener, entrance, &places, clock.as_ref())
                .await;
        }
    };
    futures::join!(everybody, nodes);
    door.open.close();
    let drain = config.drain_timeout;
    tokio::select! {
        () = door.open.wait() => Ok(()),
        () = clock.sleep(drain) => Err(ServeError::DrainTimeout(drain)),
    }
}

/// How HTTP is spoken, and how much of it.
fn http(config: &ServerConfig) -> Builder<TokioExecutor> {
    let mut http = Builder::new(TokioExecutor::new());
    http.http1()
        .timer(TokioTimer::new())
        .header_read_timeout(config.idle_timeout)
        .max_buf_size(HEAD_BYTES);
    http.http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(u32::try_from(HEAD_BYTES).unwrap_or(u32::MAX))
        .keep_alive_interval(config.idle_timeout / 2)
        .keep_alive_timeout(config.idle_timeout);
    http
}

/// The next connection, as soon as there is a place for it.
async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
    clock: &dyn Clock,
) -> Option<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.ok()?;
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                // Headers and body of an answer go out at once instead of waiting for an ack.
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(%error, "no TCP_NODELAY");
                }
                return Some((stream, peer, place));
            }
            Err(error) => {
                tracing::warn!(%error, "no connection accepted");
                clock.sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// What every connection is served with.
struct Door {
    router: Router,
    tls: Option<Arc<Tls>>,
    http: Builder<TokioExecutor>,
    patience: Patience,
    open: TaskTracker,
    stop: CancellationToken,
}

impl Door {
    /// Takes connections until the server stops.
    async fn welcome(
        &self,
        listener: TcpListener,
        entrance: Entrance,
        places: &Arc<Semaphore>,
        clock: &dyn Clock,
    ) {
        while let Some((stream, peer, place)) = self
            .stop
            .run_until_cancelled(accept(&listener, places, clock))
            .await
            .flatten()
        {
            self.serve(stream, peer, place, entrance);
        }
    }

    /// Serves a connection on a task of its own.
    fn serve(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        place: OwnedSemaphorePermit,
        entrance: Entrance,
    ) {
        let stream = Connection::new(stream, self.patience, place);
        let speaker = Speaker {
            router: self.router.clone(),
            http: self.http.clone(),
            stop: self.stop.clone(),
            peer: Peer {
                address: peer,
                entrance,
            },
        };
        match self.tls.clone() {
            None => self.open.spawn(speaker.speak(stream)),
            Some(tls) => self.open.spawn(async move {
                match tls.accept(stream, entrance).await {
                    Ok(stream) => speaker.speak(stream).await,
                    Err(error) => tracing::debug!(%peer, %error, "no agreement on keys"),
                }
            }),
        };
    }
}

/// Speaks HTTP on one connection.
struct Speaker {
    router: Router,
    http: Builder<TokioExecutor>,
    stop: CancellationToken,
    peer: Peer,
}

impl Speaker {
    async fn speak<S>(self, stream: S)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let peer = self.peer;
        let service = self
            .router
            .map_request(move |request: hyper::Request<Incoming>| {
                let mut request = strip_region(request.map(Body::new));
                request.extensions_mut().insert(peer);
                request
            });
        let service = TowerToHyperService::new(service);
        let mut served = pin!(self.http.serve_connection(TokioIo::new(stream), service));
        let ended = tokio::select! {
            ended = served.as_mut() => ended,
            () = self.stop.cancelled() => {
                // Answers what it has taken, and takes no more.
                served.as_mut().graceful_shutdown();
                served.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(peer = %peer.address, error, "connection failed");
        }
    }
}
