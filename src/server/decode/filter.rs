//! [`read_filter`]: a filter as the API writes it.

use super::{Fault, declared::parse_name, score::read_tokens};
use isobath_query::search::{Comparison, Filter, Pattern, Syntax};
use isobath_storage::model::Value;
use serde_json::{Value as Json, value::RawValue};

/// The most levels of `And`, `Or` and `Not` inside each other.
const MAX_DEPTH: usize = 32;

/// The most values in all lists of a filter: two bytes of a body would become dozens in memory.
const MAX_VALUES: usize = 1 << 20;

/// Operators that do not exist yet.
const NOT_YET: [&str; 1] = ["Fuzzy"];

/// The filter that `json` writes: `["And", [F, …]]`, `["Not", F]`, `[attribute, operator, value]`.
pub(crate) fn read_filter(json: &RawValue) -> Result<Filter, Fault> {
    // Values are separated by commas; those inside of texts do not matter much.
    if json.get().bytes().filter(|byte| *byte == b',').count() > MAX_VALUES {
        let text = format!("a filter has at most {MAX_VALUES} values");
        return Err(Fault::invalid(text));
    }
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
            if let Some(filter) = read_tokens(attribute, operator, value, rest) {
                return filter;
            }
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
    if let Some(comparison) = comparison(operator) {
        return Ok(Filter::Compare {
            attribute: parse_name(attribute)?,
            comparison,
            value: literal(attribute, value)?,
        });
    }
    if let Some(comparison) = operator.strip_prefix("Any").and_then(any_comparison) {
        return Ok(Filter::AnyElement {
            attribute: parse_name(attribute)?,
            comparison,
            value: literal(attribute, value)?,
        });
    }
    let (positive, negated) = match operator.strip_prefix("Not") {
        Some(positive) => (positive, true),
        None => (operator, false),
    };
    match positive {
        "In" => membership(attribute, value, negated),
        "Contains" | "ContainsAny" => Ok(Filter::Contains {
            attribute: parse_name(attribute)?,
            value: literal(attribute, value)?,
            any: positive == "ContainsAny",
            negated,
        }),
        "Glob" => pattern(attribute, operator, Syntax::Glob, value, negated),
        "IGlob" => {
            let syntax = Syntax::CaseInsensitiveGlob;
            pattern(attribute, operator, syntax, value, negated)
        }
        "Regex" if !negated => pattern(attribute, operator, Syntax::Regex, value, false),
        _ if NOT_YET.contains(&operator) => {
            Err(Fault::not_yet(&format!("the filter operator {operator}")))
        }
        _ => {
            let cut: String = operator.chars().take(64).collect();
            Err(Fault::invalid(format!("unknown filter operator {cut:?}")))
        }
    }
}

fn comparison(operator: &str) -> Option<Comparison> {
    Some(match operator {
        "Eq" => Comparison::Eq,
        "NotEq" => Comparison::NotEq,
        "Lt" => Comparison::Lt,
        "Lte" => Comparison::Lte,
        "Gt" => Comparison::Gt,
        "Gte" => Comparison::Gte,
        _ => return None,
    })
}

/// The comparisons that there are for elements of arrays; `Contains` stands for equality.
fn any_comparison(operator: &str) -> Option<Comparison> {
    comparison(operator).filter(|c| !matches!(c, Comparison::Eq | Comparison::NotEq))
}

/// A filter by a pattern.
fn pattern(
    attribute: &str,
    operator: &str,
    syntax: Syntax,
    value: &Json,
    negated: bool,
) -> Result<Filter, Fault> {
    let Json::String(text) = value else {
        let found: String = value.to_string().chars().take(64).collect();
        return Err(Fault::invalid(format!(
            "filter error in key `{attribute}`: type mismatch, {operator} expects string, but got '{found}'"
        )));
    };
    Ok(Filter::Matches {
        attribute: parse_name(attribute)?,
        pattern: Pattern {
            syntax,
            text: text.as_str().into(),
        },
        negated,
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
    fn should_read_every_operator() {
        let name = || "a".parse().unwrap();
        let array = Value::Array([Value::Int(1)].into());
        for (operator, any, negated) in [
            ("Contains", false, false),
            ("NotContains", false, true),
            ("ContainsAny", true, false),
            ("NotContainsAny", true, true),
        ] {
            let wanted = Filter::Contains {
                attribute: name(),
                value: array.clone(),
                any,
                negated,
            };
            assert_eq!(read(&format!(r#"["a","{operator}",[1]]"#)), Ok(wanted));
        }
        for (operator, comparison) in [
            ("AnyLt", Comparison::Lt),
            ("AnyLte", Comparison::Lte),
            ("AnyGt", Comparison::Gt),
            ("AnyGte", Comparison::Gte),
        ] {
            let wanted = Filter::AnyElement {
                attribute: name(),
                comparison,
                value: Value::Float(0.5),
            };
            assert_eq!(read(&format!(r#"["a","{operator}",0.5]"#)), Ok(wanted));
        }
        for (operator, syntax, negated) in [
            ("Glob", Syntax::Glob, false),
            ("NotGlob", Syntax::Glob, true),
            ("IGlob", Syntax::CaseInsensitiveGlob, false),
            ("NotIGlob", Syntax::CaseInsensitiveGlob, true),
            ("Regex", Syntax::Regex, false),
        ] {
            let text = "x*".into();
            let wanted = Filter::Matches {
                attribute: name(),
                pattern: Pattern { syntax, text },
                negated,
            };
            assert_eq!(read(&format!(r#"["a","{operator}","x*"]"#)), Ok(wanted));
        }
    }

    #[test]
    fn should_name_what_is_wrong() {
        for (json, text) in [
            (
                r#"["a","Fuzzy","x"]"#,
                "the filter operator Fuzzy is not supported yet",
            ),
            (
                r#"["a","Glob",["x*"]]"#,
                "filter error in key `a`: type mismatch, Glob expects string, but got '[\"x*\"]'",
            ),
            (r#"["a","AnyEq",1]"#, "unknown filter operator \"AnyEq\""),
            (
                r#"["a","NotRegex","x"]"#,
                "unknown filter operator \"NotRegex\"",
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
        let long = |values| format!("[\"a\",\"In\",[{}1]]", "1,".repeat(values));
        assert!(read(&long(MAX_VALUES - 2)).is_ok());
        assert_eq!(
            read(&long(MAX_VALUES)),
            Err("a filter has at most 1048576 values".into())
        );
    }
}
