//! [`mismatch`]: says that a literal is not of the type that an operator needs.

use crate::search::SearchError;
use isobath_storage::model::{AttributeName, Value};
use std::fmt;

/// The most characters of a literal that are repeated.
const MAX_CHARS: usize = 64;

/// `found` is not of the type that `operator` needs on `attribute`.
pub(super) fn mismatch(
    attribute: &AttributeName,
    operator: &str,
    expected: impl fmt::Display,
    found: &Value,
) -> SearchError {
    let found = show(found);
    let fault = format!("type mismatch, {operator} expects {expected}, but got '{found}'");
    SearchError::filter(attribute, fault)
}

/// A literal in short, as a reader would write it.
fn show(value: &Value) -> String {
    match value {
        Value::Null => "null".into(),
        Value::Bool(value) => value.to_string(),
        Value::Int(n) => n.to_string(),
        Value::Uint(n) => n.to_string(),
        Value::Float(n) => n.to_string(),
        Value::String(text) => text.chars().take(MAX_CHARS).collect(),
        Value::Uuid(uuid) => uuid.to_string(),
        Value::Datetime(ms) => isobath_storage::model::format_datetime(*ms),
        Value::Array(values) => {
            let mut out = String::from("[");
            for (at, value) in values.iter().enumerate() {
                if out.len() > MAX_CHARS {
                    out.push_str(", …");
                    break;
                }
                out.push_str(if at == 0 { "" } else { ", " });
                out.push_str(&show(value));
            }
            out.push(']');
            out
        }
        Value::Vector(vector) => format!("vector of {} dimensions", vector.dim()),
        Value::Sparse(vector) => format!("sparse vector of {} weights", vector.weights().len()),
    }
}
