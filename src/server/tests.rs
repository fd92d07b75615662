//! The API over HTTP, in front of an engine that answers what it is told to.

use super::{
    fake::{FakeEngine, token},
    *,
};
use isobath_config::ServerConfig;
use isobath_storage::SystemClock;
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub(super) struct Running {
    pub(super) engine: Arc<FakeEngine>,
    pub(super) address: SocketAddr,
    client: Client,
    stop: CancellationToken,
    served: JoinHandle<Result<(), ServeError>>,
}

pub(super) async fn start(change: impl FnOnce(&mut ServerConfig)) -> Running {
    let engine = Arc::new(FakeEngine::default());
    let bound = bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = bound.address();
    let listening = bound.listen(engine.as_ref(), &SystemClock, Duration::ZERO);
    let listening = listening.await.unwrap();
    let mut config = ServerConfig::default();
    change(&mut config);
    let parts = ServerParts {
        tracer: isobath_storage::trace::Tracer::default(),
        sql: None,
        engine: Arc::clone(&engine) as Arc<dyn Engine>,
        clock: Arc::new(SystemClock),
        config,
        cluster_key: None,
        peers: Peers::new(&ServerConfig::default()).unwrap(),
        metrics: None,
        seed: u128::from(address.port()),
        secrets: [7; 32],
    };
    let stop = CancellationToken::new();
    let served = tokio::spawn(serve(listening, parts, stop.clone()));
    Running {
        engine,
        address,
        client: Client::builder().no_proxy().build().unwrap(),
        stop,
        served,
    }
}

impl Running {
    pub(super) fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.client
            .request(method, format!("http://{}{path}", self.address))
    }

    async fn post(&self, path: &str, body: impl Into<reqwest::Body>) -> (StatusCode, Value) {
        self.answer(self.request(Method::POST, path).body(body))
            .await
    }

    async fn get(&self, path: &str) -> (StatusCode, Value) {
        self.answer(self.request(Method::GET, path)).await
    }

    pub(super) async fn answer(&self, request: reqwest::RequestBuilder) -> (StatusCode, Value) {
        let response = request.send().await.unwrap();
        (response.status(), response.json().await.unwrap())
    }
}

const WRITE: &str = r#"{"upsert_rows":[{"id":1,"a":"x"},{"id":2}]}"#;
const NS: &str = "/v2/namespaces/ns";

