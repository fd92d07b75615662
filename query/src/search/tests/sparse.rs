//! Sparse vectors against the oracle.

use super::*;
use half::f16;
use isobath_storage::model::SparseVector;
use std::collections::BTreeMap;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn should_rank_sparse_vectors_like_the_oracle(
        sets in sample::sets(),
        filter in prop::option::of(sample::filter()),
        weights in prop::collection::btree_map(0u32..6, -2i8..3, 0..5),
        (limit, offset) in (1usize..12, 0usize..4),
    ) {
        let (view, oracle) = (sample::view(&sets), Oracle::new(&sets));
        let weights: BTreeMap<u32, f32> = weights.into_iter().map(|(d, w)| (d, f32::from(w))).collect();
        let attribute = sample::name("p");
        let product = |id: &u64| match oracle.get(*id, &attribute) {
            Value::Sparse(vector) => {
                let pairs = vector.weights().iter();
                pairs.map(|(dim, w)| w.to_f32() * weights.get(dim).copied().unwrap_or(0.0)).sum()
            }
            _ => 0.0f32,
        };
        let ids = oracle.passing(filter.as_ref()).into_iter();
        let mut want: Vec<(u64, f32)> = ids.map(|id| (id, product(&id))).collect();
        want.retain(|(_, product)| *product != 0.0);
        want.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        let query = Query {
            limit,
            offset,
            // In any order.
            ..query(RankBy::Sparse { attribute, weights: weights.into_iter().rev().collect() }, filter)
        };
        let found = answer(&view, &query).unwrap();
        let found = found.rows.into_iter().map(|hit| (hit.id, hit.distance.unwrap()));
        let want = want.into_iter().map(|(id, product)| (Id::U64(id), product));
        let want = want.skip(offset).take(limit);
        prop_assert_eq!(found.collect::<Vec<_>>(), want.collect::<Vec<_>>());
    }
}

#[test]
fn should_name_what_is_no_sparse_vector() {
    let vector = Value::Sparse(SparseVector::new([(1, f16::ONE)]).unwrap());
    let view = sample::view(&[sample::set(true, [(1, "p", vector)])]);
    let fault = |attribute: &str| {
        let rank = RankBy::Sparse {
            attribute: sample::name(attribute),
            weights: vec![(1, 1.0)],
        };
        answer(&view, &query(rank, None)).map_err(|e| e.to_string())
    };
    assert_eq!(fault("p").unwrap().rows.len(), 1);
    assert_eq!(
        fault("v").unwrap_err(),
        "invalid input for rank_by field \"v\": expecting a sparse vector attribute, not [3]f32"
    );
    let filter = Filter::Compare {
        attribute: sample::name("p"),
        comparison: Comparison::Eq,
        value: Value::Int(1),
    };
    let refused = answer(&view, &query(RankBy::Id, Some(filter))).unwrap_err();
    assert!(refused.to_string().contains("not filterable"), "{refused}");
}
