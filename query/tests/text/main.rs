//! Full-text search of the sample data against a reference that goes text by text.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may")]
#![expect(clippy::cast_precision_loss, reason = "a few thousand words")]

mod files;
mod glosses;
mod reference;

use glosses::{Gloss, glosses, name, score, search, sequence, view};
use isobath_query::{
    search::{Answer, Filter, Score, TextInput, TextMatch, TokenRule},
    view::{Origin, RowSet, Version, View},
};
use isobath_storage::model::{FullText, Id};
use reference::Reference;
use std::sync::Arc;

/// Queries of one to five words, from words of the texts: rare ones and common ones.
fn queries(glosses: &[Gloss], count: usize) -> Vec<String> {
    let words = |text: &str| reference::words(text);
    let query = |at: usize| {
        let gloss = &glosses[at * 7919 % glosses.len()];
        let words = words(gloss.text.as_deref().unwrap_or("water"));
        let picked = (0..=at % 5).map(|n| words[(at + n * 3) % words.len()].clone());
        picked.collect::<Vec<_>>().join(" ")
    };
    (0..count).map(query).collect()
}

fn bm25(text: &str) -> Score {
    Score::Bm25(TextMatch {
        attribute: name("text"),
        input: TextInput::Text(text.into()),
        last_as_prefix: false,
    })
}

/// The rows of an answer are those of the reference, with scores equal to 1e-4.
fn assert_same(answer: &Answer, wanted: &[(u64, f64)], limit: usize) {
    assert_eq!(answer.rows.len(), wanted.len().min(limit));
    for (hit, (_, score)) in answer.rows.iter().zip(wanted) {
        let found = f64::from(hit.distance.unwrap());
        assert!((found - score).abs() <= 1e-4 * score, "{found} {score}");
        let Id::U64(id) = hit.id else { panic!() };
        let own = wanted.iter().find(|(other, _)| *other == id).unwrap().1;
        assert!((found - own).abs() <= 1e-4 * own, "{id}: {found} {own}");
    }
    let ordered = answer
        .rows
        .is_sorted_by(|a, b| a.distance > b.distance || (a.distance == b.distance && a.id < b.id));
    assert!(ordered);
}

fn assert_like_the_reference(view: &View, reference: &Reference, queries: &[String]) {
    for query in queries {
        let wanted = reference.bm25(query);
        for limit in [10, 1_000] {
            assert_same(&search(view, bm25(query), None, limit), &wanted, limit);
        }
    }
}

fn part(hash: &str) -> Origin {
    Origin::Part(hash.into())
}

#[test]
fn should_score_like_the_reference_in_parts_and_in_the_delta() {
    let glosses = glosses();
    let full_text = FullText::default();
    let reference = Reference::new(&glosses, full_text);
    let queries = queries(&glosses, 60);
    let split: [Vec<(Origin, &[Gloss])>; 3] = [
        vec![(part("a"), &glosses)],
        vec![(Origin::Delta, &glosses)],
        vec![
            (part("a"), &glosses[..900]),
            (part("b"), &glosses[900..901]),
            (Origin::Delta, &glosses[901..1_500]),
            (Origin::Delta, &glosses[1_500..]),
        ],
    ];
    for sets in split {
        let view = view(sets, full_text);
        assert_like_the_reference(&view, &reference, &queries);
    }
}

#[test]
fn should_count_only_rows_that_the_view_sees() {
    let mut glosses = glosses();
    let full_text = FullText {
        k1: 0.9,
        b: 0.4,
        k3: 2.0,
        ..FullText::default()
    };
    let queries = queries(&glosses, 40);
    let old = view(
        vec![
            (part("a"), &glosses[..1_200]),
            (Origin::Delta, &glosses[1_200..]),
        ],
        full_text,
    );
    assert_like_the_reference(&old, &Reference::new(&glosses, full_text), &queries);
    // Every seventh row is deleted, every eleventh gets the text of another, in a row set of its own.
    let mut moved = vec![];
    for (at, gloss) in glosses.iter_mut().enumerate() {
        if at % 7 == 0 || at % 11 == 0 {
            let (set, row) = if at < 1_200 { (0, at) } else { (1, at - 1_200) };
            old.sets[set].hidden.hide(row, Version(2));
        }
        if at % 7 != 0 && at % 11 == 0 {
            gloss.text = (at % 3 != 0).then(|| format!("water of row {at} in the water"));
            moved.push(gloss.clone());
        }
    }
    assert_like_the_reference(&old, &Reference::new(&self::glosses(), full_text), &queries);
    let mut at = 0;
    glosses.retain(|_| {
        at += 1;
        (at - 1) % 7 != 0
    });
    let delta = view(vec![(Origin::Delta, &moved)], full_text);
    let sets: Vec<Arc<RowSet>> = old.sets.iter().chain(delta.sets.iter()).cloned().collect();
    let new = View {
        sets: sets.into(),
        version: Version(2),
        ..old
    };
    assert_like_the_reference(&new, &Reference::new(&glosses, full_text), &queries);
}

