//! Keys over HTTP, in front of an engine that answers what it is told to.

use super::*;
use crate::server::tests::{Running, start};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

const WRITE: &str = r#"{"upsert_rows":[{"id":1}]}"#;

fn secret(n: u8) -> Secret {
    Secret::from_random([n; 32])
}

fn key(n: u8, prefix: &str, access: Access) -> ApiKey {
    ApiKey {
        hash: secret(n).hash(),
        name: format!("key {n}"),
        prefix: prefix.to_owned(),
        access,
        created_at_ms: 0,
        expires_at_ms: None,
    }
}

/// A server with a key of each access for the namespaces that begin with `a`, one that is over, and one
/// for everything.
async fn guarded() -> Running {
    let server = start(|_| ()).await;
    let keys = vec![
        key(1, "a", Access::Read),
        key(2, "a", Access::Write),
        key(3, "a", Access::Admin),
        ApiKey {
            expires_at_ms: Some(1),
            ..key(4, "", Access::Admin)
        },
        key(5, "", Access::Admin),
    ];
    *server.engine.keys.lock() = Some(keys);
    server
}

async fn ask(
    server: &Running,
    n: u8,
    method: Method,
    path: &str,
    body: &str,
) -> (StatusCode, Value) {
    let request = server
        .request(method, path)
        .bearer_auth(secret(n).expose())
        .header("content-type", "application/json");
    server.answer(request.body(body.to_owned())).await
}

#[tokio::test]
async fn should_let_each_key_do_what_it_is_for() {
    let server = guarded().await;
    let rank = r#"{"rank_by":["id","asc"],"limit":1}"#;
    for (method, path, body, allowed) in [
        (
            Method::POST,
            "/v2/namespaces/a1/query",
            rank,
            [200, 200, 200, 401, 200],
        ),
        (
            Method::GET,
            "/v1/namespaces/a1/schema",
            "",
            [200, 200, 200, 401, 200],
        ),
        (
            Method::POST,
            "/v1/namespaces/a1/_debug/recall",
            "{}",
            [200, 200, 200, 401, 200],
        ),
        (
            Method::POST,
            "/v2/namespaces/a1",
            WRITE,
            [403, 200, 200, 401, 200],
        ),
        (
            Method::DELETE,
            "/v2/namespaces/a1",
            "",
            [403, 200, 200, 401, 200],
        ),
        (
            Method::POST,
            "/v2/namespaces/b1/query",
            rank,
            [403, 403, 403, 401, 200],
        ),
        (
            Method::POST,
            "/v2/namespaces/b1",
            WRITE,
            [403, 403, 403, 401, 200],
        ),
        (Method::GET, "/admin/v1/keys", "", [403, 403, 200, 401, 200]),
        (Method::GET, "/v1/namespaces", "", [200, 200, 200, 401, 200]),
        (
            Method::POST,
            "/v2/namespaces/_isobath.keys",
            WRITE,
            [403, 403, 403, 401, 400],
        ),
    ] {
        for (n, status) in (1..).zip(allowed) {
            let (found, json) = ask(&server, n, method.clone(), path, body).await;
            assert_eq!(found.as_u16(), status, "{n}: {method} {path}: {json}");
        }
        let (none, _) = server.answer(server.request(method.clone(), path)).await;
        assert_eq!(none, StatusCode::UNAUTHORIZED, "{method} {path}");
        let (wrong, json) = ask(&server, 9, method, path, body).await;
        assert_eq!(wrong, StatusCode::UNAUTHORIZED);
        assert_eq!(json["error"], "the API key is not known");
    }
    for path in ["/healthz", "/readyz", "/internal/v1/ping"] {
        let (status, _) = server.answer(server.request(Method::GET, path)).await;
        assert_eq!(status, StatusCode::OK, "{path}");
    }
}

