//! Writes, deletions of namespaces and schema updates: what is committed to the log.

use crate::server::{
    body::HeldBody,
    commit::{Commit, Committed},
    decode::{
        Allowance, ArrowParams, DecodedWrite, Fault, Freshness, WriteConcern, decode_arrow,
        decode_policy_change, decode_schema, decode_write,
    },
    encode::{WrittenJson, metadata_json, schema_json},
    engine::{Concern, WriteOptions, Written},
    error::ApiError,
    gate::Caller,
    headers::{RequestHeaders, forwarded_headers},
    keys::Access,
    peers::Original,
    request::{Arrived, NamespacePath},
    state::{Server, Shared},
    write_command::{Existence, WriteCommand},
};
use axum::{
    Extension,
    extract::{Query, Request, State},
    http::header::CONTENT_TYPE,
    response::{IntoResponse, Json, Response},
};
use bytes::Bytes;
use futures::future::BoxFuture;
use isobath_storage::model::{BodyHash, Namespace, Schema, Token};
use serde_json::json;
use std::{sync::Arc, time::Duration};

/// Decodes a body for a namespace that has a schema now; the values may take so much memory.
pub(super) type Decode = Arc<
    dyn Fn(&Bytes, Option<Arc<Schema>>, Allowance) -> Result<DecodedWrite, Fault> + Send + Sync,
>;

/// The content type of Arrow IPC streams.
pub(super) const ARROW: &str = "application/vnd.apache.arrow.stream";

/// How the body of a write is to be decoded.
fn decoder(request: &Request) -> Result<Decode, Fault> {
    let given = request
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let is_arrow = given.is_some_and(|given| given.split(';').next().map(str::trim) == Some(ARROW));
    if !is_arrow {
        return Ok(Arc::new(|body, schema, memory| {
            decode_write(body, schema, memory)
        }));
    }
    let params = Query::<ArrowParams>::try_from_uri(request.uri());
    let Query(params) = params.map_err(|e| Fault::invalid(e.body_text()))?;
    Ok(Arc::new(move |body, schema, memory| {
        decode_arrow(body, &params, schema, memory)
    }))
}

/// A request that changes a namespace, read to its end.
pub(super) struct Change {
    namespace: Namespace,
    options: WriteOptions,
    original: Option<Original>,
    caller: Option<Caller>,
    body: HeldBody,
    /// In how many regions' buckets the headers want the write.
    regions: Option<usize>,
}

impl Change {
    pub(super) async fn read(
        server: &Server,
        namespace: Namespace,
        arrived: Arrived,
        request: Request,
    ) -> Result<Self, ApiError> {
        let (parts, body) = request.into_parts();
        let headers = RequestHeaders::read(&parts.headers)?;
        let body = HeldBody::read(server, &parts.headers, body).await?;
        let key = headers.key.unwrap_or_else(|| server.new_key());
        let target = parts.uri.path_and_query();
        let original = (!headers.forwarded).then(|| Original {
            target: target.map_or_else(String::new, ToString::to_string),
            headers: forwarded_headers(&parts.headers, key),
            body: body.bytes.clone(),
            method: parts.method.clone(),
        });
        let (retry, forwarded, regions) = (headers.retry, headers.forwarded, headers.regions);
        let timeout = server.time_left(arrived.0);
        let caller = parts.extensions.get::<Caller>().cloned();
        let api_key = caller.as_ref().and_then(Caller::key_id);
        let hashed_key = api_key.as_deref().unwrap_or_default();
        let options = WriteOptions {
            key,
            body: BodyHash::new(namespace.as_str(), hashed_key, &body.bytes),
            api_key,
            retry,
            forwarded,
            disable_backpressure: false,
            concern: None,
            read: headers.read_options(Freshness::default(), timeout)?,
        };
        Ok(Self {
            namespace,
            options,
            original,
            caller,
            body,
            regions,
        })
    }

    /// Carries it out by `attempt`, here or on the owner.
    pub(super) async fn commit<'a, T>(
        &'a self,
        server: &'a Server,
        attempt: impl Fn() -> BoxFuture<'a, Result<T, ApiError>>,
    ) -> Result<Committed<T>, ApiError> {
        let commit = Commit {
            server,
            namespace: &self.namespace,
            original: self.original.as_ref(),
        };
        commit.run(attempt).await
    }

    /// In how many regions' buckets the write is wanted, by its body or its headers.
    fn concern(&self, asked: Option<WriteConcern>) -> Option<Concern> {
        let wait = asked.and_then(|asked| asked.wait_ms);
        let wait = wait.map_or(self.options.read.wait, Duration::from_millis);
        let regions = asked.map(|asked| asked.regions.get()).or(self.regions)?;
        Some(Concern {
            regions,
            wait: wait.min(self.options.read.timeout / 2),
        })
    }

    /// Decodes the body by `decode` and commits it; `None` where it holds nothing.
    pub(super) async fn write(
        &self,
        server: &Server,
        decode: &Decode,
    ) -> Result<Option<(Written, u64)>, ApiError> {
        let schema = server.engine.schema_hint(&self.namespace);
        let memory = Allowance::Lease(Arc::clone(&self.body.lease));
        let (bytes, decode) = (self.body.bytes.clone(), Arc::clone(decode));
        let decoded = move || decode(&bytes, schema, memory);
        let decoded = server.decode(self.body.bytes.len(), decoded).await?;
        if decoded.is_empty() {
            return Ok(None);
        }
        if let (Some(copy), Some(caller)) = (&decoded.command.copy_from, &self.caller) {
            caller.may(Access::Read, copy.source.as_str())?;
        }
        let bytes = decoded.logical_bytes;
        let mut options = self.options.clone();
        options.disable_backpressure = decoded.disable_backpressure;
        options.concern = self.concern(decoded.concern);
        let written = server
            .engine
            .write(&self.namespace, decoded.command, options);
        Ok(Some((written.await?, bytes)))
    }
}

