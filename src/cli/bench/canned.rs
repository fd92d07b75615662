//! [`Canned`]: what HTTP alone costs here.

use super::super::client::Client;
use anyhow::Context as _;
use axum::{
    Router, body::Bytes, http::header::CONTENT_TYPE, routing::post, serve::ListenerExt as _,
};
use isobath_storage::SystemClock;
use reqwest::Url;
use std::{sync::Arc, time::Duration};
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

impl Drop for Canned {
    fn drop(&mut self) {
        self.serving.abort();
    }
}
