//! What happens to every request before and after its handler.

use super::{answer::HeldAnswer, error::ApiError, metrics, request::Arrived, state::Shared};
use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, Uri, header::CONTENT_ENCODING, uri::PathAndQuery},
    middleware::Next,
    response::{IntoResponse, Response},
};
use isobath_storage::model::Region;
use std::time::Duration;

/// How long a request waits for others to end before it is refused.
const QUEUE_WAIT: Duration = Duration::from_secs(2);

/// Where nodes ask each other, and where keys are administered; no region is called so.
const OURS: [&str; 2] = ["/internal/", "/admin/"];

/// Bounds how many requests are at work and how long each may take, and counts them.
pub(super) async fn admit(
    State(server): State<Shared>,
    mut request: Request,
    next: Next,
) -> Response {
    let arrived = server.clock.monotonic();
    request.extensions_mut().insert(Arrived(arrived));
    let method = request.method().to_string();
    let route = request.extensions().get::<MatchedPath>();
    let route = route.map_or_else(String::new, |route| route.as_str().to_owned());
    let response = tokio::select! {
        response = run(&server, request, next) => response,
        () = server.clock.sleep(server.config.request_timeout) => {
            ApiError::deadline("the request took too long; a write may have been applied").into_response()
        }
    };
    let status = response.status().as_u16().to_string();
    let seconds = server.since(arrived).as_secs_f64();
    let labels = [("route", route), ("method", method)];
    ::metrics::histogram!(metrics::SECONDS, &labels).record(seconds);
    let [route, method] = labels;
    ::metrics::counter!(metrics::REQUESTS, &[route, method, ("status", status)]).increment(1);
    response
}

async fn run(server: &Shared, request: Request, next: Next) -> Response {
    let permit = tokio::select! {
        permit = server.requests.acquire() => permit.ok(),
        () = server.clock.sleep(QUEUE_WAIT) => None,
    };
    let Some(_permit) = permit else {
        return ApiError::overloaded("too many requests are at work").into_response();
    };
    next.run(request).await
}

/// Accounts for the answer of a query until the client has taken it.
pub(super) async fn hold_answer(
    State(server): State<Shared>,
    request: Request,
    next: Next,
) -> Response {
    let route = request.extensions().get::<MatchedPath>();
    let is_query = route.is_some_and(|route| route.as_str().ends_with("/query"));
    let response = next.run(request).await;
    if is_query {
        HeldAnswer::hold(response, &server.memory)
    } else {
        response
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
