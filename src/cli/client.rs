//! [`Client`]: the HTTP API from the outside, with the retries that it asks for.

use anyhow::Context as _;
use bytes::Bytes;
use isobath_storage::Clock;
use reqwest::{
    Method, Response, StatusCode, Url,
    header::{AUTHORIZATION, HeaderValue, RETRY_AFTER},
};
use serde::de::DeserializeOwned;
use std::{env, path::PathBuf, sync::Arc, time::Duration};

/// The first wait between two attempts; it doubles from there.
const FIRST_WAIT: Duration = Duration::from_millis(100);

/// The longest wait between two attempts.
const LONGEST_WAIT: Duration = Duration::from_secs(4);

/// The variable that may hold the API key: a flag would show it to everyone who lists processes.
const KEY_VARIABLE: &str = "ISOBATH_API_KEY";

/// Why a request got no answer that can be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientError {
    /// The server cannot be reached, or went away in the middle.
    #[error("cannot reach {url}")]
    Unreachable {
        /// Where the request went.
        url: Url,
        /// What the network says.
        #[source]
        source: reqwest::Error,
    },
    /// The server refuses.
    #[error("the server answers {status}: {message}")]
    Refused {
        /// The answer's status.
        status: StatusCode,
        /// The answer's text.
        message: String,
    },
    /// The answer cannot be understood.
    #[error("cannot understand the answer of {url}")]
    Answer {
        /// Where the request went.
        url: Url,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
}

impl ClientError {
    /// Whether nobody answered.
    pub(crate) fn is_unreachable(&self) -> bool {
        matches!(self, Self::Unreachable { .. })
    }

    /// Whether what was asked for does not exist.
    pub(crate) fn is_not_found(&self) -> bool {
        matches!(self, Self::Refused { status, .. } if *status == StatusCode::NOT_FOUND)
    }
}

/// One request.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// The verb.
    pub(crate) method: Method,
    /// The path below the server's address, percent-encoded.
    pub(crate) path: String,
    /// A JSON body.
    pub(crate) body: Option<Bytes>,
    /// What makes it safe to send twice.
    pub(crate) idempotency_key: Option<String>,
}

impl Request {
    /// A request without a body.
    pub(crate) fn get(path: impl Into<String>) -> Self {
        Self {
            method: Method::GET,
            path: path.into(),
            body: None,
            idempotency_key: None,
        }
    }

    /// A request with a JSON body.
    pub(crate) fn post(path: impl Into<String>, body: impl Into<Bytes>) -> Self {
        Self {
            method: Method::POST,
            body: Some(body.into()),
            ..Self::get(path)
        }
    }
}

/// A server of the HTTP API.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    base: Url,
    http: reqwest::Client,
    clock: Arc<dyn Clock>,
    /// For how long a failed request is repeated.
    patience: Duration,
    /// The API key, as the header that carries it.
    authorization: Option<HeaderValue>,
}

