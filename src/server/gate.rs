//! [`check`]: who may do what. Every request to a namespace passes here before its body is read.

use super::{
    error::ApiError,
    keys::{Access, ApiKey, KeyRing},
    layers, metrics,
    peer::Peer,
    state::Server,
};
use axum::{
    extract::{MatchedPath, RawPathParams, Request},
    http::{HeaderMap, HeaderName, Method, header::AUTHORIZATION, request::Parts},
    response::{IntoResponse, Response},
};
use std::{sync::Arc, time::Duration};

/// Between two looks at whether the keys are known.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// Routes that only look, although they take a body; what a SQL statement needs is checked with the statement.
const LOOKS: [&str; 4] = ["/query", "/explain_query", "/_debug/recall", "/v2/sql"];

/// Headers by which a proxy says that the request comes from elsewhere.
const PROXIED: [HeaderName; 2] = [
    HeaderName::from_static("forwarded"),
    HeaderName::from_static("x-forwarded-for"),
];

/// Who sends a request, as far as that is known.
#[derive(Debug, Clone)]
pub(crate) enum Caller {
    /// There are no keys, and the request comes from this machine.
    Local,
    /// The holder of a key.
    Key(Arc<ApiKey>),
}

impl Caller {
    /// What the names of the namespaces begin with that the caller may use.
    pub(crate) fn prefix(&self) -> &str {
        match self {
            Self::Local => "",
            Self::Key(key) => &key.prefix,
        }
    }

    /// Names the key, where there is one.
    pub(crate) fn key_id(&self) -> Option<String> {
        match self {
            Self::Local => None,
            Self::Key(key) => Some(key.id()),
        }
    }

    /// Whether `access` to a namespace, or to everything below a prefix, is within the caller's scope.
    pub(crate) fn may(&self, access: Access, namespace: &str) -> Result<(), ApiError> {
        let Self::Key(key) = self else {
            return Ok(());
        };
        if key.access < access {
            let text = format!(
                "this needs a key of {access} access; the key has {}",
                key.access
            );
            return Err(ApiError::forbidden(text));
        }
        if !key.covers(namespace) {
            let text = format!(
                "the key is for namespaces whose names begin with {:?}",
                key.prefix
            );
            return Err(ApiError::forbidden(text));
        }
        Ok(())
    }
}

/// The request with its [`Caller`], if it comes with a key for what it asks, or needs none; else the
/// refusal.
pub(super) async fn check(
    server: &Server,
    params: &RawPathParams,
    request: Request,
) -> Result<Request, Response> {
    let (mut parts, body) = request.into_parts();
    let admitted = admitted(server, params, &parts).await;
    let readable = |caller| match layers::check_encoding(&parts.headers) {
        Ok(()) => Ok(caller),
        Err(error) => Err(("encoding", error)),
    };
    match admitted.and_then(readable) {
        Ok(caller) => {
            parts.extensions.insert(caller);
            Ok(Request::from_parts(parts, body))
        }
        Err((reason, error)) => {
            ::metrics::counter!(metrics::DENIED, "reason" => reason).increment(1);
            super::body::discard_small(server, body).await;
            Err(error.into_response())
        }
    }
}

async fn admitted(
    server: &Server,
    params: &RawPathParams,
    request: &Parts,
) -> Result<Caller, (&'static str, ApiError)> {
    let ring = known_keys(server).await.map_err(|e| ("keys_unknown", e))?;
    let route = request.extensions.get::<MatchedPath>();
    let route = route.map_or("", |route| route.as_str());
    let is_admin = route.starts_with("/admin/");
    let caller = caller(server, &ring, request, is_admin).map_err(|e| ("unknown", e))?;
    if is_admin {
        // The handler knows the scope that is asked for.
        let prefix = caller.prefix().to_owned();
        caller
            .may(Access::Admin, &prefix)
            .map_err(|e| ("scope", e))?;
        return Ok(caller);
    }
    let access = needed(&request.method, route);
    let namespace = params.iter().find(|(name, _)| *name == "namespace");
    // Without a namespace a request is about all that the caller may see.
    let namespace = namespace.map_or(caller.prefix().to_owned(), |(_, name)| name.to_owned());
    caller.may(access, &namespace).map_err(|e| ("scope", e))?;
    Ok(caller)
}