#[test]
fn should_combine_scores() {
    let glosses = glosses();
    let full_text = FullText {
        stemming: true,
        ..FullText::default()
    };
    let view = view(
        vec![
            (part("a"), &glosses[..700]),
            (Origin::Delta, &glosses[700..]),
        ],
        full_text,
    );
    let all = |score| sequence(&search(&view, score, None, 10_000));
    let (a, b) = (all(bm25("flowing waters")), all(bm25("large animals")));
    let of = |list: &[(u64, f64)], id| list.iter().find(|(n, _)| *n == id).map_or(0.0, |x| x.1);
    let check = |score, expected: &dyn Fn(u64) -> f64| {
        let found = all(score);
        let wanted = glosses.iter().filter(|gloss| expected(gloss.id) > 0.0);
        assert_eq!(found.len(), wanted.count());
        for (id, score) in found {
            assert!((score - expected(id)).abs() <= 1e-4 * score, "{id} {score}");
        }
    };
    assert!(a.len() > 3 && b.len() > 3);
    let both = || vec![bm25("flowing waters"), bm25("large animals")];
    check(Score::Sum(both()), &|id| of(&a, id) + of(&b, id));
    check(Score::Max(both()), &|id| of(&a, id).max(of(&b, id)));
    let half = |score| Score::Product(0.5, Box::new(score));
    check(half(Score::Max(both())), &|id| {
        0.5 * of(&a, id).max(of(&b, id))
    });
    let token = Filter::Tokens {
        rule: TokenRule::Any,
        tokens: TextMatch {
            attribute: name("text"),
            input: TextInput::Text("animal".into()),
            last_as_prefix: false,
        },
    };
    let animals = all(Score::Filter(token.clone()));
    assert!(animals.iter().all(|(_, score)| (score - 1.0).abs() < 1e-9) && !animals.is_empty());
    let boosted = Score::Sum(vec![
        bm25("flowing waters"),
        half(Score::Filter(token.clone())),
    ]);
    check(boosted, &|id| of(&a, id) + 0.5 * of(&animals, id));
    let filtered = search(&view, bm25("large animals"), Some(token), 10_000);
    let wanted: Vec<u64> = b
        .iter()
        .filter(|(id, _)| of(&animals, *id) > 0.0)
        .map(|x| x.0)
        .collect();
    let found: Vec<u64> = sequence(&filtered).iter().map(|x| x.0).collect();
    assert_eq!(found, wanted);
    check(Score::Product(0.0, Box::new(bm25("water"))), &|_| 0.0);
}

#[test]
fn should_find_what_starts_with_the_last_token() {
    let glosses = glosses();
    let view = view(
        vec![
            (part("a"), &glosses[..700]),
            (Origin::Delta, &glosses[700..]),
        ],
        FullText::default(),
    );
    let reference = Reference::new(&glosses, FullText::default());
    for (text, last) in [
        ("a large mam", "mam"),
        ("wat", "wat"),
        ("xyzzy", "xyzzy"),
        ("of t", "t"),
    ] {
        let score = Score::Bm25(TextMatch {
            attribute: name("text"),
            input: TextInput::Text(text.into()),
            last_as_prefix: true,
        });
        assert_same(
            &search(&view, score, None, 5_000),
            &reference.bm25_with_prefix(text, last),
            5_000,
        );
    }
}

#[test]
fn should_filter_by_tokens_like_the_reference() {
    let glosses = glosses();
    let view = view(
        vec![
            (part("a"), &glosses[..1_100]),
            (Origin::Delta, &glosses[1_100..]),
        ],
        FullText::default(),
    );
    view.sets[0].hidden.hide(3, Version(1));
    let reference = Reference::new(&glosses, FullText::default());
    let hidden = glosses[3].id;
    let mut queries = queries(&glosses, 40);
    queries.extend([
        "of the".into(),
        "the of".into(),
        "in a".into(),
        String::new(),
    ]);
    for text in &queries {
        for rule in [TokenRule::All, TokenRule::Any, TokenRule::Sequence] {
            let filter = Filter::Tokens {
                rule,
                tokens: TextMatch {
                    attribute: name("text"),
                    input: TextInput::Text(text.clone()),
                    last_as_prefix: false,
                },
            };
            let found = score(&view, Score::Filter(filter.clone()));
            let mut wanted = reference.holding(text, rule);
            wanted.retain(|id| *id != hidden);
            assert_eq!(found, wanted, "{rule:?} {text:?}");
            let others = score(&view, Score::Filter(Filter::Not(Box::new(filter))));
            assert_eq!(others.len(), glosses.len() - 1 - wanted.len());
        }
    }
}
