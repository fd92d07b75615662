//! [`FullText`]: how the text of an attribute is searched.

use super::{AttributeType, ScalarType};
use serde::{Deserialize, Serialize};

/// The settings of full-text search over one attribute: how text becomes terms, and how matches score.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a member of the API, and all of them combine"
)]
pub struct FullText {
    /// How text is cut into tokens.
    pub tokenizer: Tokenizer,
    /// The language of stems and stop words.
    pub language: Language,
    /// Whether a token stands for all words of its stem.
    pub stemming: bool,
    /// Whether the language's most common words are left out.
    pub remove_stopwords: bool,
    /// Whether upper and lower case differ.
    pub case_sensitive: bool,
    /// Whether letters with marks are the same as those without.
    pub ascii_folding: bool,
    /// Longer tokens are left out; bytes, 1 to 254.
    pub max_token_length: u8,
    /// How slowly more occurrences of a term in a row add to its score; at least 0.
    pub k1: f64,
    /// How much the length of a row counts, 0 to 1.
    pub b: f64,
    /// How slowly more occurrences of a term in the query add to the score; at least 0.
    pub k3: f64,
}

impl Default for FullText {
    fn default() -> Self {
        Self {
            tokenizer: Tokenizer::default(),
            language: Language::default(),
            stemming: false,
            remove_stopwords: false,
            case_sensitive: false,
            ascii_folding: false,
            max_token_length: 39,
            k1: 1.2,
            b: 0.75,
            k3: 8.0,
        }
    }
}

/// The part of [`FullText`] that decides which terms a text holds: an index depends on nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "as in FullText")]
pub struct Analysis {
    /// How text is cut into tokens.
    pub tokenizer: Tokenizer,
    /// The language of stems and stop words; the default one where neither is asked for.
    pub language: Language,
    /// Whether tokens are stemmed.
    pub stemming: bool,
    /// Whether stop words are left out.
    pub remove_stopwords: bool,
    /// Whether upper and lower case differ.
    pub case_sensitive: bool,
    /// Whether letters with marks are the same as those without.
    pub ascii_folding: bool,
    /// Longer tokens are left out; bytes.
    pub max_token_length: u8,
}

/// How text is cut into tokens; a later one knows more of writing than those before.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Tokenizer {
    /// Runs of letters and digits.
    WordV0,
    /// The same, and emoji.
    WordV1,
    /// The same, but each ideograph is a token of its own.
    WordV2,
    /// The same, but a combining mark does not end a word.
    WordV3,
    /// The same, after NFKC: one letter is the same however it is encoded.
    #[default]
    WordV4,
    /// The strings of an array are the tokens, as they are.
    PreTokenizedArray,
}

/// A language that has a stemmer and stop words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "a language's name says all")]
pub enum Language {
    Arabic,
    Danish,
    Dutch,
    #[default]
    English,
    Finnish,
    French,
    German,
    Greek,
    Hungarian,
    Italian,
    Norwegian,
    Portuguese,
    Romanian,
    Russian,
    Spanish,
    Swedish,
    Tamil,
    Turkish,
}

impl FullText {
    /// The settings that a tokenizer has where the user says nothing.
    pub fn of(tokenizer: Tokenizer) -> Self {
        Self {
            tokenizer,
            case_sensitive: tokenizer == Tokenizer::PreTokenizedArray,
            ..Self::default()
        }
    }

    /// What a schema says: settings, true, or false or null for no full-text search.
    pub fn from_json(json: &serde_json::Value) -> Option<Self> {
        match json.as_bool() {
            Some(on) => on.then(Self::default),
            None => Self::deserialize(json).ok(),
        }
    }

