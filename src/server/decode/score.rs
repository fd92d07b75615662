//! [`read_score`]: how well rows fit, and the texts that filters and scores look for.

use super::{Fault, declared::parse_name, filter::read_filter};
use isobath_query::search::{Filter, Score, TextInput, TextMatch, TokenRule};
use serde_json::{Value, value::RawValue};

/// The most levels of `Sum`, `Max` and `Product` inside each other.
const MAX_DEPTH: usize = 16;
/// The most texts and filters of one score.
const MAX_LEAVES: usize = 128;
/// The most characters of a text that is looked for.
const MAX_CHARS: usize = 8192;
/// The largest factor of a product.
const MAX_FACTOR: f64 = 1e9;

/// Ways to score that do not exist yet.
pub(super) const NOT_YET: [&str; 4] = ["Attribute", "Saturate", "Decay", "Dist"];

/// Whether `first` and `second`, the first two items of a ranking, are those of a score.
pub(super) fn is_score(first: &str, second: Option<&str>) -> bool {
    second == Some("BM25")
        || (second.is_none() && matches!(first, "Sum" | "Max" | "Product" | "And" | "Or" | "Not"))
}

/// The score that `json` writes: `[attribute, "BM25", text]`, `["Sum"|"Max", […]]`, `["Product", factor, score]`,
/// or a filter.
pub(super) fn read_score(json: &RawValue) -> Result<Score, Fault> {
    let json: Value = serde_json::from_str(json.get()).map_err(|e| Fault::of_json(&e))?;
    let mut leaves = 0;
    let score = score(&json, MAX_DEPTH, &mut leaves)?;
    if leaves > MAX_LEAVES {
        let text = format!("{leaves} texts and filters are more than {MAX_LEAVES}");
        return Err(Fault::invalid(text));
    }
    Ok(score)
}

fn score(json: &Value, depth: usize, leaves: &mut usize) -> Result<Score, Fault> {
    let Some(depth) = depth.checked_sub(1) else {
        return Err(Fault::invalid(format!("nested deeper than {MAX_DEPTH}")));
    };
    let shape = || {
        Fault::invalid(
            "expected [attribute, \"BM25\", text], [\"Sum\"|\"Max\", […]], [\"Product\", factor, …] or a filter",
        )
    };
    let items = json.as_array().ok_or_else(shape)?;
    match items.as_slice() {
        [
            Value::String(attribute),
            Value::String(word),
            input,
            rest @ ..,
        ] if word == "BM25" => {
            *leaves += 1;
            Ok(Score::Bm25(text_match(attribute, word, input, rest)?))
        }
        [Value::String(word), Value::Array(scores)] if word == "Sum" || word == "Max" => {
            let each = scores.iter().enumerate();
            let scores = each.map(|(at, one)| {
                let read = score(one, depth, leaves);
                read.map_err(|fault| fault.at(at).at(1))
            });
            let scores = scores.collect::<Result<_, _>>()?;
            Ok(if word == "Sum" {
                Score::Sum(scores)
            } else {
                Score::Max(scores)
            })
        }
        [Value::String(word), a, b] if word == "Product" && (a.is_number() || b.is_number()) => {
            let (factor, at, other) = if a.is_number() { (a, 2, b) } else { (b, 1, a) };
            let factor = read_factor(factor).map_err(|fault| fault.at(3 - at))?;
            let inner = score(other, depth, leaves).map_err(|fault| fault.at(at))?;
            Ok(Score::Product(factor, Box::new(inner)))
        }
        [Value::String(word), ..] if NOT_YET.contains(&word.as_str()) => {
            Err(Fault::not_yet(&format!("ranking by {word}")))
        }
        [Value::String(_), Value::String(word), ..] if is_order(word) => {
            Err(Fault::invalid(format!("{word:?} is not a part of a score")))
        }
        [Value::String(_), _, ..] => {
            *leaves += 1;
            let raw = serde_json::value::to_raw_value(json).map_err(|e| Fault::of_json(&e))?;
            read_filter(&raw).map(Score::Filter)
        }
        _ => Err(shape()),
    }
}

fn is_order(word: &str) -> bool {
    matches!(word, "asc" | "desc" | "ANN" | "kNN" | "SparseKNN")
}

fn read_factor(json: &Value) -> Result<f64, Fault> {
    let factor = json
        .as_f64()
        .filter(|factor| (0.0..=MAX_FACTOR).contains(factor));
    factor.ok_or_else(|| Fault::invalid(format!("expected a number between 0 and {MAX_FACTOR:e}")))
}

/// The token filter `operator`; `None` where it is another one.
pub(super) fn read_tokens(
    attribute: &str,
    operator: &str,
    input: &Value,
    rest: &[Value],
) -> Option<Result<Filter, Fault>> {
    let rule = match operator {
        "ContainsAllTokens" => TokenRule::All,
        "ContainsAnyToken" => TokenRule::Any,
        "ContainsTokenSequence" => TokenRule::Sequence,
        _ => return None,
    };
    Some(
        text_match(attribute, operator, input, rest).and_then(|tokens| {
            if rule == TokenRule::Sequence && tokens.last_as_prefix {
                return Err(Fault::not_yet(&format!("a parameter of {operator}")));
            }
            Ok(Filter::Tokens { rule, tokens })
        }),
    )
}

