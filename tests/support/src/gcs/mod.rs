//! [`GcsFake`]: a small server of the part of Google Cloud Storage's XML API that we use.
//!
//! It checks our code against *our reading* of that API, over a store in memory. It proves nothing
//! about Google's service: not its consistency, its limits, its authentication, its error codes.

mod object;
mod xml;

use anyhow::Result;
use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, Method, StatusCode},
    response::Response,
};
use bytes::Bytes;
use object_store::{memory::InMemory, path::Path};
use parking_lot::Mutex;
use std::{
    collections::BTreeMap,
    net::Ipv4Addr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};
use tokio::{net::TcpListener, task::JoinHandle};

use crate::{Environment, environment};

/// The largest body that the server takes.
const BODY_MAX: usize = 256 << 20;

/// A running fake, in this process; any bucket exists. Ended when dropped.
#[derive(Debug)]
pub struct GcsFake {
    port: u16,
    task: JoinHandle<()>,
}

/// What the server holds.
#[derive(Debug, Default)]
struct Bucket {
    objects: InMemory,
    uploads: Mutex<BTreeMap<String, BTreeMap<u32, Bytes>>>,
    next_upload: AtomicU64,
}

/// A request, taken apart.
struct Call {
    method: Method,
    /// None for a request of the bucket itself.
    key: Option<Path>,
    query: BTreeMap<String, String>,
    headers: HeaderMap,
    body: Bytes,
}

impl GcsFake {
    /// Starts one.
    pub async fn start() -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        let router = Router::new()
            .fallback(serve)
            .with_state(Arc::new(Bucket::default()));
        let task = tokio::spawn(async move {
            drop(axum::serve(listener, router).await);
        });
        Ok(Self { port, task })
    }

    /// The settings of a client.
    pub fn environment(&self) -> Environment {
        let account =
            r#"{"disable_oauth":true,"client_email":"","private_key":"","private_key_id":""}"#;
        environment([
            (
                "GOOGLE_BASE_URL",
                &format!("http://127.0.0.1:{}", self.port),
            ),
            ("GOOGLE_SERVICE_ACCOUNT_KEY", account),
        ])
    }
}

impl Drop for GcsFake {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(State(bucket): State<Arc<Bucket>>, request: Request) -> Response {
    let answer = match take_apart(request).await {
        Ok(call) => bucket.answer(call).await,
        Err(error) => Err(error),
    };
    answer.unwrap_or_else(|error| text(StatusCode::INTERNAL_SERVER_ERROR, format!("{error:#}")))
}

async fn take_apart(request: Request) -> Result<Call> {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path().trim_start_matches('/');
    let key = path.split_once('/').filter(|(_, key)| !key.is_empty());
    let key = key.map(|(_, key)| Path::from_url_path(key)).transpose()?;
    let query = parts.uri.query().unwrap_or_default();
    let query = url::form_urlencoded::parse(query.as_bytes())
        .into_owned()
        .collect();
    let body = to_bytes(body, BODY_MAX).await?;
    Ok(Call {
        method: parts.method,
        key,
        query,
        headers: parts.headers,
        body,
    })
}

impl Bucket {
    async fn answer(&self, call: Call) -> Result<Response> {
        let Some(key) = call.key.clone() else {
            return self.list(&call).await;
        };
        let upload = call.query.get("uploadId").cloned();
        match (call.method.as_str(), upload) {
            ("PUT", Some(id)) => Ok(self.put_piece(&id, &call)),
            ("POST", Some(id)) => self.complete(&id, &key).await,
            ("DELETE", Some(id)) => {
                self.uploads.lock().remove(&id);
                Ok(text(StatusCode::NO_CONTENT, ""))
            }
            ("POST", None) if call.query.contains_key("uploads") => Ok(self.start_upload()),
            ("PUT", None) if call.headers.contains_key("x-goog-copy-source") => {
                self.copy(&key, &call).await
            }
            ("PUT", None) => self.put(&key, call).await,
            ("GET" | "HEAD", None) => self.get(&key, &call).await,
            ("DELETE", None) => self.delete(&key).await,
            _ => Ok(text(StatusCode::METHOD_NOT_ALLOWED, "")),
        }
    }

    fn start_upload(&self) -> Response {
        let id = format!(
            "upload-{}",
            self.next_upload.fetch_add(1, Ordering::Relaxed)
        );
        self.uploads.lock().insert(id.clone(), BTreeMap::new());
        text(StatusCode::OK, xml::started(&id))
    }

    fn put_piece(&self, id: &str, call: &Call) -> Response {
        let number = call.query.get("partNumber").and_then(|n| n.parse().ok());
        let mut uploads = self.uploads.lock();
        let (Some(number), Some(pieces)) = (number, uploads.get_mut(id)) else {
            return text(StatusCode::NOT_FOUND, "");
        };
        pieces.insert(number, call.body.clone());
        object::head(StatusCode::OK, &format!("\"{id}-{number}\""), 0)
    }
}

fn text(status: StatusCode, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response
}
