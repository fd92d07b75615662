//! What handlers take from a request besides its body.

use super::{decode::Fault, error::ApiError};
use axum::{
    extract::{FromRequestParts, Path},
    http::request::Parts,
};
use isobath_storage::model::Namespace;
use std::time::Duration;

/// When a request arrived, on the node's monotonic clock.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arrived(pub(crate) Duration);

/// The namespace that a request's path names.
#[derive(Debug)]
pub(crate) struct NamespacePath(pub(crate) Namespace);

impl<S: Send + Sync> FromRequestParts<S> for NamespacePath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Path(name) = Path::<String>::from_request_parts(parts, state)
            .await
            .map_err(|e| Fault::invalid(e.to_string()))?;
        let namespace = name.parse();
        let namespace: Namespace = namespace.map_err(|e| Fault::invalid(format!("{e}")))?;
        if namespace.is_reserved() {
            let text = format!("namespace {name}: the name is reserved for the system");
            return Err(Fault::invalid(text).into());
        }
        Ok(Self(namespace))
    }
}