    /// The member that is out of its range or contradicts another, and its rule.
    pub fn fault(&self) -> Option<(&'static str, &'static str)> {
        let not_negative = |value: f64| value.is_finite() && value >= 0.0;
        let ranges = [
            (not_negative(self.k1), "k1", "expected a number from 0"),
            (
                (0.0..=1.0).contains(&self.b),
                "b",
                "expected a number between 0 and 1",
            ),
            (not_negative(self.k3), "k3", "expected a number from 0"),
            (
                (1..=254).contains(&self.max_token_length),
                "max_token_length",
                "expected a number between 1 and 254",
            ),
        ];
        let wrong = ranges.into_iter().find(|(fits, ..)| !fits);
        wrong
            .map(|(_, name, rule)| (name, rule))
            .or_else(|| self.contradiction())
    }

    /// What the user's own tokens cannot have: they are taken as they are.
    fn contradiction(&self) -> Option<(&'static str, &'static str)> {
        if self.tokenizer != Tokenizer::PreTokenizedArray {
            return None;
        }
        let switches = [
            (self.stemming, "stemming"),
            (self.remove_stopwords, "remove_stopwords"),
            (!self.case_sensitive, "case_sensitive"),
            (self.ascii_folding, "ascii_folding"),
        ];
        let (_, name) = switches.into_iter().find(|(wrong, _)| *wrong)?;
        Some((name, "pre_tokenized_array takes tokens as they are"))
    }

    /// Whether values of type `ty` can be searched so.
    pub fn fits(&self, ty: AttributeType) -> bool {
        match ty {
            AttributeType::Scalar(ScalarType::String) => {
                self.tokenizer != Tokenizer::PreTokenizedArray
            }
            AttributeType::Array(ScalarType::String) => true,
            _ => false,
        }
    }

    /// What decides which terms a text holds.
    pub fn analysis(&self) -> Analysis {
        let by_language = self.stemming || self.remove_stopwords;
        Analysis {
            tokenizer: self.tokenizer,
            language: if by_language {
                self.language
            } else {
                Language::default()
            },
            stemming: self.stemming,
            remove_stopwords: self.remove_stopwords,
            case_sensitive: self.case_sensitive,
            ascii_folding: self.ascii_folding,
            max_token_length: self.max_token_length,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn should_expand_what_a_schema_leaves_out() {
        let full = FullText::from_json(&json!({"stemming": true, "tokenizer": "word_v1"})).unwrap();
        assert_eq!(
            json!(full),
            json!({
                "tokenizer": "word_v1", "language": "english", "stemming": true,
                "remove_stopwords": false, "case_sensitive": false, "ascii_folding": false,
                "max_token_length": 39, "k1": 1.2, "b": 0.75, "k3": 8.0,
            })
        );
        assert_eq!(FullText::from_json(&json!(true)), Some(FullText::default()));
        assert_eq!(FullText::from_json(&json!(false)), None);
        assert_eq!(FullText::from_json(&json!(null)), None);
        assert_eq!(FullText::from_json(&json!({"colour": 1})), None);
    }

    #[test]
    fn should_name_what_is_out_of_range() {
        let fault = |json| FullText::from_json(&json).unwrap().fault().map(|f| f.0);
        assert_eq!(fault(json!({})), None);
        assert_eq!(fault(json!({"b": 1.5})), Some("b"));
        assert_eq!(fault(json!({"k1": -0.1})), Some("k1"));
        assert_eq!(
            fault(json!({"max_token_length": 0})),
            Some("max_token_length")
        );
        let own = FullText::of(Tokenizer::PreTokenizedArray);
        assert_eq!(own.fault(), None);
        let stemmed = FullText {
            stemming: true,
            ..own
        };
        assert_eq!(stemmed.fault().map(|f| f.0), Some("stemming"));
    }

    #[test]
    fn should_fit_text_only() {
        let fits = |tokenizer, ty: &str| FullText::of(tokenizer).fits(ty.parse().unwrap());
        assert!(fits(Tokenizer::WordV4, "string"));
        assert!(fits(Tokenizer::WordV4, "[]string"));
        assert!(!fits(Tokenizer::WordV4, "int"));
        assert!(!fits(Tokenizer::PreTokenizedArray, "string"));
        assert!(fits(Tokenizer::PreTokenizedArray, "[]string"));
    }
}
