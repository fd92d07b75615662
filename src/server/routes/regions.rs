//! The regions of the cluster: what clients may know of them, and what they tell each other.

use crate::server::{
    decode::Fault,
    error::ApiError,
    gate::bearer,
    keys::KeyHash,
    peer::Peer,
    regions::{NamespaceReplication, PUSH_BYTES, Pushed, RegionPong, RegionStatus},
    request::NamespacePath,
    state::{Server, Shared},
};
use axum::{
    Extension,
    body::Body,
    extract::{Query, State},
    http::{HeaderMap, StatusCode},
    response::Json,
};
use isobath_storage::{
    model::{LogId, Seq, VersionVector},
    replicate::BreakerState,
};
use serde::Deserialize;
use serde_json::{Value, json};

/// `GET /v2/regions`.
pub(crate) async fn list(State(server): State<Shared>) -> Json<Value> {
    let regions = server.engine.regions();
    let regions: Vec<Value> = regions.iter().map(status_json).collect();
    Json(json!({"regions": regions}))
}

/// `GET /v2/namespaces/{namespace}/replication`.
pub(crate) async fn replication(
    State(server): State<Shared>,
    NamespacePath(namespace): NamespacePath,
) -> Result<Json<Value>, ApiError> {
    let NamespaceReplication {
        home,
        applied,
        regions,
    } = server.engine.replication(&namespace).await?;
    let regions: Vec<Value> = regions.iter().map(status_json).collect();
    Ok(Json(json!({
        "namespace": namespace.as_str(),
        "home": home,
        "version": applied,
        "regions": regions,
    })))
}

fn status_json(status: &RegionStatus) -> Value {
    let health = if status.local || status.up {
        "up"
    } else {
        "down"
    };
    let breaker = match status.breaker {
        BreakerState::Closed => "closed",
        BreakerState::Open => "open",
        BreakerState::HalfOpen => "half_open",
    };
    let millis = |time: std::time::Duration| time.as_secs_f64() * 1e3;
    json!({
        "region": status.region,
        "local": status.local,
        "address": status.address,
        "health": health,
        "breaker": breaker,
        "round_trip_ms": status.round_trip.map(millis),
        "applied_seq": status.applied,
        "held_seq": status.held,
        "tail_seq": status.tail,
        "lag_segments": status.tail.0.saturating_sub(status.applied.0),
        "staleness_seconds": status.staleness.map(|time| time.as_secs_f64()),
        "fault": status.fault,
    })
}

/// What a push says besides its body.
#[derive(Debug, Deserialize)]
pub(crate) struct PushParams {
    log: LogId,
    tail: u64,
}

/// `POST /internal/v1/segments`: for the nodes of other regions.
pub(crate) async fn push(
    State(server): State<Shared>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    params: Query<PushParams>,
    body: Body,
) -> Result<Json<VersionVector>, ApiError> {
    check_key(&server, peer, &headers)?;
    let _permit = server
        .requests
        .try_acquire()
        .map_err(|_| ApiError::overloaded("too many requests are at work"))?;
    let patience = server.config.body_timeout;
    let body = tokio::select! {
        body = axum::body::to_bytes(body, PUSH_BYTES) => body,
        () = server.clock.sleep(patience) => {
            return Err(ApiError::no_route(StatusCode::REQUEST_TIMEOUT, "the body came too slowly"));
        }
    };
    let body = body.map_err(|_| Fault::invalid("the segments are too many at once"))?;
    let pushed = Pushed::decode(params.log, Seq(params.tail), body);
    let pushed = pushed.ok_or_else(|| Fault::invalid("the body is no list of segments"))?;
    Ok(Json(server.engine.offer(pushed).await?))
}

/// `GET /internal/v1/region`: for the nodes of other regions.
pub(crate) async fn ping(
    State(server): State<Shared>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
) -> Result<Json<RegionPong>, ApiError> {
    check_key(&server, peer, &headers)?;
    let pong = server.engine.region_pong();
    pong.map(Json).ok_or_else(|| {
        ApiError::no_route(
            StatusCode::NOT_FOUND,
            "this region is not part of a cluster",
        )
    })
}

/// Refuses who does not know the cluster's key; without one everybody. Where nodes of other regions have an address of
/// their own, refuses who came in elsewhere. Hashes are compared, which takes equally long
/// whatever they are.
fn check_key(server: &Server, peer: Peer, headers: &HeaderMap) -> Result<(), ApiError> {
    if server.config.region_listen.is_some() && !peer.is_region() {
        let text = "nodes of other regions are heard at `server.region_listen` only";
        return Err(ApiError::forbidden(text));
    }
    let Some(key) = &server.cluster_key else {
        return Err(ApiError::unauthorized("this node has no cluster key"));
    };
    if KeyHash::of(bearer(headers)?) != KeyHash::of(key.expose().as_bytes()) {
        return Err(ApiError::unauthorized(
            "the key is not that of this cluster",
        ));
    }
    Ok(())
}
