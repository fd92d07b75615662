//! Answers do not tell where rows are stored: in one part, in several row sets, or in the delta.

use super::*;
use sample::Set;

/// The rows that are visible, in `pieces` row sets, parts or pieces of the delta.
fn moved(sets: &[Set], pieces: usize, part: bool) -> Vec<Set> {
    let rows = sets.iter().flat_map(|set| &set.rows);
    let mut rows: Vec<_> = rows.filter(|(_, row)| !row.hidden).cloned().collect();
    rows.sort_by_key(|(id, _)| *id);
    let mut moved: Vec<Set> = (0..pieces)
        .map(|_| Set {
            part,
            rows: vec![],
            retyped: false,
        })
        .collect();
    for (at, row) in rows.into_iter().enumerate() {
        moved[at % pieces].rows.push(row);
    }
    if !part {
        for set in &mut moved {
            set.rows.reverse();
        }
    }
    moved
}

fn queries(vector: &[f32], filter: Option<&Filter>) -> Vec<Query> {
    let v = || (sample::name("v"), vector.to_vec());
    let ((attribute, vector), (again, same)) = (v(), v());
    let ranks = [
        RankBy::Ann { attribute, vector },
        RankBy::Knn {
            attribute: again,
            vector: same,
        },
        RankBy::Sparse {
            attribute: sample::name("p"),
            weights: vec![(1, 1.0), (2, -0.5), (4, 2.0)],
        },
        RankBy::Order(vec![(sample::name("s"), Direction::Descending)]),
        RankBy::Id,
    ];
    let aggregates = ["i", "u", "f"].map(|a| (a.to_owned(), Aggregate::Sum(sample::name(a))));
    let keys = vec![
        ("s".to_owned(), GroupKey::Value(sample::name("s"))),
        ("t".to_owned(), GroupKey::EachElement(sample::name("tags"))),
    ];
    let per = PerLimit {
        attributes: vec![sample::name("b")],
        limit: 3,
    };
    let one = |rank_by| Query {
        include: Include::All,
        aggregates: aggregates.to_vec(),
        ..query(rank_by, filter.cloned())
    };
    let plain = ranks.clone().map(one);
    let diverse = ranks.map(|rank| Query {
        per: Some(per.clone()),
        group_by: Some(GroupBy {
            keys: keys.clone(),
            limit: 20,
        }),
        ..one(rank)
    });
    plain.into_iter().chain(diverse).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn should_not_tell_where_rows_are_stored(
        sets in sample::sets(),
        filter in prop::option::of(sample::filter()),
        vector in sample::vector(),
        pieces in 2usize..5,
    ) {
        let one = sample::view(&moved(&sets, 1, true));
        let parts = sample::view(&moved(&sets, pieces, true));
        let delta = sample::view(&moved(&sets, pieces, false));
        for query in queries(&vector, filter.as_ref()) {
            let want = answer(&one, &query).unwrap();
            for view in [&parts, &delta] {
                let found = answer(view, &query).unwrap();
                prop_assert_eq!(&found.rows, &want.rows);
                prop_assert_eq!(&found.aggregates, &want.aggregates);
                prop_assert_eq!(&found.groups, &want.groups);
            }
        }
    }
}