#[tokio::test]
async fn should_list_only_what_is_in_scope() {
    let server = guarded().await;
    let names = async |n: u8, query: &str| {
        let path = format!("/v1/namespaces{query}");
        let (_, json) = ask(&server, n, Method::GET, &path, "").await;
        let ids = json["namespaces"].as_array().unwrap().iter();
        ids.map(|one| one["id"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(names(5, "").await, ["a1", "a2", "a3", "b1"]);
    assert_eq!(names(1, "").await, ["a1", "a2", "a3"]);
    assert_eq!(names(1, "?prefix=a2").await, ["a2"]);
    assert!(names(1, "?prefix=b").await.is_empty());
    let (_, json) = ask(&server, 3, Method::GET, "/admin/v1/keys", "").await;
    assert_eq!(json["keys"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn should_make_keys_of_no_wider_scope() {
    let server = guarded().await;
    let make = async |n: u8, body: Value| {
        ask(
            &server,
            n,
            Method::POST,
            "/admin/v1/keys",
            &body.to_string(),
        )
        .await
    };
    let (status, json) = make(3, json!({"access": "read", "prefix": "a-", "name": "x"})).await;
    assert_eq!(status, StatusCode::OK);
    let shown = json["key"].as_str().unwrap();
    assert_eq!(json["id"], KeyHash::of(shown.as_bytes()).id());
    let (command, _) = server.engine.writes.lock().pop().unwrap();
    assert!(
        !format!("{command:?}").contains(shown),
        "the key itself is written down"
    );
    for (n, body, status, text) in [
        (
            3,
            json!({"access": "read", "prefix": "b"}),
            403,
            "begin with",
        ),
        (3, json!({"access": "admin"}), 403, "begin with"),
        (
            5,
            json!({"access": "root"}),
            400,
            "access: expected read, write or admin",
        ),
        (5, json!({}), 400, "access"),
        (
            5,
            json!({"access": "read", "expires_at": "2001-01-01"}),
            400,
            "expires_at",
        ),
        (
            5,
            json!({"access": "read", "expires_at": "soon"}),
            400,
            "expires_at",
        ),
        (5, json!({"access": "read", "prefix": "ä"}), 400, "prefix"),
        (
            5,
            json!({"access": "read", "hash": "12"}),
            400,
            "hash: expected 64",
        ),
        (
            5,
            json!({"access": "read", "scope": "a"}),
            400,
            "unknown field `scope`",
        ),
    ] {
        let (found, json) = make(n, body).await;
        assert_eq!(found.as_u16(), status, "{json}");
        assert!(json["error"].as_str().unwrap().contains(text), "{json}");
    }
    assert!(server.engine.writes.lock().is_empty());
}

#[tokio::test]
async fn should_revoke_keys_of_no_wider_scope() {
    let server = guarded().await;
    let revoke = async |n: u8, id: &str| {
        let path = format!("/admin/v1/keys/{id}");
        ask(&server, n, Method::DELETE, &path, "").await.0.as_u16()
    };
    assert_eq!(revoke(3, &secret(5).hash().id()).await, 404);
    assert_eq!(revoke(5, &secret(5).hash().id()).await, 400);
    assert_eq!(revoke(3, &secret(1).hash().id()).await, 200);
}

#[tokio::test]
async fn should_make_the_first_key_for_this_machine_only() {
    let server = start(|_| ()).await;
    let first = |body: &'static str| {
        let request = server.request(Method::POST, "/admin/v1/keys");
        request
            .header("content-type", "application/json")
            .body(body)
    };
    let root = r#"{"access":"admin"}"#;
    let (status, json) = server.answer(first(r#"{"access":"write"}"#)).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{json}");
    let proxied = first(root).header("x-forwarded-for", "203.0.113.9");
    assert_eq!(server.answer(proxied).await.0, StatusCode::UNAUTHORIZED);
    let form = server.request(Method::POST, "/admin/v1/keys").body(root);
    assert_eq!(server.answer(form).await.0, StatusCode::BAD_REQUEST);
    assert_eq!(server.answer(first(root)).await.0, StatusCode::OK);
}

#[tokio::test]
async fn should_send_the_clients_key_to_the_owner() {
    let (node, owner) = (guarded().await, guarded().await);
    node.engine.owner.lock().replace(owner.address.to_string());
    let (status, _) = ask(&node, 2, Method::POST, "/v2/namespaces/a1", WRITE).await;
    assert_eq!(status, StatusCode::OK);
    let (_, options) = owner.engine.writes.lock().pop().unwrap();
    assert_eq!(options.api_key, Some(secret(2).hash().id()));
    let body = r#"{"access":"read","prefix":"a"}"#;
    let (status, json) = ask(&node, 3, Method::POST, "/admin/v1/keys", body).await;
    assert_eq!(status, StatusCode::OK);
    let (command, _) = owner.engine.writes.lock().pop().unwrap();
    assert!(format!("{command:?}").contains(json["id"].as_str().unwrap()));
}

#[tokio::test]
async fn should_wait_until_the_keys_are_known() {
    let server = start(|config| config.owner_wait = std::time::Duration::from_millis(100)).await;
    *server.engine.keys.lock() = None;
    let (status, _) = server
        .answer(server.request(Method::GET, "/v1/namespaces"))
        .await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
}
