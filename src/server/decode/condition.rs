//! [`read_condition`]: a condition of a write: a filter that may name values of the row that is written.

use super::{Fault, declared::parse_name, filter::read_filter};
use isobath_query::search::{Condition, Filter};
use serde_json::{Value as Json, value::RawValue};

/// The most levels of `And`, `Or` and `Not` inside each other.
const MAX_DEPTH: usize = 32;

/// Names an attribute of the row that is written, in the place of a value.
const REF_NEW: &str = "$ref_new";

/// The condition that `json` writes: a filter in which `{"$ref_new": attribute}` may stand for a value.
pub(crate) fn read_condition(json: &RawValue) -> Result<Condition, Fault> {
    let json: Json = serde_json::from_str(json.get()).map_err(|e| Fault::of_json(&e))?;
    condition(&json, MAX_DEPTH)
}

fn condition(json: &Json, depth: usize) -> Result<Condition, Fault> {
    if !refers(json) {
        return plain(json).map(Condition::Row);
    }
    let Some(depth) = depth.checked_sub(1) else {
        return Err(Fault::invalid(format!("nested deeper than {MAX_DEPTH}")));
    };
    match json.as_array().map(Vec::as_slice) {
        Some([Json::String(word), inner]) => match word.as_str() {
            "And" => Ok(Condition::And(conditions(inner, depth)?)),
            "Or" => Ok(Condition::Or(conditions(inner, depth)?)),
            "Not" => {
                let inner = condition(inner, depth).map_err(|fault| fault.at(1))?;
                Ok(Condition::Not(Box::new(inner)))
            }
            other => Err(Fault::invalid(format!("unknown filter {other:?}"))),
        },
        Some(
            [
                attribute @ Json::String(_),
                operator @ Json::String(_),
                value,
            ],
        ) => comparison(attribute, operator, value),
        _ => Err(misplaced()),
    }
}

fn conditions(json: &Json, depth: usize) -> Result<Vec<Condition>, Fault> {
    let items = json
        .as_array()
        .ok_or_else(|| Fault::invalid("expected an array of filters").at(1))?;
    let one = |(at, json)| condition(json, depth).map_err(|fault: Fault| fault.at(at).at(1));
    items.iter().enumerate().map(one).collect()
}

/// Compares an attribute with one of the row that is written.
fn comparison(attribute: &Json, operator: &Json, value: &Json) -> Result<Condition, Fault> {
    let members = value.as_object().filter(|members| members.len() == 1);
    let new = members.and_then(|members| members.get(REF_NEW)?.as_str());
    let new = parse_name(new.ok_or_else(misplaced)?)?;
    let shape = Json::Array(vec![attribute.clone(), operator.clone(), Json::Null]);
    match plain(&shape)? {
        Filter::Compare {
            attribute,
            comparison,
            ..
        } => Ok(Condition::New {
            attribute,
            comparison,
            new,
        }),
        _ => Err(misplaced()),
    }
}

/// A filter without references.
fn plain(json: &Json) -> Result<Filter, Fault> {
    let text = RawValue::from_string(json.to_string());
    read_filter(&text.map_err(|e| Fault::of_json(&e))?)
}

/// Whether a reference stands somewhere in `json`; the parser has bounded its depth.
fn refers(json: &Json) -> bool {
    match json {
        Json::Array(items) => items.iter().any(refers),
        Json::Object(members) => members.contains_key(REF_NEW) || members.values().any(refers),
        _ => false,
    }
}

fn misplaced() -> Fault {
    Fault::invalid(
        "`{\"$ref_new\": attribute}` stands for the value of Eq, NotEq, Lt, Lte, Gt or Gte",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use isobath_query::search::Comparison;

    fn read(json: &str) -> Result<Condition, String> {
        read_condition(&RawValue::from_string(json.into()).unwrap()).map_err(|f| f.to_string())
    }

    #[test]
    fn should_tell_what_the_row_holds_from_what_is_written() {
        let written = Condition::New {
            attribute: "at".parse().unwrap(),
            comparison: Comparison::Lt,
            new: "now".parse().unwrap(),
        };
        assert_eq!(
            read(r#"["Or",[["at","Lt",{"$ref_new":"now"}],["at","Eq",null]]]"#).unwrap(),
            Condition::Or(vec![
                written.clone(),
                Condition::Row(Filter::Compare {
                    attribute: "at".parse().unwrap(),
                    comparison: Comparison::Eq,
                    value: isobath_storage::model::Value::Null,
                }),
            ])
        );
        let not = read(r#"["Not",["at","Lt",{"$ref_new":"now"}]]"#).unwrap();
        assert_eq!(not, Condition::Not(Box::new(written)));
    }

    #[test]
    fn should_refuse_a_reference_elsewhere() {
        for json in [
            r#"["a","In",[{"$ref_new":"b"}]]"#,
            r#"["a","In",{"$ref_new":"b"}]"#,
            r#"["a","Eq",{"$ref_new":1}]"#,
            r#"["a","Eq",{"$ref_new":"b","c":1}]"#,
            r#"["a","Eq",1,{"$ref_new":"b"}]"#,
            r#"{"$ref_new":"b"}"#,
        ] {
            assert!(read(json).unwrap_err().contains("$ref_new"), "{json}");
        }
        let deep = format!(
            "{}[\"a\",\"Eq\",{{\"$ref_new\":\"b\"}}]{}",
            "[\"Not\",".repeat(40),
            "]".repeat(40)
        );
        assert!(read(&deep).unwrap_err().contains("nested deeper than 32"));
    }
}