/// A text to look for, and how.
fn text_match(
    attribute: &str,
    operator: &str,
    input: &Value,
    rest: &[Value],
) -> Result<TextMatch, Fault> {
    let last_as_prefix = match rest {
        [] => false,
        [Value::Object(parameters)] => {
            let mut last_as_prefix = false;
            for (name, value) in parameters {
                match (name.as_str(), value) {
                    ("last_as_prefix", Value::Bool(on)) => last_as_prefix = *on,
                    (_, Value::Null) => {}
                    ("last_as_prefix", _) => {
                        return Err(Fault::unfit("expected a boolean").under(name).at(3));
                    }
                    _ => return Err(Fault::invalid(format!("unknown field `{name}`")).at(3)),
                }
            }
            last_as_prefix
        }
        _ => {
            let text = format!("expected one object of parameters after the text of {operator}");
            return Err(Fault::invalid(text));
        }
    };
    Ok(TextMatch {
        attribute: parse_name(attribute)?,
        input: text_input(input).map_err(|fault| fault.at(2))?,
        last_as_prefix,
    })
}

fn text_input(json: &Value) -> Result<TextInput, Fault> {
    let texts: Vec<&str> = match json {
        Value::Array(items) => {
            let texts = items.iter().map(Value::as_str).collect::<Option<_>>();
            texts.ok_or_else(|| Fault::invalid("expected an array of strings"))?
        }
        one => vec![
            one.as_str()
                .ok_or_else(|| Fault::invalid("expected a string, or an array of them"))?,
        ],
    };
    let chars: usize = texts.iter().map(|text| text.chars().count()).sum();
    // An array of empty strings holds nothing and still takes memory.
    if chars.max(texts.len()) > MAX_CHARS {
        let text = format!("{chars} characters are more than {MAX_CHARS}");
        return Err(Fault::invalid(text));
    }
    Ok(if json.is_array() {
        TextInput::Tokens(texts.into_iter().map(str::to_owned).collect())
    } else {
        TextInput::Text(texts.concat())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use isobath_query::search::Comparison;

    fn read(json: &str) -> Result<Score, String> {
        let json = RawValue::from_string(json.into()).unwrap();
        read_score(&json).map_err(|fault| fault.to_string())
    }

    fn text(text: &str, last_as_prefix: bool) -> TextMatch {
        TextMatch {
            attribute: "t".parse().unwrap(),
            input: TextInput::Text(text.into()),
            last_as_prefix,
        }
    }

    #[test]
    fn should_read_nested_scores() {
        let score = read(
            r#"["Sum",[["Product",2,["t","BM25","a"]],["Product",["Max",[["t","BM25","b",{"last_as_prefix":true}]]],0.5],
                ["n","Gt",1]]]"#,
        );
        let filter = Filter::Compare {
            attribute: "n".parse().unwrap(),
            comparison: Comparison::Gt,
            value: isobath_storage::model::Value::Int(1),
        };
        let bm25 = |word, prefix| Score::Bm25(text(word, prefix));
        assert_eq!(
            score,
            Ok(Score::Sum(vec![
                Score::Product(2.0, Box::new(bm25("a", false))),
                Score::Product(0.5, Box::new(Score::Max(vec![bm25("b", true)]))),
                Score::Filter(filter),
            ]))
        );
    }

    #[test]
    fn should_name_what_is_wrong() {
        for (json, text) in [
            (
                r#"["t","BM25",7]"#,
                "[2]: expected a string, or an array of them",
            ),
            (
                r#"["t","BM25",["a",7]]"#,
                "[2]: expected an array of strings",
            ),
            (
                r#"["t","BM25","a",{"fuzzy":1}]"#,
                "[3]: unknown field `fuzzy`",
            ),
            (
                r#"["Product",-1,["t","BM25","a"]]"#,
                "[1]: expected a number between 0 and 1e9",
            ),
            (
                r#"["Sum",[["Saturate",["t","BM25","a"],{}]]]"#,
                "[1][0]: ranking by Saturate is not supported yet",
            ),
            (
                r#"["Sum",[["n","asc"]]]"#,
                "[1][0]: \"asc\" is not a part of a score",
            ),
        ] {
            assert_eq!(read(json), Err(text.into()), "{json}");
        }
        let long = format!(r#"["t","BM25","{}"]"#, "x".repeat(9000));
        assert_eq!(
            read(&long),
            Err("[2]: 9000 characters are more than 8192".into())
        );
        let deep = format!(
            "{}[\"t\",\"BM25\",\"a\"]{}",
            "[\"Sum\",[".repeat(20),
            "]]".repeat(20)
        );
        assert!(read(&deep).unwrap_err().contains("nested deeper than 16"));
        let wide = format!("[\"Sum\",[{}]]", vec![r#"["t","BM25","a"]"#; 200].join(","));
        assert!(read(&wide).unwrap_err().contains("200 texts"));
    }
}