impl Client {
    /// The server at `base`, for which requests are repeated until `patience` is over.
    pub(crate) fn new(
        base: &Url,
        patience: Duration,
        clock: Arc<dyn Clock>,
    ) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder()
            .tcp_nodelay(true)
            .connect_timeout(Duration::from_secs(5))
            .timeout(Duration::from_mins(2))
            .build()
            .context("cannot set up an HTTP client")?;
        Ok(Self {
            base: base.clone(),
            http,
            clock,
            patience,
            authorization: None,
        })
    }

    /// The same with an API key.
    pub(crate) fn with_key(mut self, key: &str) -> anyhow::Result<Self> {
        let header = HeaderValue::from_str(&format!("Bearer {}", key.trim()));
        // The error would not name the key, but nothing here should come near it.
        let mut header = header.ok().context("the API key holds what no key holds")?;
        header.set_sensitive(true);
        self.authorization = Some(header);
        Ok(self)
    }

    /// Sends the request, again where the answer invites it, and decodes the answer.
    pub(crate) async fn send<T: DeserializeOwned>(
        &self,
        request: &Request,
    ) -> Result<T, ClientError> {
        let url = self.full_url(&request.path);
        let text = self.send_text(request).await?;
        serde_json::from_slice(&text).map_err(|source| ClientError::Answer { url, source })
    }

    /// The same, leaving the answer as it is.
    pub(crate) async fn send_text(&self, request: &Request) -> Result<Bytes, ClientError> {
        let url = self.full_url(&request.path);
        let start = self.clock.monotonic();
        let mut wait = FIRST_WAIT;
        for attempt in 0_u32.. {
            let (error, asked) = match self.send_once(&url, request, attempt).await {
                Ok(answer) => return Ok(answer),
                Err(failed) => failed,
            };
            let Some(asked) = asked else {
                return Err(error);
            };
            let wait_now = asked.max(wait);
            let spent = self.clock.monotonic().saturating_sub(start);
            if spent + wait_now > self.patience {
                return Err(error);
            }
            tracing::info!(%error, attempt, "request failed, trying again");
            self.clock.sleep(wait_now).await;
            wait = LONGEST_WAIT.min(wait * 2);
        }
        unreachable!("the loop above has no end")
    }

    /// One attempt; a failure comes with the wait that is asked for if it may be repeated.
    async fn send_once(
        &self,
        url: &Url,
        request: &Request,
        attempt: u32,
    ) -> Result<Bytes, (ClientError, Option<Duration>)> {
        let unreachable = |source| {
            let url = url.clone();
            (
                ClientError::Unreachable { url, source },
                Some(Duration::ZERO),
            )
        };
        let mut builder = self.http.request(request.method.clone(), url.clone());
        if let Some(authorization) = &self.authorization {
            builder = builder.header(AUTHORIZATION, authorization.clone());
        }
        if let Some(key) = &request.idempotency_key {
            builder = builder.header("idempotency-key", key);
        }
        if attempt > 0 {
            builder = builder.header("x-stainless-retry-count", attempt);
        }
        if let Some(body) = &request.body {
            builder = builder
                .header("content-type", "application/json")
                .body(body.clone());
        }
        let answer = builder.send().await.map_err(unreachable)?;
        let status = answer.status();
        let wait = invited_wait(&answer);
        let text = answer.bytes().await.map_err(unreachable)?;
        if status.is_success() {
            return Ok(text);
        }
        let message = message(&text);
        Err((ClientError::Refused { status, message }, wait))
    }

    /// The server's address.
    pub(crate) fn url(&self) -> &Url {
        &self.base
    }

    fn full_url(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        let base = self.base.path().trim_end_matches('/');
        let (path, query) = path
            .split_once('?')
            .map_or((path, None), |(p, q)| (p, Some(q)));
        url.set_path(&format!("{base}{path}"));
        url.set_query(query);
        url
    }
}

/// How long to wait before the request is sent again; `None` where it must not be.
fn invited_wait(answer: &Response) -> Option<Duration> {
    let header = |name: &str| answer.headers().get(name)?.to_str().ok();
    let status = answer.status();
    let usual = matches!(status.as_u16(), 408 | 409 | 429) || status.is_server_error();
    let again = match header("x-should-retry") {
        Some("true") => true,
        Some("false") => false,
        _ => usual && status != StatusCode::INSUFFICIENT_STORAGE,
    };
    if !again {
        return None;
    }
    let seconds = header(RETRY_AFTER.as_str()).and_then(|text| text.parse().ok());
    Some(Duration::from_secs(seconds.unwrap_or(0)))
}

/// The text of an error's answer.
fn message(body: &[u8]) -> String {
    #[derive(serde::Deserialize)]
    struct Body {
        error: String,
    }
    serde_json::from_slice::<Body>(body).map_or_else(
        |_| {
            String::from_utf8_lossy(body)
                .trim()
                .chars()
                .take(500)
                .collect()
        },
        |body| body.error,
    )
}

/// `text` as one segment of a path.
pub(crate) fn segment(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    text.bytes()
        .map(|b| {
            if plain(b) {
                char::from(b).to_string()
            } else {
                format!("%{b:02X}")
            }
        })
        .collect()
}

/// The flags that say where the server is.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct ServerArgs {
    /// The server's address.
    #[arg(long, default_value = "http://127.0.0.1:7750")]
    url: Url,
    /// For how long a request that fails is repeated.
    #[arg(long, default_value = "60s", value_parser = humantime::parse_duration)]
    patience: Duration,
    /// A file that holds the API key. Default: the variable `ISOBATH_API_KEY`, if it is set.
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
}

impl ServerArgs {
    /// A client for the server.
    pub(crate) fn client(&self, clock: Arc<dyn Clock>) -> anyhow::Result<Client> {
        let client = Client::new(&self.url, self.patience, clock)?;
        let key = match &self.key_file {
            Some(path) => Some(std::fs::read_to_string(path).context("cannot read the key file")?),
            None => env::var(KEY_VARIABLE).ok().filter(|key| !key.is_empty()),
        };
        match key {
            Some(key) => client.with_key(&key),
            None => Ok(client),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn should_encode_what_would_end_a_path_segment() {
        assert_eq!(segment("a-b_c.9"), "a-b_c.9");
        assert_eq!(segment("a/b?ü"), "a%2Fb%3F%C3%BC");
    }

    #[test]
    fn should_take_the_text_out_of_an_error() {
        assert_eq!(message(br#"{"status":"error","error":"no"}"#), "no");
        assert_eq!(message(b" bad gateway\n"), "bad gateway");
    }
}
