//! [`Canned`]: what HTTP alone costs here.

use super::super::client::Client;
use anyhow::Context as _;
use axum::{
    Router,
    body::Bytes,
    extract::DefaultBodyLimit,
    http::{Uri, header::CONTENT_TYPE},
    routing::post,
    serve::ListenerExt as _,
};
use isobath_storage::SystemClock;
use reqwest::Url;
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::{net::TcpListener, task::JoinHandle};

/// A server that reads each request to its end and answers all of them alike: what remains of a
/// search's time when nothing is decoded, searched or encoded.
#[derive(Debug)]
pub(super) struct Canned {
    /// A client of it.
    pub(super) client: Client,
    serving: JoinHandle<()>,
}

impl Canned {
    /// Starts it on a free port of this machine; it ends when it is dropped.
    pub(super) async fn start(path: &str, answer: Bytes) -> anyhow::Result<Self> {
        let answers = move |_: Bytes| {
            let answer = answer.clone();
            async { ([(CONTENT_TYPE, "application/json")], answer) }
        };
        let router = Router::new().route(path, post(answers));
        let listener = TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.context("cannot listen on this machine")?;
        let url = Url::parse(&format!("http://{}", listener.local_addr()?))?;
        // As the node's own listener does.
        let listener = listener.tap_io(|stream| {
            stream.set_nodelay(true).ok();
        });
        let serving = tokio::spawn(async move {
            // Ends only with the task.
            axum::serve(listener, router).await.ok();
        });
        let client = Client::new(&url, Duration::from_secs(30), Arc::new(SystemClock))?;
        Ok(Self { client, serving })
    }
}

/// The answer to a query, as long as those of ten rows are.
const QUERIED: &str = r#"{"rows":[{"id":1,"$dist":0.31415927},{"id":22,"$dist":0.32415927},{"id":333,"$dist":0.33415927},{"id":4444,"$dist":0.34415927},{"id":55555,"$dist":0.35415927},{"id":66,"$dist":0.36415927},{"id":77777,"$dist":0.37415927},{"id":8888,"$dist":0.38415927},{"id":9,"$dist":0.39415927},{"id":10101,"$dist":0.40415927}],"performance":{"cache_hit_ratio":1.0,"cache_temperature":"hot","server_total_ms":1,"query_execution_ms":1,"exhaustive_search_count":0,"approx_namespace_size":115659,"rows_scanned":1234,"candidates":123,"path":"graph"},"billing":{"billable_logical_bytes_queried":256000000,"billable_logical_bytes_returned":120},"token":"AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}"#;

/// The answer to a write.
const WRITTEN: &str = r#"{"status":"OK","message":"ok","rows_affected":1,"rows_upserted":1,"billing":{"billable_logical_bytes_written":1},"performance":{"server_total_ms":1},"committed_at":"2026-01-01T00:00:00.000Z","token":"AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}"#;

/// Answers every query and every write at `address` alike, until the process ends: what other clients
/// than ours are measured against.
pub(super) async fn serve(address: SocketAddr) -> anyhow::Result<()> {
    let answers = |uri: Uri, _: Bytes| async move {
        let is_query = uri.path().ends_with("/query");
        let answer = if is_query { QUERIED } else { WRITTEN };
        ([(CONTENT_TYPE, "application/json")], answer)
    };
    let router = Router::new()
        .fallback(answers)
        .layer(DefaultBodyLimit::disable());
    let listener = TcpListener::bind(address).await;
    let listener = listener.with_context(|| format!("cannot listen on {address}"))?;
    let listener = listener.tap_io(|stream| {
        stream.set_nodelay(true).ok();
    });
    Ok(axum::serve(listener, router).await?)
}

impl Drop for Canned {
    fn drop(&mut self) {
        self.serving.abort();
    }
}
