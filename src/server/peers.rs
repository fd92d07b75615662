//! [`Peers`]: how a node talks to other nodes.

use super::{engine::Pong, error::NOT_OWNER, metrics};
use arc_swap::ArcSwap;
use axum::{
    body::Body,
    http::{HeaderMap, Method, StatusCode},
    response::Response,
};
use bytes::Bytes;
use isobath_config::{HiddenText, ServerConfig, TlsConfig, TlsVersion};
use std::{io, path::PathBuf, sync::Arc, time::Duration};

/// How long a peer may take to accept a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// The path that answers a [`Pong`].
pub(crate) const PING_PATH: &str = "/internal/v1/ping";

/// How a node talks to the other nodes of its region, and to those of others. Cheap to clone: connections are shared.
#[derive(Debug, Clone)]
pub struct Peers {
    client: Arc<ArcSwap<reqwest::Client>>,
    secret: Option<HiddenText>,
    cluster_key: Option<HiddenText>,
}

/// Why no other node can be talked to.
#[derive(Debug, thiserror::Error)]
pub enum PeersError {
    /// The file with authorities cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The HTTP client cannot be made.
    #[error("the HTTP client for other nodes cannot be made")]
    Client(#[from] reqwest::Error),
}

/// A peer that did not answer as it should.
#[derive(Debug, thiserror::Error)]
#[error("no answer from the node at {address}")]
pub struct PeerError {
    /// Where the peer should be.
    pub address: String,
    /// What happened instead.
    pub source: reqwest::Error,
}

impl PeerError {
    /// Puts the address to an error.
    pub(super) fn at(address: &str) -> impl FnOnce(reqwest::Error) -> Self {
        let address = address.to_owned();
        move |source| Self { address, source }
    }
}

/// A request as it came from the client, to be sent to another node.
#[derive(Debug, Clone)]
pub(crate) struct Original {
    pub(crate) method: Method,
    /// Path and query string.
    pub(crate) target: String,
    pub(crate) headers: HeaderMap,
    /// The body, not compressed.
    pub(crate) body: Bytes,
}

/// What became of a request that was sent to another node.
#[derive(Debug)]
pub(crate) enum Sent {
    /// The node answered it.
    Answered(Response),
    /// The node does not own the log either; nothing was applied.
    NotOwner,
    /// Nothing was applied: the node could not be reached.
    Unreachable,
    /// The connection broke; whether the node applied it is unknown.
    Broken,
}

impl Peers {
    /// A client of its own, with no proxy between the nodes.
    pub fn new(config: &ServerConfig) -> Result<Self, PeersError> {
        let client = client(&config.tls)?;
        Ok(Self {
            client: Arc::new(ArcSwap::from_pointee(client)),
            secret: config.node_secret.clone(),
            cluster_key: None,
        })
    }

    /// Goes over to what the files of the settings hold now; requests that are under way end as they began.
    pub(super) fn renew(&self, tls: &TlsConfig) -> Result<(), PeersError> {
        self.client.store(Arc::new(client(tls)?));
        Ok(())
    }

    /// The same client, which proves to other regions that it knows the key of their cluster.
    #[must_use]
    pub fn with_cluster_key(self, key: Option<HiddenText>) -> Self {
        Self {
            cluster_key: key,
            ..self
        }
    }

    /// A request to a node of another region.
    pub(super) fn request_to(
        &self,
        method: Method,
        address: &str,
        target: &str,
    ) -> reqwest::RequestBuilder {
        let client = self.client.load();
        let request = client.request(method, url(address, target));
        match &self.cluster_key {
            Some(key) => request.bearer_auth(key.expose()),
            None => request,
        }
    }

    /// Asks the node at `address`, as `host:port` or `http://host:port`, who it is and what it owns.
    pub async fn ping(&self, address: &str, timeout: Duration) -> Result<Pong, PeerError> {
        let failed = |source| PeerError::at(address)(source);
        let client = self.client.load_full();
        let mut request = client.get(url(address, PING_PATH)).timeout(timeout);
        if let Some(secret) = &self.secret {
            request = request.bearer_auth(secret.expose());
        }
        let response = request
            .send()
            .await
            .and_then(reqwest::Response::error_for_status);
        response.map_err(failed)?.json().await.map_err(failed)
    }

    /// Sends `original` to the node at `address` and waits for the answer.
    pub(crate) async fn send(&self, address: &str, original: &Original) -> Sent {
        let sent = self.try_send(address, original).await;
        let (outcome, sent) = match sent {
            Ok(response) if response.headers().contains_key(NOT_OWNER) => {
                ("not_owner", Sent::NotOwner)
            }
            Ok(response) => ("answered", Sent::Answered(response)),
            Err(error) => {
                let cause: &dyn std::error::Error = &error;
                tracing::info!(
                    address,
                    error = cause,
                    "the owner of the log did not answer"
                );
                let unreachable = error.is_connect();
                (
                    "failed",
                    if unreachable {
                        Sent::Unreachable
                    } else {
                        Sent::Broken
                    },
                )
            }
        };
        ::metrics::counter!(metrics::FORWARDED, "outcome" => outcome).increment(1);
        sent
    }

    async fn try_send(
        &self,
        address: &str,
        original: &Original,
    ) -> Result<Response, reqwest::Error> {
        let client = self.client.load_full();
        let answer = client
            .request(original.method.clone(), url(address, &original.target))
            .headers(original.headers.clone())
            .body(original.body.clone())
            .send()
            .await?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let mut response = Response::new(Body::from(answer.bytes().await?));
        *response.status_mut() =
            StatusCode::from_u16(status.as_u16()).unwrap_or(StatusCode::BAD_GATEWAY);
        for (name, value) in &headers {
            let hop = ["connection", "content-length", "transfer-encoding", "date"];
            if !hop.contains(&name.as_str()) {
                response.headers_mut().insert(name.clone(), value.clone());
            }
        }
        Ok(response)
    }
}

/// A client that believes the authorities of the settings, and shows the certificate of the settings where it is asked.
fn client(tls: &TlsConfig) -> Result<reqwest::Client, PeersError> {
    let read = |path: &PathBuf| {
        std::fs::read(path).map_err(|source| PeersError::Read {
            path: path.clone(),
            source,
        })
    };
    let mut client = reqwest::Client::builder()
        .no_proxy()
        .tcp_nodelay(true)
        .connect_timeout(CONNECT_TIMEOUT);
    if tls.min_version == TlsVersion::V13 {
        client = client.tls_version_min(reqwest::tls::Version::TLS_1_3);
    }
    if let Some(path) = &tls.ca {
        client = client.tls_certs_merge(reqwest::Certificate::from_pem_bundle(&read(path)?)?);
    }
    if let (Some(cert), Some(key)) = (&tls.cert, &tls.key) {
        let pem = [read(cert)?, b"\n".to_vec(), read(key)?].concat();
        client = client.identity(reqwest::Identity::from_pem(&pem)?);
    }
    Ok(client.build()?)
}

fn url(address: &str, target: &str) -> String {
    let address = address.trim_end_matches('/');
    if address.contains("://") {
        format!("{address}{target}")
    } else {
        format!("http://{address}{target}")
    }
}
