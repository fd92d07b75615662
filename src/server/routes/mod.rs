//! The resources of the API and their handlers.

mod health;
mod keys;
mod namespaces;
mod operations;
mod query;
mod regions;
mod sql;
mod write;

use super::{
    decode::Fault,
    error::ApiError,
    layers, openapi,
    peers::PING_PATH,
    regions::{CLUSTER_PATH, SEGMENTS_PATH},
    state::Shared,
};
use axum::{
    Router,
    http::{Method, StatusCode, Uri},
    middleware::from_fn_with_state,
    routing::{MethodRouter, any, delete, get, post},
};
use std::{future::ready, sync::Arc};

/// Resources that do not exist yet, with what they are for.
const NOT_YET: [(&str, &str); 5] = [
    ("/v1/namespaces/{namespace}", "reading a whole namespace"),
    (
        "/v1/namespaces/{namespace}/query",
        "version 1 of the query API",
    ),
    ("/v2/namespaces/{namespace}/import", "import by the server"),
    ("/v2/namespaces/{namespace}/changes", "reading changes"),
    ("/v2/namespaces/{namespace}/policy", "namespace policies"),
];

/// The routes to namespaces and keys.
fn api() -> Vec<(&'static str, MethodRouter<Shared>)> {
    let schema = get(namespaces::schema).post(write::update_schema);
    let metadata = get(namespaces::metadata).patch(write::update_metadata);
    let namespace = post(write::write).delete(write::delete_namespace);
    let warm = get(namespaces::hint_cache_warm);
    vec![
        ("/v1/namespaces", get(namespaces::list)),
        ("/v2/namespaces/{namespace}", namespace),
        ("/v2/namespaces/{namespace}/query", post(query::query)),
        (
            "/v2/namespaces/{namespace}/explain_query",
            post(query::explain),
        ),
        ("/v2/sql", post(sql::run)),
        ("/v2/namespaces/{namespace}/async", post(operations::start)),
        (
            "/v1/namespaces/{namespace}/operations/{token}",
            get(operations::poll),
        ),
        ("/v1/namespaces/{namespace}/schema", schema),
        ("/v1/namespaces/{namespace}/metadata", metadata.clone()),
        ("/v2/namespaces/{namespace}/metadata", metadata),
        ("/v1/namespaces/{namespace}/hint_cache_warm", warm),
        (
            "/v1/namespaces/{namespace}/_debug/warm_cache",
            get(namespaces::warm_cache),
        ),
        (
            "/v1/namespaces/{namespace}/_debug/purge_cache",
            get(namespaces::purge_cache),
        ),
        (
            "/v1/namespaces/{namespace}/_debug/recall",
            post(query::recall),
        ),
        ("/v2/regions", get(regions::list)),
        (
            "/v2/namespaces/{namespace}/replication",
            get(regions::replication),
        ),
        ("/admin/v1/keys", get(keys::list).post(keys::create)),
        ("/admin/v1/keys/{id}", delete(keys::revoke)),
    ]
}

/// The routes to the node itself, which need no key.
fn own() -> Vec<(&'static str, MethodRouter<Shared>)> {
    vec![
        ("/healthz", get(health::healthz)),
        ("/readyz", get(health::readyz)),
        ("/metrics", get(health::metrics)),
        ("/openapi.json", get(openapi::description)),
        ("/docs", get(openapi::page)),
    ]
}

/// Every route.
pub(super) fn router(server: Shared) -> Router {
    let with = |router: Router<Shared>, (path, route): (&str, _)| router.route(path, route);
    let refused = NOT_YET.map(|(path, feature)| (path, any(move || ready(not_yet(feature)))));
    let api = api().into_iter().chain(refused).fold(Router::new(), with);
    let api = api.route_layer(from_fn_with_state(Arc::clone(&server), layers::around));
    let own = own().into_iter().fold(Router::new(), with);
    api.merge(own)
        .route(PING_PATH, get(health::ping))
        .route(CLUSTER_PATH, get(regions::ping))
        .route(SEGMENTS_PATH, post(regions::push))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::tests::{Running, start};
    use serde_json::Value;

    /// Whether a server has a route, judging by what it answers to a request without a body.
    async fn serves(server: &Running, method: &str, path: &str) -> bool {
        let path = path
            .replace("{namespace}", "ns")
            .replace("{id}", "0123456789abcdef");
        let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
        let response = server.request(method.clone(), &path).send().await.unwrap();
        let (status, text) = (response.status(), response.text().await.unwrap());
        let missing = text.contains(&format!("there is no {method} "));
        !missing
            && status != StatusCode::METHOD_NOT_ALLOWED
            && !text.contains("is not supported yet")
    }

    #[tokio::test]
    async fn should_describe_exactly_what_is_served() {
        let server = start(|_| ()).await;
        let (_, described) = server
            .answer(server.request(Method::GET, "/openapi.json"))
            .await;
        let described = described["paths"].as_object().unwrap();
        let routes: Vec<&str> = api()
            .into_iter()
            .chain(own())
            .map(|(path, _)| path)
            .collect();
        let paths = described.keys().map(String::as_str).chain(routes);
        let methods = ["get", "post", "put", "patch", "delete"];
        let all = paths.flat_map(|path| methods.map(|method| (path, method)));
        let mut wrong = vec![];
        for (path, method) in all {
            let says = described
                .get(path)
                .is_some_and(|verbs| verbs.get(method).is_some());
            if says != serves(&server, method, path).await {
                wrong.push(format!("{method} {path}: described: {says}"));
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
        assert_eq!(
            described["/v2/namespaces/{namespace}"]["post"]["operationId"],
            Value::from("write")
        );
    }
}
