//! [`Tls`]: who the server is and whom it believes, from files that may change while it runs.

use super::peers::{Peers, PeersError};
use arc_swap::ArcSwap;
use isobath_config::{TlsConfig, TlsVersion};
use isobath_storage::Clock;
use parking_lot::Mutex;
use rustls::{
    RootCertStore, ServerConfig, SupportedProtocolVersion,
    crypto::aws_lc_rs,
    pki_types::{
        CertificateDer, PrivateKeyDer,
        pem::{self, PemObject as _},
    },
    server::{VerifierBuilderError, WebPkiClientVerifier},
};
use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    signal::unix::{SignalKind, signal},
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tokio_util::sync::CancellationToken;

/// All versions that are spoken where nothing older is wanted.
static ONLY_1_3: [&SupportedProtocolVersion; 1] = [&rustls::version::TLS13];
/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(5);
/// How long a client may take to agree on keys.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file is not PEM, or holds nothing of use.
    #[error("{} holds no {what} in PEM", path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        what: &'static str,
        /// What is wrong with it.
        source: pem::Error,
    },
    /// Certificate and key do not fit, or are of an unknown kind.
    #[error("the certificate in {} cannot be used", path.display())]
    Unusable {
        /// The certificate's file.
        path: PathBuf,
        /// What is wrong with it.
        source: rustls::Error,
    },
    /// The authorities of other regions' nodes cannot be used.
    #[error("the authorities in {} cannot be used", path.display())]
    Authorities {
        /// Their file.
        path: PathBuf,
        /// What is wrong with them.
        source: VerifierBuilderError,
    },
    /// The same files cannot be used towards other nodes.
    #[error("other nodes cannot be talked to")]
    Peers(#[from] PeersError),
}

/// At which of the server's addresses a connection came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Entrance {
    /// For everybody.
    Open,
    /// For nodes of other regions, which prove who they are by a certificate.
    Regions,
}

/// Who the server is and whom it believes, from files that may change while it runs.
pub struct Tls {
    config: TlsConfig,
    acceptors: ArcSwap<Acceptors>,
    /// What the files held when they were looked at last.
    seen: Mutex<blake3::Hash>,
}

struct Acceptors {
    open: TlsAcceptor,
    regions: Option<TlsAcceptor>,
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

impl Tls {
    /// Reads the files that the settings name; `None` where they name none.
    pub fn load(config: &TlsConfig) -> Result<Option<Self>, TlsError> {
        let Some(files) = Files::read(config)? else {
            return Ok(None);
        };
        Ok(Some(Self {
            acceptors: ArcSwap::from_pointee(files.acceptors()?),
            seen: Mutex::new(files.hash()),
            config: config.clone(),
        }))
    }

    /// Agrees on keys with a client.
    pub(super) async fn accept<S>(&self, stream: S, entrance: Entrance) -> io::Result<TlsStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let acceptors = self.acceptors.load_full();
        let acceptor = match entrance {
            Entrance::Open => &acceptors.open,
            Entrance::Regions => acceptors.regions.as_ref().ok_or_else(|| {
                io::Error::other("no authorities of other regions' nodes are known")
            })?,
        };
        tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await?
    }

    /// Goes over to what the files hold now, also towards other nodes; keeps the old where that cannot be used.
    fn look(&self, peers: &Peers) {
        let files = match Files::read(&self.config) {
            Ok(Some(files)) => files,
            Ok(None) => return,
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "certificate stays as it is"
                );
                return;
            }
        };
        let hash = files.hash();
        if std::mem::replace(&mut *self.seen.lock(), hash) == hash {
            return;
        }
        let renewed = files.acceptors().and_then(|acceptors| {
            peers.renew(&self.config)?;
            Ok(acceptors)
        });
        match renewed {
            Ok(acceptors) => {
                self.acceptors.store(Arc::new(acceptors));
                let cert = files.cert.0.display();
                tracing::info!(%cert, "certificate was replaced");
            }
            Err(error) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "certificate stays as it is"
                );
            }
        }
    }

    /// Follows the files until `stop`: looks every few seconds, and at once at SIGHUP.
    pub(super) async fn follow(&self, peers: &Peers, clock: &dyn Clock, stop: CancellationToken) {
        let mut hangup = signal(SignalKind::hangup()).ok();
        let mut hung_up = async || match &mut hangup {
            Some(hangup) => hangup.recv().await,
            None => std::future::pending().await,
        };
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = clock.sleep(LOOK) => {}
                _ = hung_up() => {}
            }
            self.look(peers);
        }
    }
}

