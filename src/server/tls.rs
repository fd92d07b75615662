//! [`Tls`]: who the server is, from files that may change while it runs.

use arc_swap::ArcSwap;
use isobath_config::TlsConfig;
use isobath_storage::Clock;
use parking_lot::Mutex;
use rustls::{
    ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{
        CertificateDer, PrivateKeyDer,
        pem::{self, PemObject as _},
    },
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
}

/// Who the server is, from files that may change while it runs.
pub struct Tls {
    cert: PathBuf,
    key: PathBuf,
    acceptor: ArcSwap<TlsAcceptor>,
    /// What the files held when they were looked at last.
    seen: Mutex<blake3::Hash>,
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("cert", &self.cert)
            .finish_non_exhaustive()
    }
}

impl Tls {
    /// Reads the files that the settings name; `None` where they name none.
    pub fn load(config: &TlsConfig) -> Result<Option<Self>, TlsError> {
        let (Some(cert), Some(key)) = (&config.cert, &config.key) else {
            return Ok(None);
        };
        let files = Files::read(cert, key)?;
        Ok(Some(Self {
            acceptor: ArcSwap::from_pointee(files.acceptor(cert, key)?),
            seen: Mutex::new(files.hash()),
            cert: cert.clone(),
            key: key.clone(),
        }))
    }

    /// Agrees on keys with a client.
    pub(super) async fn accept<S>(&self, stream: S) -> io::Result<TlsStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let acceptor = self.acceptor.load_full();
        tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await?
    }

    /// Goes over to what the files hold now; keeps the old where that cannot be used.
    fn look(&self) {
        let read = Files::read(&self.cert, &self.key);
        let files = match read {
            Ok(files) => files,
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
        match files.acceptor(&self.cert, &self.key) {
            Ok(acceptor) => {
                self.acceptor.store(Arc::new(acceptor));
                tracing::info!(cert = %self.cert.display(), "certificate was replaced");
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
    pub(super) async fn follow(&self, clock: &dyn Clock, stop: CancellationToken) {
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
            self.look();
        }
    }
}

/// What the two files hold.
struct Files {
    cert: Vec<u8>,
    key: Vec<u8>,
}

impl Files {
    fn read(cert: &Path, key: &Path) -> Result<Self, TlsError> {
        let read = |path: &Path| {
            std::fs::read(path).map_err(|source| TlsError::Read {
                path: path.to_owned(),
                source,
            })
        };
        Ok(Self {
            cert: read(cert)?,
            key: read(key)?,
        })
    }

    fn hash(&self) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&(self.cert.len() as u64).to_le_bytes());
        hasher.update(&self.cert).update(&self.key);
        hasher.finalize()
    }

    fn acceptor(&self, cert: &Path, key: &Path) -> Result<TlsAcceptor, TlsError> {
        let bad = |path: &Path, what| {
            let path = path.to_owned();
            move |source| TlsError::Pem { path, what, source }
        };
        let chain = CertificateDer::pem_slice_iter(&self.cert).collect::<Result<Vec<_>, _>>();
        let chain = chain.map_err(bad(cert, "certificate"))?;
        if chain.is_empty() {
            return Err(bad(cert, "certificate")(pem::Error::NoItemsFound));
        }
        let key = PrivateKeyDer::from_pem_slice(&self.key).map_err(bad(key, "private key"))?;
        let unusable = |source| TlsError::Unusable {
            path: cert.to_owned(),
            source,
        };
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(unusable)?
            .with_no_client_auth();
        let mut config = config.with_single_cert(chain, key).map_err(unusable)?;
        // the last one is for the listener of SQL, whose newer clients name it
        config.alpn_protocols = ["h2", "http/1.1", "postgresql"].map(Vec::from).to_vec();
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}
