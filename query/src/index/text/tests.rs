//! The analyzer by example, and the index against maps that are filled row by row.

use super::{Analyzer, Postings, TextIndex, TextSlot};
use crate::view::{Origin, RowSet, Version};
use isobath_storage::model::{
    Analysis, AttributeType, Column, FullText, IdColumn, Language, Rows, StampColumn, Tokenizer,
    Value,
};
use proptest::{prelude::*, sample::select};
use std::{collections::BTreeMap, sync::Arc};

fn terms(full_text: FullText, text: &str) -> Vec<String> {
    let mut terms = vec![];
    let analyzer = Analyzer::new(full_text.analysis());
    analyzer.terms(text, |term| terms.extend(term.map(str::to_owned)));
    terms
}

fn cut(tokenizer: Tokenizer, text: &str) -> Vec<String> {
    terms(FullText::of(tokenizer), text)
}

#[test]
fn should_cut_words() {
    use Tokenizer::{PreTokenizedArray, WordV0, WordV1, WordV2, WordV3, WordV4};
    for tokenizer in [WordV0, WordV1, WordV2, WordV3, WordV4] {
        assert_eq!(
            cut(tokenizer, "The quick-brown FOX, aged 3.5!"),
            ["the", "quick", "brown", "fox", "aged", "3", "5"]
        );
        assert_eq!(cut(tokenizer, "Ärger über Öl"), ["ärger", "über", "öl"]);
        assert!(cut(tokenizer, " -- ").is_empty());
    }
    let emoji = "hi 👩‍👩‍👧 there🇩🇪";
    assert_eq!(cut(WordV0, emoji), ["hi", "there"]);
    assert_eq!(cut(WordV1, emoji), ["hi", "👩‍👩‍👧", "there", "🇩🇪"]);
    assert_eq!(cut(WordV1, "日本 abc"), ["日本", "abc"]);
    assert_eq!(cut(WordV2, "日本abc"), ["日", "本", "abc"]);
    assert_eq!(cut(WordV2, "cafe\u{301}s"), ["cafe", "s"]);
    assert_eq!(cut(WordV3, "cafe\u{301}s"), ["cafe\u{301}s"]);
    assert_eq!(cut(WordV4, "cafe\u{301}s ﬁn"), ["cafés", "fin"]);
    assert_eq!(cut(PreTokenizedArray, "As it-is"), ["As it-is"]);
}

#[test]
fn should_do_as_it_is_told() {
    let full = FullText::default();
    let english = FullText {
        stemming: true,
        ..full
    };
    assert_eq!(
        terms(english, "Jumping foxes jumped"),
        ["jump", "fox", "jump"]
    );
    let plain = FullText {
        remove_stopwords: true,
        ..full
    };
    assert_eq!(terms(plain, "The fox is over there"), ["fox"]);
    let folded = FullText {
        ascii_folding: true,
        ..full
    };
    assert_eq!(
        terms(folded, "Straße Ærø déjà Łódź 日"),
        ["strasse", "aero", "deja", "lodz", "日"]
    );
    let cased = FullText {
        case_sensitive: true,
        ..full
    };
    assert_eq!(terms(cased, "Polish polish"), ["Polish", "polish"]);
    let short = FullText {
        max_token_length: 3,
        ..full
    };
    assert_eq!(terms(short, "one three six"), ["one", "six"]);
    let german = FullText {
        language: Language::German,
        remove_stopwords: true,
        ..english
    };
    assert_eq!(terms(german, "die Häuser der Katzen"), ["haus", "katz"]);
    let prefix = Analyzer::new(english.analysis()).prefix("many Jumping");
    assert_eq!(prefix.as_deref(), Some("jumping"));
}

const LANGUAGES: [Language; 18] = [
    Language::Arabic,
    Language::Danish,
    Language::Dutch,
    Language::English,
    Language::Finnish,
    Language::French,
    Language::German,
    Language::Greek,
    Language::Hungarian,
    Language::Italian,
    Language::Norwegian,
    Language::Portuguese,
    Language::Romanian,
    Language::Russian,
    Language::Spanish,
    Language::Swedish,
    Language::Tamil,
    Language::Turkish,
];

#[test]
fn should_have_stop_words_of_every_language() {
    for language in LANGUAGES {
        let full_text = FullText {
            language,
            remove_stopwords: true,
            ..FullText::default()
        };
        let analyzer = Analyzer::new(full_text.analysis());
        assert!(analyzer.stop_words() > 10, "{language:?}");
    }
}

