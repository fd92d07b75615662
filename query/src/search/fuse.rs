//! [`fuse`]: one answer from several, by the ranks of their rows.

use super::{Answer, Fusion, Hit, aggregate::FloatSum};
use isobath_storage::model::Id;
use std::collections::HashMap;

/// One answer from those of several queries: a row's score is the sum over the answers that hold it of
/// weight / (rank constant + rank), its rank counted from 1. The highest comes first, equal ones by id.
///
/// A row brings along what it brought in any answer.
pub fn fuse(answers: Vec<Answer>, fusion: &Fusion) -> Answer {
    let mut fused = Answer::default();
    let mut rows: Vec<(Hit, FloatSum)> = vec![];
    let mut places: HashMap<Id, usize> = HashMap::new();
    for (number, answer) in answers.into_iter().enumerate() {
        if number == 0 {
            fused.stats.path = answer.stats.path;
        }
        fused.stats.add_answer(&answer.stats);
        let weight = fusion.weights.get(number).copied().unwrap_or(1.0);
        for (rank, hit) in (1u32..).zip(answer.rows) {
            let score = weight / (f64::from(fusion.rank_constant) + f64::from(rank));
            let place = *places.entry(hit.id.clone()).or_insert(rows.len());
            if let Some((known, sum)) = rows.get_mut(place) {
                sum.add(score);
                add_attributes(known, hit);
            } else {
                let mut sum = FloatSum::default();
                sum.add(score);
                rows.push((hit, sum));
            }
        }
    }
    let mut rows: Vec<(f64, Hit)> = rows
        .into_iter()
        .map(|(hit, sum)| (sum.total().unwrap_or(f64::MAX), hit))
        .collect();
    rows.sort_by(|(a, left), (b, right)| b.total_cmp(a).then_with(|| left.id.cmp(&right.id)));
    let rows = rows.into_iter().skip(fusion.offset).take(fusion.limit);
    fused.rows = rows.map(|(score, hit)| scored(score, hit)).collect();
    fused
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a score is given as a 32-bit float"
)]
fn scored(score: f64, hit: Hit) -> Hit {
    let score = score.min(f32::MAX.into()) as f32;
    Hit {
        distance: Some(score),
        ..hit
    }
}

fn add_attributes(known: &mut Hit, hit: Hit) {
    for (name, value) in hit.attributes {
        if !known.attributes.iter().any(|(known, _)| *known == name) {
            known.attributes.push((name, value));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn answer(ids: &[u64]) -> Answer {
        let hit = |id: &u64| Hit {
            id: Id::U64(*id),
            distance: Some(0.5),
            attributes: vec![],
        };
        Answer {
            rows: ids.iter().map(hit).collect(),
            ..Answer::default()
        }
    }

    fn fused(answers: &[Vec<u64>], fusion: &Fusion) -> Vec<(u64, f32)> {
        let answers = answers.iter().map(|ids| answer(ids)).collect();
        let rows = fuse(answers, fusion).rows.into_iter();
        let row = |hit: Hit| match hit.id {
            Id::U64(id) => (id, hit.distance.unwrap()),
            other => panic!("{other:?}"),
        };
        rows.map(row).collect()
    }

    fn fusion() -> Fusion {
        Fusion {
            rank_constant: 60,
            weights: vec![],
            limit: 100,
            offset: 0,
        }
    }

    #[test]
    fn should_prefer_what_several_answers_hold() {
        let found = fused(&[vec![1, 2, 3], vec![3, 4]], &fusion());
        let ids: Vec<u64> = found.iter().map(|(id, _)| *id).collect();
        assert_eq!(ids, [3, 1, 2, 4]);
        assert!((found[0].1 - (1.0f32 / 63.0 + 1.0 / 61.0)).abs() < 1e-8);
        let weighted = Fusion {
            weights: vec![1.0, 0.1],
            ..fusion()
        };
        assert_eq!(fused(&[vec![1, 2], vec![2, 1, 9]], &weighted)[0].0, 1);
    }

    proptest! {
        #[test]
        fn should_score_like_a_plain_sum(
            answers in prop::collection::vec(
                prop::sample::subsequence((0u64..12).collect::<Vec<_>>(), 0..12).prop_shuffle(), 1..5),
            weights in prop::collection::vec(0.25f64..4.0, 5),
            (rank_constant, limit, offset) in (1u32..90, 0usize..14, 0usize..5),
        ) {
            let mut scores: BTreeMap<u64, f64> = BTreeMap::new();
            for (ids, weight) in answers.iter().zip(&weights) {
                for (at, id) in ids.iter().enumerate() {
                    let rank = f64::from(u32::try_from(at + 1).unwrap());
                    *scores.entry(*id).or_default() += weight / (f64::from(rank_constant) + rank);
                }
            }
            let fusion = Fusion { rank_constant, weights, limit, offset };
            let found = fused(&answers, &fusion);
            prop_assert_eq!(found.len(), scores.len().saturating_sub(offset).min(limit));
            for pair in found.windows(2) {
                prop_assert!(pair[0].1 > pair[1].1 || (pair[0].1 - pair[1].1).abs() < 1e-7);
            }
            for (id, score) in &found {
                prop_assert!((f64::from(*score) - scores[id]).abs() < 1e-6);
            }
            let least = found.last().map_or(f64::MAX, |(_, score)| f64::from(*score));
            let better = scores.values().filter(|score| **score > least + 1e-6).count();
            prop_assert!(better <= offset + found.len());
        }

        #[test]
        fn should_not_depend_on_the_order_of_answers(
            answers in prop::collection::vec(
                prop::sample::subsequence((0u64..9).collect::<Vec<_>>(), 0..9).prop_shuffle(), 1..5),
        ) {
            let turned: Vec<_> = answers.iter().rev().cloned().collect();
            prop_assert_eq!(fused(&answers, &fusion()), fused(&turned, &fusion()));
        }
    }
}