/// A file and what it holds.
type Read = (PathBuf, Vec<u8>);

/// What the files hold.
struct Files {
    cert: Read,
    key: Read,
    /// Only looked at for changes here; the client towards other nodes reads it itself.
    ca: Option<Read>,
    client_ca: Option<Read>,
    versions: &'static [&'static SupportedProtocolVersion],
}

impl Files {
    /// `None` where the settings name no certificate.
    fn read(config: &TlsConfig) -> Result<Option<Self>, TlsError> {
        let read = |path: &PathBuf| {
            let held = std::fs::read(path).map_err(|source| TlsError::Read {
                path: path.clone(),
                source,
            });
            held.map(|held| (path.clone(), held))
        };
        let (Some(cert), Some(key)) = (&config.cert, &config.key) else {
            return Ok(None);
        };
        Ok(Some(Self {
            cert: read(cert)?,
            key: read(key)?,
            ca: config.ca.as_ref().map(read).transpose()?,
            client_ca: config.client_ca.as_ref().map(read).transpose()?,
            versions: match config.min_version {
                TlsVersion::V12 => rustls::ALL_VERSIONS,
                TlsVersion::V13 => &ONLY_1_3,
            },
        }))
    }

    fn hash(&self) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new();
        let certain = [Some(&self.cert), Some(&self.key)];
        for file in certain
            .into_iter()
            .chain([self.ca.as_ref(), self.client_ca.as_ref()])
        {
            let held = file.map_or(&[][..], |(_, held)| held);
            hasher
                .update(&(held.len() as u64).to_le_bytes())
                .update(held);
        }
        hasher.finalize()
    }

    fn acceptors(&self) -> Result<Acceptors, TlsError> {
        let regions = self.client_ca.as_ref().map(|(path, held)| {
            let roots = authorities(path, held)?;
            self.acceptor(Some((path, roots)))
        });
        Ok(Acceptors {
            open: self.acceptor(None)?,
            regions: regions.transpose()?,
        })
    }

    /// What agrees on keys with everybody, or with those that show a certificate of these authorities.
    fn acceptor(
        &self,
        clients: Option<(&PathBuf, RootCertStore)>,
    ) -> Result<TlsAcceptor, TlsError> {
        let (path, held) = &self.cert;
        let chain = certificates(path, held)?;
        let (key_path, key) = &self.key;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(bad(key_path, "private key"))?;
        let unusable = |source| TlsError::Unusable {
            path: path.clone(),
            source,
        };
        let provider = Arc::new(aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(self.versions)
            .map_err(unusable)?;
        let config = match clients {
            None => config.with_no_client_auth(),
            Some((path, roots)) => {
                let verifier =
                    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
                config.with_client_cert_verifier(verifier.map_err(|source| {
                    TlsError::Authorities {
                        path: path.clone(),
                        source,
                    }
                })?)
            }
        };
        let mut config = config.with_single_cert(chain, key).map_err(unusable)?;
        // the last one is for the listener of SQL, whose newer clients name it
        config.alpn_protocols = ["h2", "http/1.1", "postgresql"].map(Vec::from).to_vec();
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}

fn bad(path: &Path, what: &'static str) -> impl Fn(pem::Error) -> TlsError {
    let path = path.to_owned();
    move |source| TlsError::Pem {
        path: path.clone(),
        what,
        source,
    }
}

fn certificates(path: &Path, held: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let read = CertificateDer::pem_slice_iter(held).collect::<Result<Vec<_>, _>>();
    let read = read.map_err(bad(path, "certificate"))?;
    if read.is_empty() {
        return Err(bad(path, "certificate")(pem::Error::NoItemsFound));
    }
    Ok(read)
}

fn authorities(path: &Path, held: &[u8]) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path, held)? {
        roots
            .add(certificate)
            .map_err(|source| TlsError::Unusable {
                path: path.to_owned(),
                source,
            })?;
    }
    Ok(roots)
}
