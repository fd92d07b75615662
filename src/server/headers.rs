//! [`RequestHeaders`]: what a request's headers say to us.

use super::{
    decode::{Fault, Freshness},
    engine::{OnStale, ReadOptions},
};
use axum::http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE},
};
use isobath_storage::{
    model::{IdempotencyKey, Token},
    trace::{self, SpanContext},
};
use std::time::Duration;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const MIN_TOKEN: HeaderName = HeaderName::from_static("x-isobath-min-token");
const WAIT_MS: HeaderName = HeaderName::from_static("x-isobath-wait-ms");
const ON_STALE: HeaderName = HeaderName::from_static("x-isobath-on-stale");
const WRITE_REGIONS: HeaderName = HeaderName::from_static("x-isobath-write-regions");
const RETRY_COUNT: HeaderName = HeaderName::from_static("x-stainless-retry-count");
/// Of which span of which trace a request is a part, and what others note of that trace.
pub(crate) const TRACEPARENT: HeaderName = HeaderName::from_static(trace::TRACEPARENT);
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");
/// The key of a write that another node took from the client.
const FORWARDED_KEY: HeaderName = HeaderName::from_static("x-isobath-key");

/// The region that sends a request to another.
pub(crate) const FROM_REGION: HeaderName = HeaderName::from_static("x-isobath-from-region");
/// The region that answered a request which another had taken.
pub(crate) const SERVED_BY: HeaderName = HeaderName::from_static("x-isobath-served-by");

/// The longest key that a client may give, in bytes.
const MAX_KEY: usize = 256;
/// How long a request waits for its token where it does not say.
const DEFAULT_WAIT: Duration = Duration::from_secs(10);

/// What a request's headers say to us; all others are left alone.
#[derive(Debug, Clone)]
pub(crate) struct RequestHeaders {
    /// Names the write.
    pub(crate) key: Option<IdempotencyKey>,
    /// The client sent the same request before.
    pub(crate) retry: bool,
    /// Another node of the region took the request from the client.
    pub(crate) forwarded: bool,
    /// In how many regions' buckets the write is wanted.
    pub(crate) regions: Option<usize>,
    trace: Option<SpanContext>,
    min_token: Option<Token>,
    wait: Option<Duration>,
    on_stale: OnStale,
}

impl RequestHeaders {
    pub(crate) fn read(headers: &HeaderMap) -> Result<Self, Fault> {
        let text = |name: &HeaderName| text(headers, name);
        let forwarded = text(&FORWARDED_KEY)?.map(forwarded_key).transpose()?;
        let given = text(&IDEMPOTENCY_KEY)?.map(client_key).transpose()?;
        let token = text(&MIN_TOKEN)?.map(str::parse::<Token>).transpose();
        let retries = text(&RETRY_COUNT)?.and_then(|count| count.parse::<u32>().ok());
        Ok(Self {
            key: forwarded.or(given),
            retry: retries.is_some_and(|count| count > 0),
            // Sent here from another region it is as good as from a client.
            forwarded: forwarded.is_some() && !headers.contains_key(&FROM_REGION),
            regions: text(&WRITE_REGIONS)?.map(regions).transpose()?,
            trace: trace_of(headers),
            min_token: token.map_err(|e| Fault::stale(e.to_string()).under(MIN_TOKEN.as_str()))?,
            wait: text(&WAIT_MS)?.map(milliseconds).transpose()?,
            on_stale: match text(&ON_STALE)? {
                None | Some("error") => OnStale::Error,
                Some("serve") => OnStale::Serve,
                Some("remote") => OnStale::Remote,
                Some(_) => {
                    let text = "expected error, serve or remote";
                    return Err(Fault::invalid(text).under(ON_STALE.as_str()));
                }
            },
        })
    }

    /// How fresh the state must be, by headers and body; the whole request may take `timeout`.
    pub(crate) fn read_options(
        self,
        body: Freshness,
        timeout: Duration,
    ) -> Result<ReadOptions, Fault> {
        let min_token = match (self.min_token, body.token) {
            (Some(a), Some(b)) if a.cluster != b.cluster => {
                return Err(Fault::stale("the request's two tokens are of two clusters"));
            }
            (Some(mut a), Some(b)) => {
                a.seen.merge(&b.seen);
                a.hlc = a.hlc.max(b.hlc);
                Some(a)
            }
            (a, b) => a.or(b),
        };
        let wait = body.wait.or(self.wait).unwrap_or(DEFAULT_WAIT);
        Ok(ReadOptions {
            consistency: body.consistency,
            min_token,
            wait: wait.min(timeout),
            on_stale: self.on_stale,
            timeout,
            trace: self.trace,
        })
    }
}

