//! [`read_filter`]: a filter as the API writes it.

use super::{Fault, declared::parse_name};
use isobath_query::search::{Comparison, Filter};
use isobath_storage::model::Value;
use serde_json::{Value as Json, value::RawValue};

/// The most levels of `And`, `Or` and `Not` inside each other.
const MAX_DEPTH: usize = 32;

/// Operators that do not exist yet.
const NOT_YET: [&str; 17] = [
    "Contains",
    "NotContains",
    "ContainsAny",
    "NotContainsAny",
    "AnyLt",
    "AnyLte",
    "AnyGt",
    "AnyGte",
    "Glob",
    "NotGlob",
    "IGlob",
    "NotIGlob",
    "Regex",
    "Fuzzy",
    "ContainsAllTokens",
    "ContainsAnyToken",
    "ContainsTokenSequence",
];

/// The filter that `json` writes: `["And", [F, …]]`, `["Not", F]`, `[attribute, operator, value]`.
pub(crate) fn read_filter(json: &RawValue) -> Result<Filter, Fault> {
    let json: Json = serde_json::from_str(json.get()).map_err(|e| Fault::of_json(&e))?;
    filter(&json, MAX_DEPTH)
}

fn filter(json: &Json, depth: usize) -> Result<Filter, Fault> {
    let Some(depth) = depth.checked_sub(1) else {
        return Err(Fault::invalid(format!("nested deeper than {MAX_DEPTH}")));
    };
    let shape = || {
        Fault::invalid(
            "expected [\"And\"|\"Or\", […]], [\"Not\", …] or [attribute, operator, value]",
        )
    };
    let items = json.as_array().ok_or_else(shape)?;
    match items.as_slice() {
        [Json::String(word), inner] => match word.as_str() {
            "And" => Ok(Filter::And(filters(inner, depth)?)),
            "Or" => Ok(Filter::Or(filters(inner, depth)?)),
            "Not" => {
                let inner = filter(inner, depth).map_err(|fault| fault.at(1))?;
                Ok(Filter::Not(Box::new(inner)))
            }
            other => Err(Fault::invalid(format!("unknown filter {other:?}"))),
        },
        [
            Json::String(attribute),
            Json::String(operator),
            value,
            rest @ ..,
        ] => {
            let filter = condition(attribute, operator, value)?;
            match rest {
                [] => Ok(filter),
                _ => Err(Fault::not_yet(&format!("a parameter of {operator}"))),
            }
        }
        _ => Err(shape()),
    }
}

fn filters(json: &Json, depth: usize) -> Result<Vec<Filter>, Fault> {
    let items = json
        .as_array()
        .ok_or_else(|| Fault::invalid("expected an array of filters").at(1))?;
    let one = |(at, json)| filter(json, depth).map_err(|fault: Fault| fault.at(at).at(1));
    items.iter().enumerate().map(one).collect()
}

/// A filter on one attribute.
fn condition(attribute: &str, operator: &str, value: &Json) -> Result<Filter, Fault> {
    let comparison = match operator {
        "Eq" => Comparison::Eq,
        "NotEq" => Comparison::NotEq,
        "Lt" => Comparison::Lt,
        "Lte" => Comparison::Lte,
        "Gt" => Comparison::Gt,
        "Gte" => Comparison::Gte,
        "In" | "NotIn" => return membership(attribute, value, operator == "NotIn"),
        other if NOT_YET.contains(&other) => {
            return Err(Fault::not_yet(&format!("the filter operator {other}")));
        }
        other => return Err(Fault::invalid(format!("unknown filter operator {other:?}"))),
    };
    Ok(Filter::Compare {
        attribute: parse_name(attribute)?,
        comparison,
        value: literal(attribute, value)?,
    })
}

/// `In` or `NotIn`; one value is taken for a list of one.
fn membership(attribute: &str, value: &Json, negated: bool) -> Result<Filter, Fault> {
    let values = match value {
        Json::Array(items) => {
            let values = items.iter().map(|item| scalar(attribute, item));
            values.collect::<Result<_, _>>()?
        }
        one => vec![scalar(attribute, one)?],
    };
    Ok(Filter::In {
        attribute: parse_name(attribute)?,
        values,
        negated,
    })
}