/// The keys, as soon as the node has read them.
async fn known_keys(server: &Server) -> Result<Arc<KeyRing>, ApiError> {
    let start = server.clock.monotonic();
    loop {
        if let Some(ring) = server.engine.keys() {
            return Ok(ring);
        }
        if server.since(start) >= server.config.owner_wait {
            return Err(ApiError::unavailable(
                "the node has not read the region's keys yet",
            ));
        }
        server.clock.sleep(LOOK_AGAIN).await;
    }
}

fn caller(
    server: &Server,
    ring: &KeyRing,
    request: &Parts,
    is_admin: bool,
) -> Result<Caller, ApiError> {
    if ring.is_empty() && is_local(request) && (server.loopback || is_admin) {
        return Ok(Caller::Local);
    }
    let token = bearer(&request.headers)?;
    let key = ring
        .find(token)
        .ok_or_else(|| ApiError::unauthorized("the API key is not known"))?;
    if key.is_expired(server.clock.now_ms()) {
        return Err(ApiError::unauthorized("the API key has expired"));
    }
    Ok(Caller::Key(Arc::clone(key)))
}

/// Whether a request comes from this machine.
fn is_local(request: &Parts) -> bool {
    let peer = request.extensions.get::<Peer>();
    let proxied = PROXIED
        .iter()
        .any(|name| request.headers.contains_key(name));
    peer.is_some_and(|peer| peer.address.ip().to_canonical().is_loopback()) && !proxied
}

/// The key in the header that carries it.
pub(crate) fn bearer(headers: &HeaderMap) -> Result<&[u8], ApiError> {
    let refuse = |text: &str| Err(ApiError::unauthorized(text));
    let mut all = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = all.next() else {
        return refuse("an API key is needed: `Authorization: Bearer KEY`");
    };
    if all.next().is_some() {
        return refuse("more than one Authorization header");
    }
    match value.as_bytes().split_at_checked(7) {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case(b"bearer ") => Ok(token.trim_ascii()),
        _ => refuse("expected `Authorization: Bearer KEY`"),
    }
}

/// What a request to a namespace needs; more rather than less where a route is new.
fn needed(method: &Method, route: &str) -> Access {
    let looks = LOOKS.iter().any(|end| route.ends_with(end));
    if method.is_safe() || (looks && *method == Method::POST) {
        Access::Read
    } else {
        Access::Write
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn should_need_read_access_for_looking_only() {
        for (method, route, access) in [
            (
                Method::GET,
                "/v1/namespaces/{namespace}/schema",
                Access::Read,
            ),
            (
                Method::POST,
                "/v2/namespaces/{namespace}/query",
                Access::Read,
            ),
            (
                Method::DELETE,
                "/v2/namespaces/{namespace}/query",
                Access::Write,
            ),
            (Method::POST, "/v2/namespaces/{namespace}", Access::Write),
            (
                Method::PATCH,
                "/v1/namespaces/{namespace}/metadata",
                Access::Write,
            ),
            (Method::POST, "/v9/unheard", Access::Write),
        ] {
            assert_eq!(needed(&method, route), access, "{method} {route}");
        }
    }

    #[test]
    fn should_read_one_bearer_token_only() {
        let read = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(AUTHORIZATION, value.parse().unwrap());
            }
            bearer(&headers).ok().map(<[u8]>::to_vec)
        };
        assert_eq!(read(&["Bearer abc"]), Some(b"abc".to_vec()));
        assert_eq!(read(&["bEARER  abc "]), Some(b"abc".to_vec()));
        for bad in [
            &[][..],
            &["abc"],
            &["Basic abc"],
            &["Bearer"],
            &["Bearer a", "Bearer b"],
        ] {
            assert_eq!(read(bad), None, "{bad:?}");
        }
    }
}
