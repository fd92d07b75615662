//! `/admin/v1/keys`: making, listing and revoking API keys.

use crate::server::{
    body::HeldBody,
    commit::{Commit, Committed},
    decode::{Fault, Freshness, KeyRequest, decode_key},
    engine::WriteOptions,
    error::ApiError,
    gate::Caller,
    headers::{RequestHeaders, forwarded_headers},
    keys::{Access, ApiKey, KeyRing, Secret, delete_command, upsert_command},
    peers::Original,
    request::Arrived,
    state::{Server, Shared},
};
use axum::{
    Extension,
    extract::{Path, Request, State},
    http::{StatusCode, header::CONTENT_TYPE, request::Parts},
    response::{IntoResponse, Json, Response},
};
use bytes::Bytes;
use futures::future::BoxFuture;
use isobath_storage::model::{BodyHash, Namespace, format_datetime};
use serde_json::{Value, json};
use std::sync::Arc;

/// The most keys of a region: every node holds all of them.
const MAX_KEYS: usize = 100_000;

/// `GET /admin/v1/keys`: those that the caller may administer.
pub(crate) async fn list(
    State(server): State<Shared>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<Value>, ApiError> {
    let ring = ring(&server)?;
    let keys = ring.all().into_iter();
    let keys = keys.filter(|key| key.prefix.starts_with(caller.prefix()));
    let keys: Vec<Value> = keys.map(|key| key_json(key, &server)).collect();
    Ok(Json(json!({"keys": keys})))
}

/// `POST /admin/v1/keys`: makes a key, or makes one known that the caller made.
pub(crate) async fn create(
    State(server): State<Shared>,
    Extension(caller): Extension<Caller>,
    Extension(arrived): Extension<Arrived>,
    request: Request,
) -> Result<Response, ApiError> {
    let (parts, body) = request.into_parts();
    check_type(&parts)?;
    let body = HeldBody::read(&server, &parts.headers, body).await?;
    let mut asked = decode_key(&body.bytes)?;
    let secret = asked.hash.is_none().then(|| server.new_secret());
    let hash = asked.hash.or(secret.as_ref().map(Secret::hash));
    // The owner of the log must not make another key when it gets the request twice.
    asked.hash = hash;
    let key = new_key(&server, &caller, &asked)?;
    let body = serde_json::to_vec(&asked).map_err(|e| Fault::invalid(e.to_string()))?;
    let command = upsert_command(&key)?;
    let change = Change::new(&server, &caller, &parts, &body.into(), arrived)?;
    let known = key_json(&key, &server);
    let answer = match change.commit(&server, command).await? {
        Committed::There(response) if response.status() != StatusCode::OK => return Ok(response),
        Committed::Here(()) | Committed::There(_) => known,
    };
    Ok(Json(with_secret(answer, secret.as_ref())).into_response())
}

/// `DELETE /admin/v1/keys/{id}`: the key is not accepted any more.
pub(crate) async fn revoke(
    State(server): State<Shared>,
    Extension(caller): Extension<Caller>,
    Extension(arrived): Extension<Arrived>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, ApiError> {
    let ring = ring(&server)?;
    let key = ring
        .named(&id)
        .filter(|key| key.prefix.starts_with(caller.prefix()));
    let Some(key) = key else {
        let text = "there is no such key";
        return Err(ApiError::no_route(StatusCode::NOT_FOUND, text));
    };
    if ring.needs(&id) {
        let text = format!(
            "{id} is the last key that administers all others without an end; make another one first"
        );
        return Err(Fault::invalid(text).into());
    }
    let command = delete_command(&key.id())?;
    let (parts, _) = request.into_parts();
    let change = Change::new(&server, &caller, &parts, &Bytes::new(), arrived)?;
    match change.commit(&server, command).await? {
        Committed::There(response) => Ok(response),
        Committed::Here(()) => Ok(Json(json!({"status": "OK", "id": id})).into_response()),
    }
}

fn ring(server: &Server) -> Result<Arc<KeyRing>, ApiError> {
    let ring = server.engine.keys();
    ring.ok_or_else(|| ApiError::unavailable("the node has not read the region's keys yet"))
}

/// A page in a browser of this machine can post forms to us, but not JSON.
fn check_type(parts: &Parts) -> Result<(), Fault> {
    let given = parts.headers.get(CONTENT_TYPE);
    let given = given
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    if given
        .split(';')
        .next()
        .is_some_and(|ty| ty.trim() == "application/json")
    {
        return Ok(());
    }
    Err(Fault::invalid("expected application/json").under("content-type"))
}

/// The key that is asked for, where the caller may make it.
fn new_key(server: &Server, caller: &Caller, asked: &KeyRequest) -> Result<ApiKey, ApiError> {
    caller.may(Access::Admin, &asked.prefix)?;
    let ring = ring(server)?;
    let now = server.clock.now_ms();
    let Some(hash) = asked.hash else {
        return Err(Fault::invalid("missing").under("hash").into());
    };
    let key = ApiKey {
        hash,
        name: asked.name.clone(),
        prefix: asked.prefix.clone(),
        access: asked.access,
        created_at_ms: i64::try_from(now).unwrap_or(i64::MAX),
        expires_at_ms: asked.expires_at_ms()?,
    };
    if key.is_expired(now) {
        return Err(Fault::invalid("lies in the past")
            .under("expires_at")
            .into());
    }
    let same = ring.named(&key.id());
    if same.is_some_and(|other| other.hash != hash) {
        let text = "its first digits are those of another key";
        return Err(Fault::invalid(text).under("hash").into());
    }
    if ring.is_empty() && !key.is_root() {
        let text = "the first key must have admin access to all namespaces without an end: else \
                    nobody could make others";
        return Err(Fault::invalid(text).under("access").into());
    }
    if ring.len() >= MAX_KEYS {
        return Err(Fault::invalid(format!("there are {MAX_KEYS} keys already")).into());
    }
    Ok(key)
}

fn key_json(key: &ApiKey, server: &Server) -> Value {
    let mut json = json!({
        "id": key.id(),
        "name": key.name,
        "prefix": key.prefix,
        "access": key.access,
        "created_at": format_datetime(key.created_at_ms),
        "expired": key.is_expired(server.clock.now_ms()),
    });
    if let Some(at) = key.expires_at_ms {
        json["expires_at"] = json!(format_datetime(at));
    }
    json
}

fn with_secret(mut answer: Value, secret: Option<&Secret>) -> Value {
    if let Some(secret) = secret {
        answer["key"] = json!(secret.expose());
    }
    answer
}

/// A change of the keys on its way to the log.
struct Change {
    namespace: Namespace,
    options: WriteOptions,
    original: Option<Original>,
}

impl Change {
    fn new(
        server: &Server,
        caller: &Caller,
        parts: &Parts,
        body: &Bytes,
        arrived: Arrived,
    ) -> Result<Self, ApiError> {
        let headers = RequestHeaders::read(&parts.headers)?;
        let namespace = Namespace::of_keys();
        let key = headers.key.unwrap_or_else(|| server.new_key());
        let target = parts.uri.path_and_query().map(ToString::to_string);
        let original = (!headers.forwarded).then(|| Original {
            method: parts.method.clone(),
            target: target.unwrap_or_default(),
            headers: forwarded_headers(&parts.headers, key),
            body: Bytes::clone(body),
        });
        let api_key = caller.key_id();
        let (retry, forwarded) = (headers.retry, headers.forwarded);
        let hashed_key = api_key.as_deref().unwrap_or_default();
        let options = WriteOptions {
            concern: None,
            key,
            body: BodyHash::new(namespace.as_str(), hashed_key, body),
            api_key,
            retry,
            forwarded,
            disable_backpressure: false,
            read: headers.read_options(Freshness::default(), server.time_left(arrived.0))?,
        };
        Ok(Self {
            namespace,
            options,
            original,
        })
    }

    /// Writes it here, or lets the owner of the log do so.
    async fn commit(
        &self,
        server: &Server,
        command: crate::server::WriteCommand,
    ) -> Result<Committed<()>, ApiError> {
        let commit = Commit {
            server,
            namespace: &self.namespace,
            original: self.original.as_ref(),
        };
        let attempt = || -> BoxFuture<'_, Result<(), ApiError>> {
            let written =
                server
                    .engine
                    .write(&self.namespace, command.clone(), self.options.clone());
            Box::pin(async move {
                written.await?;
                Ok(())
            })
        };
        commit.run(attempt).await
    }
}
