//! What happens to every request before and after its handler.

use super::{
    answer::HeldAnswer,
    error::ApiError,
    gate,
    headers::{TRACEPARENT, trace_of},
    request::Arrived,
    state::{Server, Shared},
};
use axum::{
    body::{Body, HttpBody as _},
    extract::{MatchedPath, RawPathParams, Request, State},
    http::{
        HeaderMap, HeaderValue, StatusCode, Uri,
        header::{ACCEPT_ENCODING, CONTENT_ENCODING},
        uri::PathAndQuery,
    },
    middleware::Next,
    response::{IntoResponse, Response},
};
use isobath_storage::{
    model::Region,
    trace::{ActiveSpan, SpanKind},
};
use std::{convert::Infallible, future::ready, time::Duration};
use tower::{Layer as _, ServiceExt as _};
use tower_http::compression::{CompressionLayer, predicate::SizeAbove};

/// Bytes from which on an answer is worth compressing.
const MIN_COMPRESSED: u64 = 1024;

/// How long a request waits for others to end before it is refused.
const QUEUE_WAIT: Duration = Duration::from_secs(2);

/// Where nodes ask each other, and where keys are administered; no region is called so.
const OURS: [&str; 2] = ["/internal/", "/admin/"];

/// Everything around the handler of a route to namespaces or keys, in one piece: a layer costs as much as
/// a short handler.
///
/// Bounds how many requests are at work and how long each may take, lets only those pass that
/// [`gate`](super::gate) admits, accounts for the answers of queries, compresses, and counts.
pub(super) async fn around(
    State(server): State<Shared>,
    params: RawPathParams,
    mut request: Request,
    next: Next,
) -> Response {
    let arrived = server.clock.monotonic();
    request.extensions_mut().insert(Arrived(arrived));
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map_or("", MatchedPath::as_str);
    let mut span = begin_span(&server, &params, route, &mut request);
    let time_is_up = server.clock.sleep(server.config.request_timeout);
    let response = tokio::select! {
        biased;
        response = admit(&server, &params, route, request, next) => response,
        () = time_is_up => {
            ApiError::deadline("the request took too long; a write may have been applied").into_response()
        }
    };
    let status = response.status();
    span.set("http.response.status_code", u64::from(status.as_u16()));
    if status.is_server_error() {
        span.fail();
    }
    drop(span);
    let seconds = server.since(arrived).as_secs_f64();
    server.requests_seen.count(route, &method, status, seconds);
    response
}

/// Begins the span of a request, and puts it into the request in place of whose part it is.
fn begin_span(
    server: &Server,
    params: &RawPathParams,
    route: &str,
    request: &mut Request,
) -> ActiveSpan {
    if !server.tracer.is_on() {
        return server.tracer.step(None, SpanKind::Server, "");
    }
    let name = format!("{} {route}", request.method());
    let parent = trace_of(request.headers());
    let mut span = server.tracer.begin(parent, SpanKind::Server, &name);
    span.set("http.request.method", request.method().as_str());
    span.set("http.route", route);
    let namespace = params.iter().find(|(name, _)| *name == "namespace");
    if let Some((_, namespace)) = namespace {
        span.set("isobath.namespace", namespace);
    }
    let own = span.context().map(|context| context.to_string().parse());
    if let Some(Ok(own)) = own {
        request.headers_mut().insert(TRACEPARENT, own);
    }
    span
}

/// Answers a request as soon as there is a place for it.
async fn admit(
    server: &Server,
    params: &RawPathParams,
    route: &str,
    request: Request,
    next: Next,
) -> Response {
    let permit = if let Ok(permit) = server.requests.try_acquire() {
        Some(permit)
    } else {
        tokio::select! {
            permit = server.requests.acquire() => permit.ok(),
            () = server.clock.sleep(QUEUE_WAIT) => None,
        }
    };
    let Some(_permit) = permit else {
        return ApiError::overloaded("too many requests are at work").into_response();
    };
    let request = match gate::check(server, params, request).await {
        Ok(request) => request,
        Err(refusal) => return refusal,
    };
    let accepted = request.headers().get(ACCEPT_ENCODING).cloned();
    let response = next.run(request).await;
    let response = if route.ends_with("/query") {
        HeldAnswer::hold(response, &server.memory)
    } else {
        response
    };
    match accepted {
        Some(accepted) => compress(response, accepted).await,
        None => response,
    }
}

/// The same response, in an encoding of those that the client accepts.
async fn compress(response: Response, accepted: HeaderValue) -> Response {
    let size = response.body().size_hint();
    if size.upper().is_some_and(|most| most < MIN_COMPRESSED) {
        return response;
    }
    let mut head = Request::default();
    head.headers_mut().insert(ACCEPT_ENCODING, accepted);
    let mut response = Some(response);
    let answer = tower::service_fn(move |_: Request| {
        ready(Ok::<_, Infallible>(response.take().unwrap_or_default()))
    });
    let compressed = CompressionLayer::new()
        .compress_when(SizeAbove::new(MIN_COMPRESSED))
        .layer(answer)
        .oneshot(head);
    match compressed.await {
        Ok(response) => response.map(Body::new),
        Err(never) => match never {},
    }
}

/// Refuses a body that is encoded in a way that is not understood.
pub(super) fn check_encoding(headers: &HeaderMap) -> Result<(), ApiError> {
    let encodings: Vec<&HeaderValue> = headers.get_all(CONTENT_ENCODING).iter().collect();
    match encodings.as_slice() {
        [] => return Ok(()),
        [one] if matches!(one.as_bytes(), b"gzip" | b"identity") => return Ok(()),
        _ => {}
    }
    let text = "content-encoding: only gzip is understood";
    Err(ApiError::no_route(StatusCode::UNSUPPORTED_MEDIA_TYPE, text))
}

/// Removes the region from the front of a path: `/gcp-us-central1/v2/…` becomes `/v2/…`.
pub(super) fn strip_region(mut request: Request) -> Request {
    if let Some(uri) = without_region(request.uri()) {
        *request.uri_mut() = uri;
    }
    request
}

fn without_region(uri: &Uri) -> Option<Uri> {
    let path = uri.path_and_query()?.as_str();
    let (region, rest) = path.strip_prefix('/')?.split_once('/')?;
    let versioned = rest.starts_with("v1/") || rest.starts_with("v2/");
    let ours = OURS.iter().any(|own| path.starts_with(own));
    if !versioned || ours || region.parse::<Region>().is_err() {
        return None;
    }
    let rest: PathAndQuery = path.get(1 + region.len()..)?.parse().ok()?;
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(rest);
    Uri::from_parts(parts).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn should_remove_a_region_and_nothing_else() {
        for (path, rest) in [
            (
                "/gcp-us-central1/v2/namespaces/a?x=1",
                Some("/v2/namespaces/a?x=1"),
            ),
            ("/eu/v1/namespaces", Some("/v1/namespaces")),
            ("/v2/v2/namespaces/a", Some("/v2/namespaces/a")),
            ("/v2/namespaces/v1", None),
            ("/v1/namespaces/v1/schema", None),
            ("/EU/v1/namespaces", None),
            ("/internal/v1/ping", None),
            ("/admin/v1/keys", None),
            ("/healthz", None),
        ] {
            let uri = without_region(&path.parse().unwrap());
            assert_eq!(uri.map(|uri| uri.to_string()).as_deref(), rest, "{path}");
        }
    }
}