/// The headers with which a request named `key` goes to another node.
pub(crate) fn forwarded_headers(headers: &HeaderMap, key: IdempotencyKey) -> HeaderMap {
    let mut forwarded = HeaderMap::new();
    for name in [
        CONTENT_TYPE,
        MIN_TOKEN,
        WAIT_MS,
        ON_STALE,
        RETRY_COUNT,
        WRITE_REGIONS,
        TRACEPARENT,
        TRACESTATE,
        ACCEPT,
    ] {
        if let Some(value) = headers.get(&name) {
            forwarded.insert(name, value.clone());
        }
    }
    // The owner checks the client's key again.
    for value in headers.get_all(AUTHORIZATION) {
        let mut value = value.clone();
        value.set_sensitive(true);
        forwarded.append(AUTHORIZATION, value);
    }
    if let Ok(key) = HeaderValue::from_str(&key.to_string()) {
        forwarded.insert(FORWARDED_KEY, key);
    }
    forwarded
}

/// Of which span of which trace a request is a part; what cannot be read does not count.
pub(crate) fn trace_of(headers: &HeaderMap) -> Option<SpanContext> {
    headers.get(&TRACEPARENT)?.to_str().ok()?.parse().ok()
}

fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Result<Option<&'h str>, Fault> {
    let value = headers.get(name).map(HeaderValue::to_str).transpose();
    value.map_err(|_| Fault::invalid("not printable ASCII").under(name.as_str()))
}

fn client_key(text: &str) -> Result<IdempotencyKey, Fault> {
    if (1..=MAX_KEY).contains(&text.len()) {
        return Ok(IdempotencyKey::from_text(text));
    }
    let fault = Fault::invalid(format!("{} bytes; expected 1 to {MAX_KEY}", text.len()));
    Err(fault.under(IDEMPOTENCY_KEY.as_str()))
}

fn forwarded_key(text: &str) -> Result<IdempotencyKey, Fault> {
    let key = u128::from_str_radix(text, 16)
        .ok()
        .filter(|_| text.len() == 32);
    let fault = || Fault::invalid("expected 32 hexadecimal digits").under(FORWARDED_KEY.as_str());
    key.map(IdempotencyKey).ok_or_else(fault)
}

fn regions(text: &str) -> Result<usize, Fault> {
    let count = text.parse().ok().filter(|count| *count > 0);
    count.ok_or_else(|| Fault::invalid("expected how many").under(WRITE_REGIONS.as_str()))
}

/// The headers with which a read goes to a node of another region, which answers or fails.
pub(crate) fn remote_headers(headers: &HeaderMap) -> HeaderMap {
    let mut remote = forwarded_headers(headers, IdempotencyKey(0));
    remote.remove(&FORWARDED_KEY);
    remote.insert(ON_STALE, HeaderValue::from_static("error"));
    remote
}

fn milliseconds(text: &str) -> Result<Duration, Fault> {
    let ms = text.parse().map(Duration::from_millis);
    ms.map_err(|_| Fault::invalid("expected milliseconds").under(WAIT_MS.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(headers: &[(&'static str, &str)]) -> Result<RequestHeaders, String> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, value.parse().unwrap());
        }
        RequestHeaders::read(&map).map_err(|fault| fault.to_string())
    }

    #[test]
    fn should_carry_the_key_to_the_next_node() {
        let first = read(&[("idempotency-key", "order 7")]).unwrap();
        assert!(!first.forwarded);
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_COUNT, HeaderValue::from_static("2"));
        let headers = forwarded_headers(&headers, first.key.unwrap());
        let second = RequestHeaders::read(&headers).unwrap();
        assert_eq!(second.key, first.key);
        assert!(second.forwarded && second.retry);
    }

    #[test]
    fn should_name_the_header_that_is_wrong() {
        for (name, value, text) in [
            (
                "x-isobath-min-token",
                "x",
                "x-isobath-min-token: the token is malformed",
            ),
            (
                "x-isobath-wait-ms",
                "-1",
                "x-isobath-wait-ms: expected milliseconds",
            ),
            (
                "x-isobath-on-stale",
                "x",
                "x-isobath-on-stale: expected error, serve or remote",
            ),
            (
                "x-isobath-key",
                "7",
                "x-isobath-key: expected 32 hexadecimal digits",
            ),
            (
                "x-isobath-write-regions",
                "0",
                "x-isobath-write-regions: expected how many",
            ),
            (
                "idempotency-key",
                "",
                "idempotency-key: 0 bytes; expected 1 to 256",
            ),
        ] {
            assert_eq!(read(&[(name, value)]).unwrap_err(), text);
        }
    }

    #[test]
    fn should_not_take_a_first_attempt_for_a_retry() {
        assert!(!read(&[("x-stainless-retry-count", "0")]).unwrap().retry);
        assert!(read(&[("x-stainless-retry-count", "1")]).unwrap().retry);
    }
}