fn set(texts: &[Option<String>]) -> RowSet {
    let values: Vec<Value> = texts
        .iter()
        .map(|text| {
            text.as_deref()
                .map_or(Value::Null, |text| Value::String(text.into()))
        })
        .collect();
    let column = Column::from_values("t".parse().unwrap(), string(), &values).unwrap();
    let ids = IdColumn::U64((0..texts.len() as u64).collect::<Vec<u64>>().into());
    let rows = Rows::new(ids, vec![column]).unwrap();
    let stamps = StampColumn::from_stamps(&[]).unwrap();
    RowSet::new(Origin::Delta, Arc::new(rows), stamps)
}

fn string() -> AttributeType {
    "string".parse().unwrap()
}

fn index(set: &RowSet, analysis: Analysis) -> Arc<TextIndex> {
    let attribute = "t".parse().unwrap();
    let index = TextSlot::index(set, &attribute, string(), analysis, &|| false);
    index.unwrap().unwrap()
}

fn pairs(postings: &Postings<'_>) -> Vec<(u32, u32)> {
    let pairs = postings.rows.iter().zip(&*postings.counts);
    pairs.map(|(row, count)| (*row, *count)).collect()
}

proptest! {
    #[test]
    fn should_stem_anything(
        language in select(LANGUAGES.to_vec()),
        ascii_folding: bool,
        text in "\\PC{0,60}",
        words in prop::collection::vec("[a-zäöüßéèñçøåæășțığöü'а-яё\u{e0}-\u{17f}\u{620}-\u{64a}\u{3b1}-\u{3c9}\u{b85}-\u{bcd}]{1,20}", 0..6),
    ) {
        let full_text = FullText { language, stemming: true, remove_stopwords: true, ascii_folding, ..FullText::default() };
        terms(full_text, &text);
        terms(full_text, &words.join(" "));
    }

    #[test]
    fn should_hold_what_the_rows_hold(
        rows in prop::collection::vec(prop::option::of(prop::collection::vec("[ab]{1,3}", 0..8)), 0..60),
        hidden in prop::collection::vec(0usize..60, 0..20),
        (word, prefix) in ("[ab]{1,3}", "[ab]{1,2}"),
    ) {
        let texts: Vec<Option<String>> = rows.iter().map(|row| row.as_ref().map(|row| row.join(" "))).collect();
        let set = set(&texts);
        let index = index(&set, FullText::default().analysis());
        let count = |wanted: &dyn Fn(&str) -> bool| -> Vec<(u32, u32)> {
            let mut found = BTreeMap::new();
            for (row, words) in rows.iter().enumerate() {
                for _ in words.iter().flatten().filter(|word| wanted(word)) {
                    *found.entry(row as u32).or_insert(0) += 1;
                }
            }
            found.into_iter().collect()
        };
        prop_assert_eq!(pairs(&index.postings(&word)), count(&|found| found == word));
        prop_assert_eq!(
            pairs(&index.postings_from(&prefix, Some(&word))),
            count(&|found| found.starts_with(&prefix) || found == word)
        );
        for row in hidden {
            set.hidden.hide(row, Version(2));
        }
        for version in [Version(1), Version(2), Version(1)] {
            let seen = rows.iter().enumerate();
            let seen = seen.filter(|(row, _)| set.is_visible(*row, version)).filter_map(|(_, row)| row.as_ref());
            let totals = index.totals(&set, version);
            prop_assert_eq!(totals.texts, seen.clone().count() as u64);
            prop_assert_eq!(totals.terms, seen.map(|row| row.len() as u64).sum::<u64>());
        }
    }
}

#[test]
fn should_be_made_anew_for_another_analysis() {
    let set = set(&[Some("Foxes".into()), None]);
    let plain = FullText::default();
    let first = index(&set, plain.analysis());
    assert!(Arc::ptr_eq(&first, &index(&set, plain.analysis())));
    assert!(first.has_text(0) && !first.has_text(1) && !first.has_text(2));
    let stemmed = FullText {
        stemming: true,
        k1: 2.0,
        ..plain
    };
    let second = index(&set, stemmed.analysis());
    assert_eq!(pairs(&second.postings("fox")), [(0, 1)]);
    assert!(second.postings("foxes").rows.is_empty());
}

#[test]
fn should_stop_when_it_is_told() {
    let set = set(&[Some("fox".into())]);
    let analysis = FullText::default().analysis();
    let found = TextSlot::index(&set, &"t".parse().unwrap(), string(), analysis, &|| true);
    assert!(found.is_err());
}
