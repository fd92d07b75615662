//! [`ApiError`]: why a request failed, and the one place that turns kinds of errors into statuses.

use super::{
    decode::{Fault, FaultKind},
    engine_error::{EngineError, EngineErrorKind},
};
use axum::{
    http::{
        HeaderName, HeaderValue, StatusCode,
        header::{RETRY_AFTER, WWW_AUTHENTICATE},
    },
    response::{IntoResponse, Json, Response},
};
use serde_json::json;
use std::time::Duration;

/// Tells a client whether a repeat makes sense.
pub(crate) const SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");
/// Tells a peer that the request has to go to another node.
pub(crate) const NOT_OWNER: HeaderName = HeaderName::from_static("x-isobath-not-owner");

/// The longest message, bytes: those of a decoder repeat the value that it does not take.
const MAX_MESSAGE: usize = 600;

/// When to try again where nothing better is known.
const RETRY_SOON: Duration = Duration::from_secs(1);

/// Why a request failed, as the client is told.
#[derive(Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    message: String,
    retry_after: Option<Duration>,
    not_owner: bool,
    never_retry: bool,
    stale: bool,
}

impl ApiError {
    fn new(status: StatusCode, message: impl Into<String>) -> Self {
        let mut message = message.into();
        if message.len() > MAX_MESSAGE {
            message.truncate(message.floor_char_boundary(MAX_MESSAGE));
            message.push('…');
        }
        Self {
            status,
            message,
            retry_after: None,
            not_owner: false,
            never_retry: false,
            stale: false,
        }
    }

    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    /// The request goes to a resource or asks for a method that does not exist.
    pub(crate) fn no_route(status: StatusCode, message: impl Into<String>) -> Self {
        Self::new(status, message)
    }

    /// Too much is going on; nothing was done.
    pub(crate) fn overloaded(message: impl Into<String>) -> Self {
        EngineError::new(EngineErrorKind::Overloaded, message).into()
    }

    /// The request took longer than it may.
    pub(crate) fn deadline(message: impl Into<String>) -> Self {
        EngineError::new(EngineErrorKind::Deadline, message).into()
    }

    /// Nothing can be done now; nothing was done.
    pub(crate) fn unavailable(message: impl Into<String>) -> Self {
        EngineError::new(EngineErrorKind::Unavailable, message).into()
    }

    /// The request comes without a key that is accepted.
    pub(crate) fn unauthorized(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, message)
    }

    /// The request's key is not for this.
    pub(crate) fn forbidden(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, message)
    }

    /// Whether another node has to carry out the request.
    pub(crate) fn is_not_owner(&self) -> bool {
        self.not_owner
    }
}

impl ApiError {
    /// Whether another region may have what this one has not reached.
    pub(crate) fn is_stale(&self) -> bool {
        self.stale
    }
}

impl From<Fault> for ApiError {
    fn from(fault: Fault) -> Self {
        let status = match fault.kind {
            FaultKind::Overloaded => return Self::overloaded(fault.to_string()),
            FaultKind::Unfit => StatusCode::UNPROCESSABLE_ENTITY,
            FaultKind::Invalid => StatusCode::BAD_REQUEST,
            FaultKind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            FaultKind::Stale => StatusCode::PRECONDITION_FAILED,
        };
        Self::new(status, fault.to_string())
    }
}

impl From<EngineError> for ApiError {
    fn from(error: EngineError) -> Self {
        use EngineErrorKind as Kind;
        let (status, retry) = match &error.kind {
            Kind::Invalid => (StatusCode::BAD_REQUEST, None),
            Kind::NotFound => (StatusCode::NOT_FOUND, None),
            Kind::Conflict | Kind::NotHome => (StatusCode::CONFLICT, None),
            Kind::Precondition | Kind::Stale => (StatusCode::PRECONDITION_FAILED, None),
            Kind::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, None),
            Kind::Overloaded => (StatusCode::TOO_MANY_REQUESTS, Some(RETRY_SOON)),
            Kind::Forbidden => (StatusCode::FORBIDDEN, None),
            Kind::UnknownOutcome { repeatable: false } => (StatusCode::SERVICE_UNAVAILABLE, None),
            Kind::Unavailable
            | Kind::NotOwner { .. }
            | Kind::UnknownOutcome { repeatable: true }
            | Kind::Deadline => (StatusCode::SERVICE_UNAVAILABLE, Some(RETRY_SOON)),
            Kind::DiskFull => (StatusCode::INSUFFICIENT_STORAGE, None),
            Kind::Internal => (StatusCode::INTERNAL_SERVER_ERROR, None),
        };
        if status.is_server_error() {
            let cause: &dyn std::error::Error = &error;
            tracing::warn!(kind = ?error.kind, error = cause, "request failed");
        }
        Self {
            retry_after: error.retry_after.or(retry),
            not_owner: matches!(error.kind, Kind::NotOwner { .. }),
            never_retry: matches!(
                error.kind,
                Kind::NotHome | Kind::UnknownOutcome { repeatable: false }
            ),
            stale: error.kind == Kind::Stale,
            ..Self::new(status, error.message)
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = Json(json!({"status": "error", "error": self.message}));
        let mut response = (self.status, body).into_response();
        let headers = response.headers_mut();
        if let Some(time) = self.retry_after {
            let seconds = time.as_millis().div_ceil(1000).max(1);
            let seconds = u64::try_from(seconds).unwrap_or(u64::MAX);
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
            headers.insert(SHOULD_RETRY, HeaderValue::from_static("true"));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if self.never_retry {
            headers.insert(SHOULD_RETRY, HeaderValue::from_static("false"));
        }
        if self.not_owner {
            headers.insert(NOT_OWNER, HeaderValue::from_static("true"));
        }
        response
    }
}
