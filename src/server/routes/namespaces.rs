//! What there is to know about namespaces.

use crate::server::{
    decode::Fault,
    encode::{metadata_json, schema_json},
    error::{ApiError, SHOULD_RETRY},
    gate::Caller,
    request::NamespacePath,
    state::Shared,
};
use axum::{
    Extension,
    extract::{Query, State, rejection::QueryRejection},
    http::StatusCode,
    response::{IntoResponse, Json, Response},
};
use serde::Deserialize;
use serde_json::{Value, json};

/// Namespaces of one page where the request does not say.
const DEFAULT_PAGE: usize = 100;
/// The most namespaces of one page.
const MAX_PAGE: usize = 1000;

/// Which namespaces are listed.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct ListParams {
    /// The last namespace of the page before.
    cursor: Option<String>,
    prefix: Option<String>,
    page_size: Option<usize>,
}

/// `GET /v1/namespaces`.
pub(crate) async fn list(
    State(server): State<Shared>,
    Extension(caller): Extension<Caller>,
    params: Result<Query<ListParams>, QueryRejection>,
) -> Result<Json<Value>, ApiError> {
    let Query(params) = params.map_err(|e| Fault::invalid(e.body_text()))?;
    let size = params.page_size.unwrap_or(DEFAULT_PAGE);
    if !(1..=MAX_PAGE).contains(&size) {
        let text = format!("{size} is not between 1 and {MAX_PAGE}");
        return Err(Fault::invalid(text).under("page_size").into());
    }
    let asked = params.prefix.unwrap_or_default();
    // Only what is both asked for and in the key's scope.
    let prefix = match caller.prefix() {
        scope if asked.starts_with(scope) => asked.as_str(),
        scope if scope.starts_with(&asked) => scope,
        _ => return Ok(Json(json!({"namespaces": []}))),
    };
    let cursor = params.cursor.filter(|cursor| !cursor.is_empty());
    let page = server.engine.namespaces(prefix, cursor.as_deref(), size);
    let page = page.await?;
    let ids = page.namespaces.iter().map(|name| json!({"id": name}));
    let mut answer = json!({"namespaces": ids.collect::<Vec<_>>()});
    if let Some(last) = page.namespaces.last().filter(|_| page.more) {
        answer["next_cursor"] = json!(last);
    }
    Ok(Json(answer))
}

/// `GET /v1/namespaces/{namespace}/schema`.
pub(crate) async fn schema(
    State(server): State<Shared>,
    NamespacePath(namespace): NamespacePath,
) -> Result<Json<Value>, ApiError> {
    let schema = server.engine.schema(&namespace).await?;
    Ok(Json(schema_json(&schema)))
}

/// `GET /v1/namespaces/{namespace}/metadata`, also under `/v2`.
pub(crate) async fn metadata(
    State(server): State<Shared>,
    NamespacePath(namespace): NamespacePath,
) -> Result<Json<Value>, ApiError> {
    let metadata = server.engine.metadata(&namespace).await?;
    Ok(Json(metadata_json(&metadata)))
}

/// `GET /v1/namespaces/{namespace}/hint_cache_warm`: every namespace is held ready already.
pub(crate) async fn hint_cache_warm(
    State(server): State<Shared>,
    NamespacePath(namespace): NamespacePath,
) -> Result<Response, ApiError> {
    server.engine.schema(&namespace).await?;
    let answer = json!({"status": "OK", "message": "the namespace is warm"});
    Ok((StatusCode::OK, Json(answer)).into_response())
}

/// `GET /v1/namespaces/{namespace}/_debug/warm_cache`: 409 says that there is nothing to do.
pub(crate) async fn warm_cache(
    State(server): State<Shared>,
    NamespacePath(namespace): NamespacePath,
) -> Result<Response, ApiError> {
    server.engine.schema(&namespace).await?;
    let answer = json!({"status": "error", "error": "the namespace is warm already"});
    let retry = [(SHOULD_RETRY, "false")];
    Ok((StatusCode::CONFLICT, retry, Json(answer)).into_response())
}

/// `GET /v1/namespaces/{namespace}/_debug/purge_cache`.
pub(crate) async fn purge_cache(
    State(server): State<Shared>,
    NamespacePath(namespace): NamespacePath,
) -> Result<Json<Value>, ApiError> {
    server.engine.purge_cache(&namespace).await?;
    Ok(Json(json!({"status": "OK"})))
}
