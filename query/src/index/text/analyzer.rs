//! [`Analyzer`]: from text to terms.

use super::{fold, pieces};
use frostem::{Algorithm, Stemmer};
use isobath_storage::model::{Analysis, Language, Tokenizer};
use std::{borrow::Cow, collections::HashSet, fmt};

/// Turns text into terms: the same way for what is indexed and for what is asked.
pub struct Analyzer {
    analysis: Analysis,
    stemmer: Option<Stemmer>,
    stop_words: HashSet<&'static str>,
}

impl Analyzer {
    /// One that does as `analysis` says.
    pub fn new(analysis: Analysis) -> Self {
        let (stemmer, stop_words) = (
            analysis
                .stemming
                .then(|| Stemmer::new(algorithm(analysis.language))),
            analysis
                .remove_stopwords
                .then(|| stop_words(analysis.language)),
        );
        Self {
            analysis,
            stemmer,
            stop_words: stop_words.unwrap_or_default().iter().copied().collect(),
        }
    }

    /// What it does.
    pub fn analysis(&self) -> &Analysis {
        &self.analysis
    }

    /// Whether it cuts texts into tokens, in place of taking each for one.
    pub fn cuts(&self) -> bool {
        self.analysis.tokenizer != Tokenizer::PreTokenizedArray
    }

    /// Calls `found` for the term of each token of `text`, in order; with none for a stop word.
    pub fn terms(&self, text: &str, mut found: impl FnMut(Option<&str>)) {
        self.pieces(text, |piece| found(self.term(piece).as_deref()));
    }

    /// The last token of `text` as what terms may start with: neither stemmed nor left out.
    pub fn prefix(&self, text: &str) -> Option<String> {
        let mut last = None;
        self.pieces(text, |piece| last = Some(self.letters(piece).into_owned()));
        last
    }

    /// Calls `found` for each token of `text`, as it stands there.
    pub(super) fn pieces(&self, text: &str, mut found: impl FnMut(&str)) {
        let longest = usize::from(self.analysis.max_token_length);
        pieces::each(text, self.analysis.tokenizer, |piece| {
            if piece.len() <= longest {
                found(piece);
            }
        });
    }

    /// The term of a token; none where it is left out.
    pub(super) fn term<'t>(&self, piece: &'t str) -> Option<Cow<'t, str>> {
        if !self.stop_words.is_empty() && self.stop_words.contains(&*lower(piece)) {
            return None;
        }
        let letters = self.letters(piece);
        let Some(stemmer) = self.stemmer else {
            return Some(letters);
        };
        Some(match letters {
            Cow::Borrowed(letters) => stemmer.stem(letters),
            Cow::Owned(letters) => Cow::Owned(stemmer.stem(&letters).into_owned()),
        })
    }

    /// A token in the case and the letters that count.
    fn letters<'t>(&self, piece: &'t str) -> Cow<'t, str> {
        let cased = if self.analysis.case_sensitive {
            Cow::Borrowed(piece)
        } else {
            lower(piece)
        };
        if self.analysis.ascii_folding && !cased.is_ascii() {
            Cow::Owned(fold::to_ascii(&cased))
        } else {
            cased
        }
    }
}

#[cfg(test)]
impl Analyzer {
    pub(super) fn stop_words(&self) -> usize {
        self.stop_words.len()
    }
}

impl fmt::Debug for Analyzer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.analysis.fmt(f)
    }
}

fn lower(token: &str) -> Cow<'_, str> {
    let plain = |b: u8| b.is_ascii() && !b.is_ascii_uppercase();
    if token.bytes().all(plain) {
        Cow::Borrowed(token)
    } else {
        Cow::Owned(token.to_lowercase())
    }
}

fn algorithm(language: Language) -> Algorithm {
    match language {
        Language::Arabic => Algorithm::Arabic,
        Language::Danish => Algorithm::Danish,
        Language::Dutch => Algorithm::Dutch,
        Language::English => Algorithm::English,
        Language::Finnish => Algorithm::Finnish,
        Language::French => Algorithm::French,
        Language::German => Algorithm::German,
        Language::Greek => Algorithm::Greek,
        Language::Hungarian => Algorithm::Hungarian,
        Language::Italian => Algorithm::Italian,
        Language::Norwegian => Algorithm::Norwegian,
        Language::Portuguese => Algorithm::Portuguese,
        Language::Romanian => Algorithm::Romanian,
        Language::Russian => Algorithm::Russian,
        Language::Spanish => Algorithm::Spanish,
        Language::Swedish => Algorithm::Swedish,
        Language::Tamil => Algorithm::Tamil,
        Language::Turkish => Algorithm::Turkish,
    }
}

/// The most common words of a language, in lower case.
fn stop_words(language: Language) -> &'static [&'static str] {
    let code = match language {
        Language::Arabic => "ar",
        Language::Danish => "da",
        Language::Dutch => "nl",
        Language::English => "en",
        Language::Finnish => "fi",
        Language::French => "fr",
        Language::German => "de",
        Language::Greek => "el",
        Language::Hungarian => "hu",
        Language::Italian => "it",
        Language::Norwegian => "no",
        Language::Portuguese => "pt",
        Language::Romanian => "ro",
        Language::Russian => "ru",
        Language::Spanish => "es",
        Language::Swedish => "sv",
        Language::Tamil => "ta",
        Language::Turkish => "tr",
    };
    stop_words::lookup(code).unwrap_or_default()
}
