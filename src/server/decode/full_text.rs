//! [`read_full_text`]: the settings of full-text search as the API writes them.

use super::{Fault, Fields};
use isobath_storage::model::{FullText, Language, Tokenizer};
use serde_json::{Value, json, value::RawValue};

/// Reads `full_text_search`: on, off, or its settings. On comes with all settings, so that they stay what they
/// are when a default changes.
pub(super) fn read_full_text(json: &RawValue) -> Result<Value, Fault> {
    match json.get() {
        "true" => Ok(json!(FullText::default())),
        "false" => Ok(Value::Bool(false)),
        _ => read_settings(Fields::of(json)?).map(|full_text| json!(full_text)),
    }
}

fn read_settings(mut fields: Fields<'_>) -> Result<FullText, Fault> {
    let tokenizer = fields
        .take::<Tokenizer>("tokenizer")
        .map_err(Fault::of_value)?;
    let default = FullText::of(tokenizer.unwrap_or_default());
    let language = fields
        .take::<Language>("language")
        .map_err(Fault::of_value)?;
    let mut switch = |name, default| Ok::<_, Fault>(fields.take::<bool>(name)?.unwrap_or(default));
    let stemming = switch("stemming", default.stemming)?;
    let remove_stopwords = switch("remove_stopwords", default.remove_stopwords)?;
    let case_sensitive = switch("case_sensitive", default.case_sensitive)?;
    let ascii_folding = switch("ascii_folding", default.ascii_folding)?;
    let mut number = |name, default| Ok::<_, Fault>(fields.take::<f64>(name)?.unwrap_or(default));
    let (k1, b, k3) = (
        number("k1", default.k1)?,
        number("b", default.b)?,
        number("k3", default.k3)?,
    );
    let length = fields.take::<u64>("max_token_length")?;
    fields.finish()?;
    let full_text = FullText {
        tokenizer: default.tokenizer,
        language: language.unwrap_or(default.language),
        stemming,
        remove_stopwords,
        case_sensitive,
        ascii_folding,
        max_token_length: length.map_or(default.max_token_length, |length| {
            u8::try_from(length).unwrap_or(u8::MAX)
        }),
        k1,
        b,
        k3,
    };
    match full_text.fault() {
        Some((name, rule)) => Err(Fault::invalid(rule).under(name)),
        None => Ok(full_text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Value, String> {
        let json = RawValue::from_string(json.into()).unwrap();
        read_full_text(&json).map_err(|fault| fault.to_string())
    }

    #[test]
    fn should_write_out_all_settings() {
        assert_eq!(read("false"), Ok(json!(false)));
        assert_eq!(read("true"), Ok(json!(FullText::default())));
        let own = read(r#"{"tokenizer":"pre_tokenized_array","k1":2}"#).unwrap();
        assert_eq!(
            (&own["case_sensitive"], &own["k1"]),
            (&json!(true), &json!(2.0))
        );
    }

    #[test]
    fn should_name_the_member() {
        for (json, text) in [
            (
                r#"{"b":"x"}"#,
                "b: invalid type: string \"x\", expected f64",
            ),
            (r#"{"k1":-1}"#, "k1: expected a number from 0"),
            (
                r#"{"max_token_length":255}"#,
                "max_token_length: expected a number between 1 and 254",
            ),
            (r#"{"colour":1}"#, "unknown field `colour`"),
            (
                r#"{"tokenizer":"pre_tokenized_array","stemming":true}"#,
                "stemming: pre_tokenized_array takes tokens as they are",
            ),
        ] {
            assert_eq!(read(json), Err(text.into()), "{json}");
        }
        assert!(
            read(r#"{"language":"klingon"}"#)
                .unwrap_err()
                .starts_with("language: unknown")
        );
        assert!(read("1").is_err());
    }
}