/// A value to compare with.
fn literal(attribute: &str, json: &Json) -> Result<Value, Fault> {
    let Json::Array(items) = json else {
        return scalar(attribute, json);
    };
    let items = items.iter().map(|item| scalar(attribute, item));
    Ok(Value::Array(items.collect::<Result<_, _>>()?))
}

fn scalar(attribute: &str, json: &Json) -> Result<Value, Fault> {
    Ok(match json {
        Json::Null => Value::Null,
        Json::Bool(b) => Value::Bool(*b),
        Json::String(text) => Value::String(text.as_str().into()),
        Json::Number(number) => {
            let int = number.as_i64().map(Value::Int);
            let uint = || number.as_u64().map(Value::Uint);
            let float = || number.as_f64().map(Value::Float);
            int.or_else(uint).or_else(float).unwrap_or_default()
        }
        Json::Object(object) if object.contains_key("$ref_new") => {
            return Err(Fault::not_yet("`$ref_new`"));
        }
        Json::Array(_) | Json::Object(_) => {
            let kind = if json.is_array() { "array" } else { "object" };
            let text = format!(
                "filter error in key `{attribute}`: type mismatch, an {kind} is no value to compare with"
            );
            return Err(Fault::invalid(text));
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Filter, String> {
        read_filter(&RawValue::from_string(json.into()).unwrap()).map_err(|f| f.to_string())
    }

    fn compare(attribute: &str, comparison: Comparison, value: Value) -> Filter {
        Filter::Compare {
            attribute: attribute.parse().unwrap(),
            comparison,
            value,
        }
    }

    #[test]
    fn should_read_nested_filters() {
        let filter =
            read(r#"["And",[["a","Gt",1],["Not",["id","Eq",18446744073709551615]],["Or",[]]]]"#);
        let id = compare("id", Comparison::Eq, Value::Uint(u64::MAX));
        assert_eq!(
            filter,
            Ok(Filter::And(vec![
                compare("a", Comparison::Gt, Value::Int(1)),
                Filter::Not(Box::new(id)),
                Filter::Or(vec![]),
            ]))
        );
    }

    #[test]
    fn should_take_one_value_for_a_list_of_one() {
        let users = |values| {
            Ok(Filter::In {
                attribute: "users".parse().unwrap(),
                values,
                negated: false,
            })
        };
        assert_eq!(
            read(r#"["users","In","bojan"]"#),
            users(vec![Value::String("bojan".into())])
        );
        assert_eq!(
            read(r#"["users","In",[null,0.5]]"#),
            users(vec![Value::Null, Value::Float(0.5)])
        );
    }

    #[test]
    fn should_name_what_is_wrong() {
        for (json, text) in [
            (
                r#"["a","Glob","x*"]"#,
                "the filter operator Glob is not supported yet",
            ),
            (
                r#"["a","Eq",1,{}]"#,
                "a parameter of Eq is not supported yet",
            ),
            (r#"["Xor",[]]"#, "unknown filter \"Xor\""),
            (r#"["a","Like",1]"#, "unknown filter operator \"Like\""),
            (
                r#"["And",[["a","Eq",1],["b"]]]"#,
                "[1][1]: expected [\"And\"|\"Or\", […]], [\"Not\", …] or [attribute, operator, value]",
            ),
            (
                r#"["Not",["a","Eq",{"$ref_new":"b"}]]"#,
                "[1]: `$ref_new` is not supported yet",
            ),
            (
                r#"["a","In",[[1]]]"#,
                "filter error in key `a`: type mismatch, an array is no value to compare with",
            ),
        ] {
            assert_eq!(read(json), Err(text.into()));
        }
        let deep = format!(
            "{}[\"a\",\"Eq\",1]{}",
            "[\"Not\",".repeat(40),
            "]".repeat(40)
        );
        assert!(read(&deep).unwrap_err().contains("nested deeper than 32"));
    }
}
