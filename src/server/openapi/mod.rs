//! The description of the API, for programs and for people.
//!
//! `openapi.json` is written by hand; a test holds it against the routes that there are.

use axum::{
    http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE},
    response::{Html, IntoResponse, Response},
};
use bytes::Bytes;
use serde_json::Value;
use std::sync::OnceLock;

const DESCRIPTION: &str = include_str!("openapi.json");
const PAGE: &str = include_str!("docs.html");

/// What the page may do: show itself and read the description beside it.
const POLICY: &str = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; \
                      connect-src 'self'; base-uri 'none'; frame-ancestors 'none'";

/// `GET /openapi.json`.
pub(crate) async fn description() -> Response {
    static TEXT: OnceLock<Bytes> = OnceLock::new();
    let text = TEXT.get_or_init(|| match serde_json::from_str::<Value>(DESCRIPTION) {
        Ok(mut json) => {
            json["info"]["version"] = Value::from(env!("CARGO_PKG_VERSION"));
            Bytes::from(json.to_string())
        }
        Err(_) => Bytes::from_static(DESCRIPTION.as_bytes()),
    });
    let head = [
        (CONTENT_TYPE, "application/json"),
        (CACHE_CONTROL, "no-cache"),
    ];
    (head, text.clone()).into_response()
}

/// `GET /docs`.
pub(crate) async fn page() -> Response {
    ([(CONTENT_SECURITY_POLICY, POLICY)], Html(PAGE)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn refs(json: &Value, found: &mut BTreeSet<String>) {
        match json {
            Value::Object(members) => {
                if let Some(Value::String(to)) = members.get("$ref") {
                    found.insert(to.trim_start_matches('#').to_owned());
                }
                members.values().for_each(|value| refs(value, found));
            }
            Value::Array(items) => items.iter().for_each(|value| refs(value, found)),
            _ => {}
        }
    }

    #[test]
    fn should_refer_to_what_is_there() {
        let json: Value = serde_json::from_str(DESCRIPTION).unwrap();
        let mut found = BTreeSet::new();
        refs(&json, &mut found);
        assert!(found.len() > 30, "{found:?}");
        for path in found {
            assert!(json.pointer(&path).is_some(), "{path}");
        }
    }

    #[test]
    fn should_need_nothing_from_elsewhere_for_the_page() {
        assert!(!PAGE.contains("//cdn") && !PAGE.contains("https://") && !PAGE.contains("src="));
    }
}
