//! Whether the node lives, is ready, and what it measured; and what its peers ask.

use crate::server::{
    engine::{Health, Pong},
    error::ApiError,
    gate::bearer,
    keys::KeyHash,
    state::Shared,
};
use axum::{
    extract::State,
    http::{HeaderMap, StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Json, Response},
};
use serde_json::{Value, json};

/// `GET /healthz`: the process answers.
pub(crate) async fn healthz() -> Json<Value> {
    Json(json!({"status": "ok"}))
}

/// `GET /readyz`: the node can serve requests.
pub(crate) async fn readyz(State(server): State<Shared>) -> Response {
    match server.engine.health() {
        Health::Ready => Json(json!({"status": "ready"})).into_response(),
        Health::NotReady(reason) => {
            let body = Json(json!({"status": "not ready", "reason": reason}));
            (StatusCode::SERVICE_UNAVAILABLE, body).into_response()
        }
    }
}

/// `GET /metrics`, in Prometheus' text format.
pub(crate) async fn metrics(State(server): State<Shared>) -> Result<Response, ApiError> {
    let Some(metrics) = &server.metrics else {
        let text = "this node does not record metrics";
        return Err(ApiError::no_route(StatusCode::NOT_FOUND, text));
    };
    let text = [(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    Ok((text, metrics.render()).into_response())
}

/// `GET /internal/v1/ping`: for nodes with the region's secret, if it has one.
pub(crate) async fn ping(
    State(server): State<Shared>,
    headers: HeaderMap,
) -> Result<Json<Pong>, ApiError> {
    if let Some(secret) = &server.config.node_secret {
        let wanted = KeyHash::of(secret.expose().as_bytes());
        if KeyHash::of(bearer(&headers)?) != wanted {
            return Err(ApiError::unauthorized(
                "the secret is not that of this region",
            ));
        }
    }
    Ok(Json(server.engine.ping()))
}
