//! Cuts text into tokens as they stand in it.

use icu_normalizer::ComposingNormalizerBorrowed;
use icu_properties::{
    CodePointMapData, CodePointSetData, CodePointSetDataBorrowed,
    props::{ExtendedPictographic, GeneralCategory, Ideographic, RegionalIndicator},
};
use isobath_storage::model::Tokenizer;
use unicode_segmentation::UnicodeSegmentation;

const PICTOGRAPHS: CodePointSetDataBorrowed<'static> =
    CodePointSetData::new::<ExtendedPictographic>();
const FLAG_LETTERS: CodePointSetDataBorrowed<'static> =
    CodePointSetData::new::<RegionalIndicator>();
const IDEOGRAPHS: CodePointSetDataBorrowed<'static> = CodePointSetData::new::<Ideographic>();

/// Calls `found` for each token of `text`, in order.
pub(super) fn each(text: &str, tokenizer: Tokenizer, mut found: impl FnMut(&str)) {
    if tokenizer == Tokenizer::PreTokenizedArray {
        found(text);
    } else if text.is_ascii() {
        let words = text.split(|c: char| !c.is_ascii_alphanumeric());
        words.filter(|word| !word.is_empty()).for_each(found);
    } else if tokenizer == Tokenizer::WordV4 {
        let text = ComposingNormalizerBorrowed::new_nfkc().normalize(text);
        cut(&text, tokenizer, &mut found);
    } else {
        cut(text, tokenizer, &mut found);
    }
}

/// What a character is to a tokenizer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    /// It makes a word with its like.
    Letter,
    /// It goes on a word, but starts none.
    Mark,
    /// It is a token.
    Ideograph,
    /// With what belongs to the same glyph it is a token.
    Emoji,
    /// It ends a word.
    Other,
}

impl Class {
    fn of(c: char, tokenizer: Tokenizer) -> Self {
        if c.is_ascii() {
            return if c.is_ascii_alphanumeric() {
                Self::Letter
            } else {
                Self::Other
            };
        }
        let is = |level, class| {
            if tokenizer >= level {
                class
            } else {
                Self::Other
            }
        };
        if c.is_alphanumeric() {
            return if tokenizer >= Tokenizer::WordV2 && IDEOGRAPHS.contains(c) {
                Self::Ideograph
            } else {
                Self::Letter
            };
        }
        if PICTOGRAPHS.contains(c) || FLAG_LETTERS.contains(c) {
            return is(Tokenizer::WordV1, Self::Emoji);
        }
        let category = CodePointMapData::<GeneralCategory>::new().get(c);
        let mark = matches!(
            category,
            GeneralCategory::NonspacingMark | GeneralCategory::SpacingMark
        );
        // A variation selector changes how a character looks, not what it is.
        if mark && !('\u{FE00}'..='\u{FE0F}').contains(&c) {
            return is(Tokenizer::WordV3, Self::Mark);
        }
        Self::Other
    }
}

fn cut(text: &str, tokenizer: Tokenizer, found: &mut impl FnMut(&str)) {
    let mut word: Option<usize> = None;
    let mut skip_to = 0;
    for (at, c) in text.char_indices() {
        if at < skip_to {
            continue;
        }
        let class = Class::of(c, tokenizer);
        if class == Class::Letter || (class == Class::Mark && word.is_some()) {
            word.get_or_insert(at);
            continue;
        }
        if let Some(start) = word.take() {
            found(&text[start..at]);
        }
        let glyph = match class {
            Class::Ideograph => &text[at..at + c.len_utf8()],
            Class::Emoji => text[at..].graphemes(true).next().unwrap_or_default(),
            _ => continue,
        };
        found(glyph);
        skip_to = at + glyph.len();
    }
    if let Some(start) = word {
        found(&text[start..]);
    }
}