#[tokio::test]
async fn should_answer_a_write() {
    let server = start(|_| ()).await;
    let response = server
        .request(Method::POST, NS)
        .body(WRITE)
        .send()
        .await
        .unwrap();
    assert_eq!(response.headers()["x-isobath-token"], token().to_string());
    let mut json: Value = response.json().await.unwrap();
    assert!(json["performance"]["server_total_ms"].as_u64().unwrap() >= 1);
    assert!(
        json["billing"]["billable_logical_bytes_written"]
            .as_u64()
            .unwrap()
            > 16
    );
    json["performance"].take();
    json["billing"].take();
    let expected = json!({
        "status": "OK", "message": "the write is durable", "rows_affected": 2, "rows_upserted": 2,
        "billing": null, "performance": null,
        "committed_at": "2024-03-01T00:00:00.250Z", "token": token().to_string(),
    });
    assert_eq!(json, expected);
    let (status, json) = server.post(NS, r#"{"deletes":[]}"#).await;
    assert_eq!(
        (status, &json["rows_affected"]),
        (StatusCode::OK, &json!(0))
    );
    assert_eq!(server.engine.writes.lock().len(), 1);
}

#[tokio::test]
async fn should_answer_a_query() {
    let server = start(|_| ()).await;
    let body = r#"{"rank_by":["vector","ANN",[1,1]],"include_attributes":true}"#;
    let request = server
        .request(Method::POST, "/v2/namespaces/ns/query")
        .body(body);
    let text = request.send().await.unwrap().text().await.unwrap();
    let rows = r#"{"rows":[{"id":18446744073709551615,"$dist":0.1,"hello":"world","vector":[0.7,2.0]},{"id":"b","at":"1970-01-01T00:00:00.250Z"}],"performance":{"cache_hit_ratio":1.0,"cache_temperature":"hot","server_total_ms":"#;
    assert!(text.starts_with(rows), "{text}");
    let json: Value = serde_json::from_str(&text).unwrap();
    let billing = json!({
        "billable_logical_bytes_queried": 256_000_000,
        "billable_logical_bytes_returned": 8 + 4 + 5 + 8 + 1 + 8,
    });
    assert_eq!(json["billing"], billing);
    let performance = &json["performance"];
    assert!(performance["query_execution_ms"].as_u64().unwrap() >= 1);
    assert_eq!(performance["exhaustive_search_count"], 1);
    assert_eq!(performance["approx_namespace_size"], 3);
    assert_eq!(performance["path"], "graph");
    assert_eq!(json["token"], token().to_string());
}

#[tokio::test]
async fn should_answer_aggregates_several_queries_and_base64() {
    let server = start(|_| ()).await;
    let path = "/v2/namespaces/ns/query";
    let (_, json) = server
        .post(path, r#"{"aggregate_by":{"n":["Count"]}}"#)
        .await;
    assert_eq!(json["aggregations"], json!({"n": 3}));
    assert!(json.get("rows").is_none());
    let body =
        r#"{"queries":[{"limit":1},{"aggregate_by":{"n":["Count"]}}],"vector_encoding":"base64"}"#;
    let (_, json) = server.post(path, body).await;
    assert_eq!(json["results"][0]["rows"][0]["vector"], "MzMzPwAAAEA=");
    assert_eq!(json["results"][1], json!({"aggregations": {"n": 3}}));
    assert_eq!(json["performance"]["rows_scanned"], 20);
    assert!(json.get("rows").is_none());
}

#[tokio::test]
async fn should_pass_on_how_fresh_a_read_must_be() {
    let server = start(|_| ()).await;
    let request = server
        .request(Method::POST, "/v2/namespaces/ns/query")
        .header("x-isobath-min-token", token().to_string())
        .header("x-isobath-wait-ms", "50")
        .header("x-isobath-on-stale", "serve")
        .body(r#"{"consistency":{"level":"eventual","max_staleness_seconds":1}}"#);
    assert_eq!(server.answer(request).await.0, StatusCode::OK);
    let read = server.engine.reads.lock().pop().unwrap();
    assert_eq!(read.min_token, Some(token()));
    assert_eq!(read.wait, Duration::from_millis(50));
    assert_eq!(read.on_stale, OnStale::Serve);
    let eventual = Consistency::Eventual {
        everywhere: true,
        max_staleness: Some(Duration::from_secs(1)),
    };
    assert_eq!(read.consistency, eventual);
    assert!(read.timeout > Duration::from_secs(50));
}

#[tokio::test]
async fn should_answer_what_there_is_to_know() {
    let server = start(|_| ()).await;
    let none = json!(null);
    let schema = json!({
        "id": {"type": "uint", "filterable": none, "full_text_search": none},
        "vector": {"type": "[2]f16", "filterable": none, "full_text_search": none, "ann": true},
        "private": {"type": "bool", "filterable": true, "full_text_search": none},
        "text": {"type": "string", "filterable": false, "full_text_search": none},
    });
    let (_, json) = server.get("/v1/namespaces/ns/schema").await;
    assert_eq!(json, schema);
    let update = r#"{"text":{"type":"string","filterable":false}}"#;
    let (_, json) = server.post("/v1/namespaces/ns/schema", update).await;
    assert_eq!(json, schema);
    let metadata = json!({
        "schema": {
            "id": {"type": "uint"},
            "vector": {"type": "[2]f16", "ann": {"distance_metric": "cosine_distance"}},
            "private": {"type": "bool", "filterable": true},
            "text": {"type": "string", "filterable": false},
        },
        "approx_row_count": 0, "approx_logical_bytes": 0,
        "created_at": "1970-01-01T00:00:00.000Z",
        "updated_at": "1970-01-01T00:00:00.001Z",
        "last_write_at": "1970-01-01T00:00:00.001Z",
        "encryption": {"mode": "default"}, "index": {"status": "up-to-date"},
    });
    for version in ["v1", "v2"] {
        let (_, json) = server
            .get(&format!("/{version}/namespaces/ns/metadata"))
            .await;
        assert_eq!(json, metadata);
    }
    let (_, json) = server.post("/v1/namespaces/ns/_debug/recall", "{}").await;
    let recall = json!({"avg_recall": 1.0, "avg_exhaustive_count": 2.0, "avg_ann_count": 2.0});
    assert_eq!(json, recall);
    let explain = "/v2/namespaces/ns/explain_query";
    let (_, json) = server.post(explain, r#"{"limit":3}"#).await;
    assert_eq!(json["plan_text"], "3 rows");
    let (status, _) = server.get("/v1/namespaces/ns/_debug/warm_cache").await;
    assert_eq!(status, StatusCode::CONFLICT);
    let (status, _) = server.get("/v1/namespaces/ns/_debug/purge_cache").await;
    assert_eq!(status, StatusCode::OK);
    let (status, json) = server.answer(server.request(Method::DELETE, NS)).await;
    assert_eq!((status, &json["status"]), (StatusCode::OK, &json!("OK")));
}

#[tokio::test]
async fn should_page_through_namespaces() {
    let server = start(|_| ()).await;
    let (_, json) = server.get("/v1/namespaces?prefix=a&page_size=2").await;
    assert_eq!(
        json,
        json!({"namespaces": [{"id": "a1"}, {"id": "a2"}], "next_cursor": "a2"})
    );
    let (_, json) = server
        .get("/v1/namespaces?prefix=a&page_size=2&cursor=a2")
        .await;
    assert_eq!(json, json!({"namespaces": [{"id": "a3"}]}));
    let (status, json) = server.get("/v1/namespaces?page_size=0").await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(json["error"], "page_size: 0 is not between 1 and 1000");
}

#[tokio::test]
async fn should_turn_kinds_into_statuses() {
    use EngineErrorKind as Kind;
    let server = start(|config| config.owner_wait = Duration::from_millis(1)).await;
    for (kind, status, retry) in [
        (Kind::Invalid, 400, None),
        (Kind::NotFound, 404, None),
        (Kind::Conflict, 409, None),
        (Kind::Precondition, 412, None),
        (Kind::TooLarge, 413, None),
        (Kind::Overloaded, 429, Some("1")),
        (Kind::Unavailable, 503, Some("1")),
        (Kind::NotOwner { address: None }, 503, Some("1")),
        (Kind::UnknownOutcome { repeatable: true }, 503, Some("1")),
        (Kind::UnknownOutcome { repeatable: false }, 503, None),
        (Kind::Forbidden, 403, None),
        (Kind::Deadline, 503, Some("1")),
        (Kind::DiskFull, 507, None),
        (Kind::Internal, 500, None),
    ] {
        server.engine.error.lock().replace(kind.clone());
        let response = server
            .request(Method::POST, NS)
            .body(WRITE)
            .send()
            .await
            .unwrap();
        assert_eq!(response.status().as_u16(), status, "{kind:?}");
        let after = response
            .headers()
            .get("retry-after")
            .map(|v| v.to_str().unwrap());
        assert_eq!(after, retry, "{kind:?}");
        let json: Value = response.json().await.unwrap();
        assert_eq!(json["status"], "error");
        assert!(json["error"].is_string());
    }
    assert_eq!(
        server.get("/readyz").await.0,
        StatusCode::SERVICE_UNAVAILABLE
    );
    assert_eq!(server.get("/healthz").await.0, StatusCode::OK);
    server.engine.error.lock().take();
    assert_eq!(server.get("/readyz").await.0, StatusCode::OK);
}

#[tokio::test]
async fn should_refuse_with_the_status_that_clients_expect() {
    let server = start(|config| config.max_body = bytesize::ByteSize::b(200)).await;
    let large = format!(r#"{{"upsert_rows":[{{"id":"{}"}}]}}"#, "x".repeat(300));
    for (path, body, status, text) in [
        (
            NS,
            r#"{"upsert_rows":{}}"#,
            422,
            "upsert_rows: invalid type: map, expected a sequence",
        ),
        (NS, "{", 400, "malformed JSON: EOF while parsing an object"),
        (NS, &large, 413, "the body is larger than 200 bytes"),
        (
            "/v2/namespaces/a%20b",
            WRITE,
            400,
            "namespace \"a b\" is not valid: 1 to 128 characters of A-Z, a-z, 0-9, '-', '_' and '.'",
        ),
        (
            "/v2/namespaces/ns/explain_query",
            r#"{"queries":[{}]}"#,
            400,
            "queries: only single queries are explained",
        ),
        ("/v2/sql", "{}", 503, "this server runs no SQL"),
        ("/v2/nothing", "{}", 404, "there is no POST /v2/nothing"),
        (
            "/v1/namespaces",
            "{}",
            405,
            "/v1/namespaces does not take POST",
        ),
    ] {
        let (found, json) = server.post(path, body.to_owned()).await;
        assert_eq!(
            (found.as_u16(), &json["error"]),
            (status, &json!(text)),
            "{path}"
        );
    }
}

#[tokio::test]
async fn should_accept_a_region_gzip_and_unknown_headers() {
    const GZIP: [u8; 35] = [
        31, 139, 8, 0, 0, 0, 0, 0, 2, 3, 171, 86, 74, 73, 205, 73, 45, 73, 45, 86, 178, 138, 54,
        140, 173, 5, 0, 237, 120, 255, 97, 15, 0, 0, 0,
    ];
    let server = start(|_| ()).await;
    let request = server
        .request(
            Method::POST,
            "/gcp-us-central1/v2/namespaces/ns?stainless_overload=x",
        )
        .header("content-encoding", "gzip")
        .header("prefer", "respond-async")
        .header("x-stainless-lang", "python")
        .body(GZIP.to_vec());
    assert_eq!(server.answer(request).await.0, StatusCode::OK);
    let long = r#"{"queries":[{},{},{},{},{},{},{},{},{},{}]}"#;
    for (body, encoding, found) in [
        (long, "gzip", Some("gzip")),
        (long, "identity", None),
        ("{}", "gzip", None),
    ] {
        let request = server
            .request(Method::POST, "/v2/namespaces/ns/query")
            .body(body)
            .header("accept-encoding", encoding);
        let response = request.send().await.unwrap();
        let encoding = response.headers().get("content-encoding");
        assert_eq!(encoding.map(|v| v.to_str().unwrap()), found);
    }
}

#[tokio::test]
async fn should_name_each_write_and_recognise_a_repeat() {
    let server = start(|_| ()).await;
    for (key, retries) in [(None, "0"), (None, "1"), (Some("k"), "0"), (Some("k"), "0")] {
        let request = server.request(Method::POST, NS).body(WRITE);
        let request = request.header("x-stainless-retry-count", retries);
        let request = match key {
            Some(key) => request.header("idempotency-key", key),
            None => request,
        };
        assert_eq!(server.answer(request).await.0, StatusCode::OK);
    }
    let options: Vec<WriteOptions> = server
        .engine
        .writes
        .lock()
        .iter()
        .map(|(_, options)| options.clone())
        .collect();
    assert_ne!(options[0].key, options[1].key);
    assert_eq!(options[2].key, options[3].key);
    assert_eq!(options[0].body, options[1].body);
    let retries: Vec<bool> = options.iter().map(|options| options.retry).collect();
    assert_eq!(retries, [false, true, false, false]);
}

#[tokio::test]
async fn should_send_a_write_to_the_owner() {
    let (node, owner) = (start(|_| ()).await, start(|_| ()).await);
    node.engine.owner.lock().replace(owner.address.to_string());
    let request = node.request(Method::POST, NS).body(WRITE);
    let response = request.header("idempotency-key", "k").send().await.unwrap();
    assert_eq!(response.headers()["x-isobath-token"], token().to_string());
    let json: Value = response.json().await.unwrap();
    assert_eq!(json["rows_upserted"], 2);
    assert!(node.engine.writes.lock().is_empty());
    let (_, options) = owner.engine.writes.lock().pop().unwrap();
    assert!(options.forwarded);
    let key = isobath_storage::model::IdempotencyKey::from_text("k");
    assert_eq!(options.key, key);
    let (status, _) = node.answer(node.request(Method::DELETE, NS)).await;
    assert_eq!(status, StatusCode::OK);
}

#[tokio::test]
async fn should_try_again_while_the_owner_changes() {
    let (node, old) = (start(|_| ()).await, start(|_| ()).await);
    old.engine
        .error
        .lock()
        .replace(EngineErrorKind::NotOwner { address: None });
    node.engine.owner.lock().replace(old.address.to_string());
    let engine = Arc::clone(&node.engine);
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(250)).await;
        engine.owner.lock().replace("127.0.0.1:9".into());
        tokio::time::sleep(Duration::from_millis(250)).await;
        engine.owner.lock().take();
    });
    assert_eq!(node.post(NS, WRITE).await.0, StatusCode::OK);
    let (_, options) = node.engine.writes.lock().pop().unwrap();
    assert!(!options.forwarded);
}

#[tokio::test]
async fn should_leave_an_owner_that_does_not_answer_when_it_is_replaced() {
    let (node, stuck) = (start(|_| ()).await, start(|_| ()).await);
    *stuck.engine.delay.lock() = Duration::from_mins(1);
    node.engine.owner.lock().replace(stuck.address.to_string());
    let engine = Arc::clone(&node.engine);
    let replaced = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        engine.owner.lock().take();
    };
    let (answer, ()) = tokio::join!(node.post(NS, WRITE), replaced);
    assert_eq!(answer.0, StatusCode::OK);
    let keys = |server: &Running| {
        server
            .engine
            .writes
            .lock()
            .iter()
            .map(|(_, o)| o.key)
            .next()
    };
    assert_eq!(keys(&node), keys(&stuck));
}

#[tokio::test]
async fn should_give_up_on_a_missing_owner_in_time() {
    let server = start(|config| config.owner_wait = Duration::from_millis(300)).await;
    server.engine.owner.lock().replace("127.0.0.1:9".into());
    let (status, json) = server.post(NS, WRITE).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(json["error"], "no node owns the log");
}

#[tokio::test]
async fn should_answer_peers() {
    let server = start(|_| ()).await;
    let peers = Peers::new(&ServerConfig::default()).unwrap();
    let pong = peers
        .ping(&server.address.to_string(), Duration::from_secs(5))
        .await
        .unwrap();
    assert_eq!(pong, server.engine.ping());
    assert!(
        peers
            .ping("127.0.0.1:9", Duration::from_secs(5))
            .await
            .is_err()
    );
}

#[tokio::test]
async fn should_refuse_more_than_it_can_hold_and_what_takes_too_long() {
    let server = start(|config| {
        config.max_concurrent = 1;
        config.request_timeout = Duration::from_secs(4);
    })
    .await;
    *server.engine.delay.lock() = Duration::from_mins(1);
    let (slow, refused) = tokio::join!(server.post(NS, WRITE), async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        server.post(NS, WRITE).await
    });
    assert_eq!(slow.0, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(refused.0, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn should_drain_open_requests() {
    let server = start(|_| ()).await;
    *server.engine.delay.lock() = Duration::from_millis(400);
    let stop = async {
        tokio::time::sleep(Duration::from_millis(150)).await;
        server.stop.cancel();
    };
    let (answer, ()) = tokio::join!(server.post(NS, WRITE), stop);
    assert_eq!(answer.0, StatusCode::OK);
    drop(server.client);
    assert!(server.served.await.unwrap().is_ok());
}

#[tokio::test]
async fn should_listen_on_loopback_only_without_keys() {
    let engine = FakeEngine::default();
    let bound = || bind("0.0.0.0:0".parse().unwrap()).unwrap();
    *engine.keys.lock() = None;
    let refused = bound().listen(&engine, &SystemClock, Duration::ZERO).await;
    assert!(matches!(refused, Err(ServeError::KeysUnknown(_))));
    *engine.keys.lock() = Some(vec![]);
    let refused = bound().listen(&engine, &SystemClock, Duration::ZERO).await;
    assert!(matches!(refused, Err(ServeError::NoKeys(_))));
}
