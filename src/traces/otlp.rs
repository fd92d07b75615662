//! Spans in the JSON of OpenTelemetry's protocol.

use isobath_storage::trace::{Span, SpanValue};
use serde_json::{Value, json};

/// Who the spans come from.
#[derive(Debug, Clone)]
pub struct Origin {
    /// The region.
    pub region: String,
    /// Names this life of the process.
    pub instance: String,
}

/// The body of a request to a collector.
pub(super) fn encode(origin: &Origin, spans: &[Span]) -> String {
    let spans: Vec<Value> = spans.iter().map(span).collect();
    let resource = [
        text("service.name", "isobath"),
        text("service.version", env!("CARGO_PKG_VERSION")),
        text("service.instance.id", &origin.instance),
        text("cloud.region", &origin.region),
    ];
    json!({
        "resourceSpans": [{
            "resource": {"attributes": resource},
            "scopeSpans": [{"scope": {"name": "isobath"}, "spans": spans}],
        }],
    })
    .to_string()
}

fn text(key: &str, value: &str) -> Value {
    json!({"key": key, "value": {"stringValue": value}})
}

fn span(span: &Span) -> Value {
    let attributes: Vec<Value> = span
        .attributes
        .iter()
        .map(|(key, value)| json!({"key": key, "value": attribute(value)}))
        .collect();
    let links: Vec<Value> = span
        .links
        .iter()
        .map(|link| json!({"traceId": link.trace.to_string(), "spanId": link.span.to_string()}))
        .collect();
    let mut encoded = json!({
        "traceId": span.context.trace.to_string(),
        "spanId": span.context.span.to_string(),
        "name": span.name,
        "kind": span.kind as u8,
        "startTimeUnixNano": span.start_ns.to_string(),
        "endTimeUnixNano": span.end_ns.to_string(),
        "attributes": attributes,
        "links": links,
        "status": if span.failed { json!({"code": 2}) } else { json!({}) },
    });
    if let Some(parent) = span.parent {
        encoded["parentSpanId"] = json!(parent.to_string());
    }
    encoded
}

/// 64-bit numbers are text in this protocol.
fn attribute(value: &SpanValue) -> Value {
    match value {
        SpanValue::Whole(n) => json!({"intValue": n.to_string()}),
        SpanValue::Text(text) => json!({"stringValue": text}),
        SpanValue::Bool(is) => json!({"boolValue": is}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use isobath_storage::trace::SpanKind;

    #[test]
    fn should_lay_spans_out_as_the_protocol_has_it() {
        let context = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let other = "00-0bf92f3577b34da6a3ce929d0e0e4736-01f067aa0ba902b7-01";
        let parent: isobath_storage::trace::SpanContext = other.parse().unwrap();
        let span = Span {
            context: context.parse().unwrap(),
            parent: Some(parent.span),
            name: "POST /v2/sql".to_owned(),
            kind: SpanKind::Server,
            start_ns: 1,
            end_ns: u64::MAX,
            attributes: vec![("rows", 7_u64.into()), ("cold", true.into())],
            links: vec![parent],
            failed: true,
        };
        let origin = Origin {
            region: "use1".to_owned(),
            instance: "i".to_owned(),
        };
        let body: Value = serde_json::from_str(&encode(&origin, &[span])).unwrap();
        let of = &body["resourceSpans"][0];
        assert_eq!(
            of["resource"]["attributes"][3],
            json!({"key": "cloud.region", "value": {"stringValue": "use1"}})
        );
        assert_eq!(
            of["scopeSpans"][0]["spans"][0],
            json!({
                "traceId": "4bf92f3577b34da6a3ce929d0e0e4736",
                "spanId": "00f067aa0ba902b7",
                "parentSpanId": "01f067aa0ba902b7",
                "name": "POST /v2/sql",
                "kind": 2,
                "startTimeUnixNano": "1",
                "endTimeUnixNano": "18446744073709551615",
                "attributes": [
                    {"key": "rows", "value": {"intValue": "7"}},
                    {"key": "cold", "value": {"boolValue": true}},
                ],
                "links": [{"traceId": "0bf92f3577b34da6a3ce929d0e0e4736", "spanId": "01f067aa0ba902b7"}],
                "status": {"code": 2},
            })
        );
    }
}