/// `POST /v2/namespaces/{namespace}`.
pub(crate) async fn write(
    State(server): State<Shared>,
    NamespacePath(namespace): NamespacePath,
    Extension(arrived): Extension<Arrived>,
    request: Request,
) -> Result<Response, ApiError> {
    let decode = decoder(&request)?;
    let change = Change::read(&server, namespace, arrived, request).await?;
    let attempt = || -> BoxFuture<'_, _> { Box::pin(change.write(&server, &decode)) };
    let committed = change.commit(&server, attempt).await?;
    Ok(match committed {
        Committed::There(response) => response,
        Committed::Here(None) => {
            Json(WrittenJson::nothing(server.since(arrived.0))).into_response()
        }
        Committed::Here(Some((written, bytes))) => {
            let json = WrittenJson::new(&written, bytes, server.since(arrived.0));
            with_token(Json(json).into_response(), &written.token)
        }
    })
}

/// `POST /v1/namespaces/{namespace}/schema`.
pub(crate) async fn update_schema(
    State(server): State<Shared>,
    NamespacePath(namespace): NamespacePath,
    Extension(arrived): Extension<Arrived>,
    request: Request,
) -> Result<Response, ApiError> {
    let change = Change::read(&server, namespace, arrived, request).await?;
    let decode: Decode = Arc::new(|body, schema, memory| decode_schema(body, schema, memory));
    let attempt = || -> BoxFuture<'_, _> {
        Box::pin(async {
            let written = change.write(&server, &decode).await?;
            let schema = server.engine.schema(&change.namespace).await?;
            Ok((written, schema))
        })
    };
    Ok(match change.commit(&server, attempt).await? {
        Committed::There(response) => response,
        Committed::Here((written, schema)) => {
            let response = Json(schema_json(&schema)).into_response();
            match written {
                Some((written, _)) => with_token(response, &written.token),
                None => response,
            }
        }
    })
}

/// `PATCH /v1/namespaces/{namespace}/metadata`, also under `/v2`.
pub(crate) async fn update_metadata(
    State(server): State<Shared>,
    NamespacePath(namespace): NamespacePath,
    Extension(arrived): Extension<Arrived>,
    request: Request,
) -> Result<Response, ApiError> {
    let change = Change::read(&server, namespace, arrived, request).await?;
    let command = WriteCommand {
        existence: Existence::MustExist,
        policy: Some(decode_policy_change(&change.body.bytes)?),
        ..WriteCommand::default()
    };
    let attempt = || -> BoxFuture<'_, _> {
        Box::pin(async {
            let (command, options) = (command.clone(), change.options.clone());
            let write = server.engine.write(&change.namespace, command, options);
            let written = write.await?;
            let metadata = server.engine.metadata(&change.namespace).await?;
            Ok((written, metadata))
        })
    };
    Ok(match change.commit(&server, attempt).await? {
        Committed::There(response) => response,
        Committed::Here((written, metadata)) => {
            let json = Json(metadata_json(&metadata));
            with_token(json.into_response(), &written.token)
        }
    })
}

/// `DELETE /v2/namespaces/{namespace}`.
pub(crate) async fn delete_namespace(
    State(server): State<Shared>,
    NamespacePath(namespace): NamespacePath,
    Extension(arrived): Extension<Arrived>,
    request: Request,
) -> Result<Response, ApiError> {
    let change = Change::read(&server, namespace, arrived, request).await?;
    let attempt = || -> BoxFuture<'_, _> {
        Box::pin(async {
            let options = change.options.clone();
            let deleted = server.engine.delete_namespace(&change.namespace, options);
            Ok(deleted.await?)
        })
    };
    Ok(match change.commit(&server, attempt).await? {
        Committed::There(response) => response,
        Committed::Here(deleted) => {
            let json = json!({"status": "OK", "token": deleted.token.to_string()});
            with_token(Json(json).into_response(), &deleted.token)
        }
    })
}

/// The same response with the token in its header.
pub(super) fn with_token(mut response: Response, token: &Token) -> Response {
    if let Ok(token) = token.to_string().parse() {
        response.headers_mut().insert("x-isobath-token", token);
    }
    response
}
