//! The resources of the API and their handlers.

mod health;
mod namespaces;
mod query;
mod write;

use super::{decode::Fault, error::ApiError, layers, peers::PING_PATH, state::Shared};
use axum::{
    Router,
    http::{Method, StatusCode, Uri},
    middleware::from_fn_with_state,
    routing::{MethodRouter, any, get, patch, post},
};
use std::{future::ready, sync::Arc};
use tower_http::{
    compression::{CompressionLayer, predicate::SizeAbove},
    decompression::RequestDecompressionLayer,
};

/// Bytes from which on an answer is worth compressing.
const MIN_COMPRESSED: u64 = 1024;

/// Resources that do not exist yet, with what they are for.
const NOT_YET: [(&str, &str); 14] = [
    ("/v1/namespaces/{namespace}", "reading a whole namespace"),
    (
        "/v1/namespaces/{namespace}/query",
        "version 1 of the query API",
    ),
    (
        "/v1/namespaces/{namespace}/_debug/purge_cache",
        "purge_cache",
    ),
    ("/v1/namespaces/{namespace}/_debug/warm_cache", "warm_cache"),
    (
        "/v1/namespaces/{namespace}/operations/{token}",
        "asynchronous operations",
    ),
    (
        "/v2/namespaces/{namespace}/async",
        "asynchronous operations",
    ),
    ("/v2/namespaces/{namespace}/explain_query", "explain_query"),
    ("/v2/namespaces/{namespace}/import", "import by the server"),
    ("/v2/namespaces/{namespace}/changes", "reading changes"),
    ("/v2/namespaces/{namespace}/policy", "namespace policies"),
    ("/v2/namespaces/{namespace}/replication", "replication"),
    ("/v2/regions", "several regions"),
    ("/v2/sql", "SQL"),
    ("/openapi.json", "the OpenAPI description"),
];

/// Every route of the API.
pub(super) fn router(server: Shared) -> Router {
    let schema = get(namespaces::schema).post(write::update_schema);
    let metadata = get(namespaces::metadata).merge(patch(|| ready(not_yet("changing metadata"))));
    let namespace = post(write::write).delete(write::delete_namespace);
    let mut api = Router::new()
        .route("/v1/namespaces", get(namespaces::list))
        .route("/v2/namespaces/{namespace}", namespace)
        .route("/v2/namespaces/{namespace}/query", post(query::query))
        .route("/v1/namespaces/{namespace}/schema", schema)
        .route("/v1/namespaces/{namespace}/metadata", metadata.clone())
        .route("/v2/namespaces/{namespace}/metadata", metadata)
        .route(
            "/v1/namespaces/{namespace}/hint_cache_warm",
            get(namespaces::hint_cache_warm),
        )
        .route(
            "/v1/namespaces/{namespace}/_debug/recall",
            post(query::recall),
        );
    for (path, feature) in NOT_YET {
        api = api.route(path, any(move || ready(not_yet(feature))));
    }
    let api = api
        .layer(CompressionLayer::new().compress_when(SizeAbove::new(MIN_COMPRESSED)))
        .layer(RequestDecompressionLayer::new())
        .route_layer(from_fn_with_state(Arc::clone(&server), layers::admit));
    let own: [(&str, MethodRouter<Shared>); 4] = [
        ("/healthz", get(health::healthz)),
        ("/readyz", get(health::readyz)),
        ("/metrics", get(health::metrics)),
        (PING_PATH, get(health::ping)),
    ];
    let own = own
        .into_iter()
        .fold(Router::new(), |router, (path, route)| {
            router.route(path, route)
        });
    api.merge(own)
        .fallback(no_route)
        .method_not_allowed_fallback(no_method)
        .with_state(server)
}

fn not_yet(feature: &'static str) -> ApiError {
    Fault::not_yet(feature).into()
}

async fn no_route(method: Method, uri: Uri) -> ApiError {
    let text = format!("there is no {method} {}", uri.path());
    ApiError::no_route(StatusCode::NOT_FOUND, text)
}

async fn no_method(method: Method, uri: Uri) -> ApiError {
    let text = format!("{} does not take {method}", uri.path());
    ApiError::no_route(StatusCode::METHOD_NOT_ALLOWED, text)
}
