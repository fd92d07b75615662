//! [`serve_postgres`]: SQL by PostgreSQL's protocol, on a listener of its own.

use super::{
    Engine, Listening, Peers, ServeError,
    keys::{Access, KeyRing},
    tls::{Entrance, Tls},
};
use async_trait::async_trait;
use isobath_sql::{
    Scope, SqlEngine, SqlError, SqlErrorKind,
    wire::{ClientKind, Doorman, Greeting, WireServer},
};
use isobath_storage::Clock;
use std::{io, net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    sync::Semaphore,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Between two looks at whether the keys are known.
const LOOK_AGAIN: Duration = Duration::from_millis(20);
/// How long a client may take until its session begins.
const PATIENCE: Duration = Duration::from_secs(30);
/// After an error of the listening socket, usually for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What PostgreSQL's protocol is served with.
#[derive(Debug)]
pub struct PostgresParts {
    /// Knows the API keys.
    pub engine: Arc<dyn Engine>,
    /// Runs the statements.
    pub sql: Arc<SqlEngine>,
    /// The source of time.
    pub clock: Arc<dyn Clock>,
    /// Who the server is, for TLS.
    pub tls: Option<Tls>,
    /// What takes over certificates towards other nodes when they are replaced.
    pub peers: Peers,
    /// The longest message, in bytes.
    pub max_message: usize,
    /// Connections open at a time.
    pub max_connections: usize,
    /// How long open statements are given to end.
    pub drain_timeout: Duration,
    /// Different in every process, and known to nobody: what proves that a client may cancel.
    pub secrets: [u8; 32],
}

/// Serves sessions until `stop`, then lets the open statements end.
pub async fn serve_postgres(
    listening: Listening,
    parts: PostgresParts,
    stop: CancellationToken,
) -> Result<(), ServeError> {
    let (listener, address) = listening.into_parts();
    let clock = Arc::clone(&parts.clock);
    let doorman = KeyDoorman {
        engine: parts.engine,
        clock: Arc::clone(&clock),
        loopback: address.ip().is_loopback(),
    };
    let secrets = (parts.max_message, parts.secrets);
    let server = WireServer::new(parts.sql, Arc::new(doorman), secrets, stop.clone());
    let (server, tls) = (Arc::new(server), parts.tls.map(Arc::new));
    let open = TaskTracker::new();
    if let Some(tls) = tls.clone() {
        let (clock, peers, stop) = (Arc::clone(&clock), parts.peers, stop.clone());
        open.spawn(async move { tls.follow(&peers, clock.as_ref(), stop).await });
    }
    let places = Arc::new(Semaphore::new(
        parts.max_connections.min(Semaphore::MAX_PERMITS),
    ));
    loop {
        let place = stop
            .run_until_cancelled(Arc::clone(&places).acquire_owned())
            .await;
        let Some(Ok(place)) = place else {
            break;
        };
        let Some(accepted) = stop.run_until_cancelled(listener.accept()).await else {
            break;
        };
        match accepted {
            Err(error) => {
                tracing::warn!(%error, "no connection accepted");
                clock.sleep(ACCEPT_PAUSE).await;
            }
            Ok((stream, peer)) => {
                let session = session(
                    Arc::clone(&server),
                    tls.clone(),
                    Arc::clone(&clock),
                    (stream, peer),
                );
                open.spawn(async move {
                    if let Err(error) = session.await {
                        tracing::debug!(%peer, %error, "SQL session ended");
                    }
                    drop(place);
                });
            }
        }
    }
    drop(listener);
    open.close();
    tokio::select! {
        () = open.wait() => Ok(()),
        () = clock.sleep(parts.drain_timeout) => Err(ServeError::DrainTimeout(parts.drain_timeout)),
    }
}

/// One client: agrees on TLS where it asks for it, then serves its session.
async fn session(
    server: Arc<WireServer>,
    tls: Option<Arc<Tls>>,
    clock: Arc<dyn Clock>,
    (mut stream, peer): (TcpStream, SocketAddr),
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let local = peer.ip().to_canonical().is_loopback();
    let late = || io::Error::new(io::ErrorKind::TimedOut, "no session was begun in time");
    let greeting = tokio::select! {
        greeting = server.greet(&mut stream, tls.is_some()) => greeting?,
        () = clock.sleep(PATIENCE) => return Err(late()),
    };
    match (greeting, tls) {
        (Greeting::Over, _) | (Greeting::Tls, None) => Ok(()),
        (Greeting::Begin(settings), _) => {
            let kind = ClientKind {
                local,
                encrypted: false,
            };
            serve(server, stream, settings, kind).await
        }
        (Greeting::Tls, Some(tls)) => {
            let mut stream = tls.accept(stream, Entrance::Open).await?;
            let greeting = tokio::select! {
                greeting = server.greet(&mut stream, false) => greeting?,
                () = clock.sleep(PATIENCE) => return Err(late()),
            };
            let Greeting::Begin(settings) = greeting else {
                return Ok(());
            };
            let kind = ClientKind {
                local,
                encrypted: true,
            };
            serve(server, stream, settings, kind).await
        }
    }
}

async fn serve<S>(
    server: Arc<WireServer>,
    stream: S,
    settings: Vec<(String, String)>,
    kind: ClientKind,
) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    server.serve(stream, settings, kind).await
}

/// Lets in the holders of API keys, which are given as passwords; and this machine while there are none.
#[derive(Debug)]
struct KeyDoorman {
    engine: Arc<dyn Engine>,
    clock: Arc<dyn Clock>,
    loopback: bool,
}

impl KeyDoorman {
    async fn ring(&self) -> Result<Arc<KeyRing>, SqlError> {
        let start = self.clock.monotonic();
        loop {
            if let Some(ring) = self.engine.keys() {
                return Ok(ring);
            }
            if self.clock.monotonic().saturating_sub(start) >= PATIENCE {
                let said = "the node has not read the region's keys yet";
                return Err(SqlError::new(SqlErrorKind::Unavailable, said));
            }
            self.clock.sleep(LOOK_AGAIN).await;
        }
    }
}

fn refused(said: &str) -> SqlError {
    SqlError::new(SqlErrorKind::Forbidden, said).with_code("28000")
}

#[async_trait]
impl Doorman for KeyDoorman {
    async fn needs_key(&self, client: ClientKind) -> Result<bool, SqlError> {
        if self.ring().await?.is_empty() {
            return if self.loopback && client.local {
                Ok(false)
            } else {
                Err(refused(
                    "the region has no API keys: only this machine may connect",
                ))
            };
        }
        if client.local || client.encrypted {
            return Ok(true);
        }
        // only hashes of keys are kept, so that a key has to be sent as it is
        Err(refused(
            "API keys are taken as passwords over TLS only: connect with sslmode=require",
        ))
    }

    async fn admit(&self, key: &[u8]) -> Result<Scope, SqlError> {
        let ring = self.ring().await?;
        let wrong = || refused("the API key is not known").with_code("28P01");
        let key = ring.find(key).ok_or_else(wrong)?;
        if key.is_expired(self.clock.now_ms()) {
            return Err(refused("the API key has expired").with_code("28P01"));
        }
        Ok(Scope {
            prefix: key.prefix.clone(),
            writes: key.access >= Access::Write,
            api_key: Some(key.id()),
        })
    }
}
