//! Copies that a client starts and asks for later.
//!
//! A copy takes over parts by reference, so it is done when it is answered. The token that names it holds the answer:
//! whichever node is asked for it, whenever, knows it.

use super::write::{Change, Decode, with_token};
use crate::server::{
    commit::Committed,
    decode::{Fault, decode_write},
    encode::WrittenJson,
    error::ApiError,
    request::{Arrived, NamespacePath},
    state::Shared,
    write_command::CopyKind,
};
use axum::{
    Extension,
    extract::{Path, Request, State},
    http::StatusCode,
    response::{IntoResponse, Json, Response},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use futures::future::BoxFuture;
use isobath_storage::model::{Namespace, format_datetime};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};

/// The longest token that is looked at, in bytes.
const MAX_TOKEN: usize = 4_096;

/// Bytes of a token's checksum.
const CHECKSUM: usize = 8;

/// A copy that has ended.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Operation {
    namespace: Namespace,
    /// When it was started and when it ended, in milliseconds since 1970.
    start_ms: i64,
    finish_ms: i64,
    /// What the copy answered.
    written: Value,
}

impl Operation {
    fn to_token(&self) -> Result<String, serde_json::Error> {
        let json = serde_json::to_vec(self)?;
        let mut bytes = checksum(&json).to_vec();
        bytes.extend(json);
        Ok(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// The operation that a token names; none where it is no token.
    fn of_token(token: &str) -> Option<Self> {
        if token.len() > MAX_TOKEN {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (sum, json) = bytes.split_at_checked(CHECKSUM)?;
        if *sum != checksum(json) {
            return None;
        }
        serde_json::from_slice(json).ok()
    }
}

fn checksum(json: &[u8]) -> [u8; CHECKSUM] {
    let hash = blake3::hash(json);
    let mut sum = [0; CHECKSUM];
    sum.copy_from_slice(&hash.as_bytes()[..CHECKSUM]);
    sum
}

/// `POST /v2/namespaces/{namespace}/async`.
pub(crate) async fn start(
    State(server): State<Shared>,
    NamespacePath(namespace): NamespacePath,
    Extension(arrived): Extension<Arrived>,
    request: Request,
) -> Result<Response, ApiError> {
    let change = Change::read(&server, namespace.clone(), arrived, request).await?;
    let decode: Decode = Arc::new(|body, schema, memory| {
        let decoded = decode_write(body, schema, memory)?;
        let copy = decoded.command.copy_from.as_ref();
        if copy.is_some_and(|copy| copy.kind == CopyKind::Copy) {
            return Ok(decoded);
        }
        let text = "an asynchronous operation is a `copy_from_namespace`, and nothing else";
        Err(Fault::invalid(text))
    });
    let attempt = || -> BoxFuture<'_, _> { Box::pin(change.write(&server, &decode)) };
    let (written, bytes) = match change.commit(&server, attempt).await? {
        Committed::There(response) => return Ok(response),
        Committed::Here(None) => return Err(Fault::invalid("there is nothing to copy").into()),
        Committed::Here(Some(done)) => done,
    };
    let took = server.since(arrived.0);
    let json = serde_json::to_value(WrittenJson::new(&written, bytes, took));
    let finish_ms = i64::try_from(server.clock.now_ms()).unwrap_or(i64::MAX);
    let operation = Operation {
        namespace,
        start_ms: finish_ms.saturating_sub(millis(took)),
        finish_ms,
        written: json.map_err(|error| ApiError::from(Fault::of_json(&error)))?,
    };
    let token = operation.to_token();
    let token = token.map_err(|error| ApiError::from(Fault::of_json(&error)))?;
    let response = Json(json!({"token": token})).into_response();
    Ok(with_token(response, &written.token))
}

/// `GET /v1/namespaces/{namespace}/operations/{token}`.
pub(crate) async fn poll(
    Path((name, token)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    let operation = Operation::of_token(&token);
    let Some(operation) = operation.filter(|known| known.namespace.as_str() == name) else {
        let text = format!("namespace {name} has no operation with this token");
        return Err(ApiError::no_route(StatusCode::NOT_FOUND, text));
    };
    let json = json!({
        "status": "finished",
        "start_time": format_datetime(operation.start_ms),
        "finish_time": format_datetime(operation.finish_ms),
        "result": {"success": operation.written},
    });
    Ok(Json(json).into_response())
}

fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn should_find_the_operation_in_its_token_and_nothing_in_another() {
        let operation = Operation {
            namespace: "books".parse().unwrap(),
            start_ms: 5,
            finish_ms: 7,
            written: json!({"rows_affected": 3}),
        };
        let token = operation.to_token().unwrap();
        assert_eq!(Operation::of_token(&token), Some(operation));
        let mut other = token.clone();
        other.replace_range(20..21, if &token[20..21] == "A" { "B" } else { "A" });
        for wrong in [&other, "", "x", &token[..40], &"A".repeat(MAX_TOKEN + 1)] {
            assert_eq!(Operation::of_token(wrong), None, "{wrong}");
        }
    }
}
