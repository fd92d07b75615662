//! A server that takes writes like the real one, but as unreliably as a test wants.

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

/// What the server has seen.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// Bodies by idempotency key.
    pub(crate) writes: BTreeMap<String, Value>,
    /// Requests by idempotency key, refused ones included.
    pub(crate) attempts: BTreeMap<String, u32>,
    /// How often each write is refused with 503 before it is taken.
    pub(crate) refusals: u32,
    /// How many writes are taken before all others are refused for good.
    pub(crate) limit: Option<usize>,
}

/// A running server.
pub(crate) struct Server {
    /// Its address.
    pub(crate) url: String,
    /// What it has seen.
    pub(crate) seen: Arc<Mutex<Seen>>,
    // Ends the server when dropped.
    _runtime: tokio::runtime::Runtime,
}

impl Server {
    /// Starts on a free port.
    pub(crate) fn start(refusals: u32, limit: Option<usize>) -> Self {
        let seen = Arc::new(Mutex::new(Seen {
            refusals,
            limit,
            ..Seen::default()
        }));
        let router = Router::new()
            .route("/v1/namespaces/{name}/schema", get(schema))
            .route("/v2/namespaces/{name}", post(write))
            .layer(axum::extract::DefaultBodyLimit::max(64 << 20))
            .with_state(Arc::clone(&seen));
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let listener = runtime
            .block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))
            .unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        runtime.spawn(async move { axum::serve(listener, router).await });
        Self {
            url,
            seen,
            _runtime: runtime,
        }
    }

    /// The ids of all rows that were taken.
    pub(crate) fn ids(&self) -> Vec<u64> {
        let seen = self.seen.lock().unwrap();
        let ids = |body: &Value| body["upsert_columns"]["id"].as_array().unwrap().clone();
        let mut ids: Vec<u64> = seen
            .writes
            .values()
            .flat_map(ids)
            .map(|id| id.as_u64().unwrap())
            .collect();
        ids.sort_unstable();
        ids
    }
}

async fn schema() -> Response {
    let error = json!({ "status": "error", "error": "no such namespace" });
    (StatusCode::NOT_FOUND, error.to_string()).into_response()
}

async fn write(State(seen): State<Arc<Mutex<Seen>>>, headers: HeaderMap, body: Bytes) -> Response {
    let mut seen = seen.lock().unwrap();
    let key = headers["idempotency-key"].to_str().unwrap().to_owned();
    let attempts = seen.attempts.entry(key.clone()).or_default();
    *attempts += 1;
    let attempt = *attempts;
    if attempt <= seen.refusals {
        return (
            StatusCode::SERVICE_UNAVAILABLE,
            [("retry-after", "0")],
            "busy",
        )
            .into_response();
    }
    if seen.limit.is_some_and(|limit| seen.writes.len() >= limit) {
        let error = json!({ "status": "error", "error": "enough" });
        return (StatusCode::BAD_REQUEST, error.to_string()).into_response();
    }
    seen.writes
        .insert(key, serde_json::from_slice(&body).unwrap());
    json!({ "status": "OK" }).to_string().into_response()
}
