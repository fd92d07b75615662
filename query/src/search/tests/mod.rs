//! Searches against an oracle that goes row by row.

mod groups;
mod layout;
mod oracle;
mod patterns;
mod sample;
mod sparse;

use super::*;
use crate::view::View;
use isobath_storage::model::{Id, Value};
use oracle::Oracle;
use proptest::prelude::*;
use std::slice::from_ref;

/// Answers without a deadline, with empty caches.
pub(super) fn answer(view: &View, query: &Query) -> Result<Answer, SearchError> {
    let filters = FilterCache::new(1 << 20);
    let mut scratch = crate::index::Scratch::default();
    let mut context = SearchContext {
        filters: &filters,
        scratch: &mut scratch,
        deadline: None,
        answer_bytes: usize::MAX,
    };
    run(view, query, &mut context)
}

pub(super) fn query(rank_by: RankBy, filter: Option<Filter>) -> Query {
    Query {
        rank_by,
        filter,
        limit: 10,
        offset: 0,
        include: Include::Nothing,
        per: None,
        aggregates: vec![],
        group_by: None,
        recall_target: None,
    }
}

fn ids(answer: &Answer) -> Vec<Id> {
    answer.rows.iter().map(|hit| hit.id.clone()).collect()
}

fn page(ids: Vec<Id>, query: &Query) -> Vec<Id> {
    let page = ids.into_iter().skip(query.offset).take(query.limit);
    page.collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn should_filter_like_the_oracle(sets in sample::sets(), filter in sample::filter()) {
        let (view, oracle) = (sample::view(&sets), Oracle::new(&sets));
        let query = Query {
            limit: 1_000,
            aggregates: vec![("n".into(), Aggregate::Count)],
            ..query(RankBy::Id, Some(filter.clone()))
        };
        let found = answer(&view, &query).unwrap();
        let want = oracle.by_id(Some(&filter));
        prop_assert_eq!(found.aggregates[0].1, AggregateValue::Whole(want.len() as i128));
        prop_assert_eq!(ids(&found), want);
    }

    #[test]
    fn should_filter_by_one_condition_like_the_oracle(sets in sample::sets(), filter in sample::leaf()) {
        let (view, oracle) = (sample::view(&sets), Oracle::new(&sets));
        let query = Query { limit: 1_000, ..query(RankBy::Id, Some(filter.clone())) };
        prop_assert_eq!(ids(&answer(&view, &query).unwrap()), oracle.by_id(Some(&filter)));
    }

    #[test]
    fn should_order_like_the_oracle(
        sets in sample::sets(),
        filter in prop::option::of(sample::filter()),
        order in sample::order(),
        (limit, offset) in (0usize..12, 0usize..12),
    ) {
        let (view, oracle) = (sample::view(&sets), Oracle::new(&sets));
        let want = oracle.ordered(&order, filter.as_ref());
        let query = Query { limit, offset, ..query(RankBy::Order(order), filter) };
        prop_assert_eq!(ids(&answer(&view, &query).unwrap()), page(want, &query));
    }

    #[test]
    fn should_find_the_nearest_like_the_oracle(
        sets in sample::sets(),
        filter in prop::option::of(sample::filter()),
        (vector, limit, offset) in (sample::vector(), 0usize..12, 0usize..4),
    ) {
        let (view, oracle) = (sample::view(&sets), Oracle::new(&sets));
        let want = oracle.nearest(&vector, filter.as_ref());
        let attribute = sample::name("v");
        let knn = Query {
            limit,
            offset,
            ..query(RankBy::Knn { attribute: attribute.clone(), vector: vector.clone() }, filter)
        };
        let found = answer(&view, &knn).unwrap();
        let wanted = want.iter().skip(offset).take(limit);
        let distances = found.rows.iter().map(|hit| (hit.id.clone(), hit.distance.unwrap()));
        prop_assert_eq!(distances.collect::<Vec<_>>(), wanted.cloned().collect::<Vec<_>>());
        let ann = Query { rank_by: RankBy::Ann { attribute, vector }, ..knn };
        prop_assert_eq!(answer(&view, &ann).unwrap().rows, found.rows);
    }
}

#[test]
fn should_bring_the_attributes_that_are_asked_for() {
    let sets = [sample::set(
        true,
        [
            (7, "s", Value::String("x".into())),
            (3, "i", Value::Int(-4)),
        ],
    )];
    let view = sample::view(&sets);
    let ask = |include| {
        let query = Query {
            include,
            ..query(RankBy::Id, None)
        };
        let rows = answer(&view, &query).unwrap().rows;
        let row = |hit: Hit| (hit.id, hit.attributes);
        rows.into_iter().map(row).collect::<Vec<_>>()
    };
    let s = (sample::name("s"), Value::String("x".into()));
    let i = (sample::name("i"), Value::Int(-4));
    let with =
        |three: &[_], seven: &[_]| vec![(Id::U64(3), three.to_vec()), (Id::U64(7), seven.to_vec())];
    assert_eq!(ask(Include::Nothing), with(&[], &[]));
    assert_eq!(ask(Include::All), with(from_ref(&i), from_ref(&s)));
    let names = || {
        vec![
            sample::name("id"),
            sample::name("s"),
            sample::name("unknown"),
        ]
    };
    assert_eq!(ask(Include::Only(names())), with(&[], &[s]));
    assert_eq!(ask(Include::Except(names())), with(&[i], &[]));
}

#[test]
fn should_take_times_and_uuids_as_text() {
    let uuid = "00000000-0000-0000-0000-000000000007";
    let sets = [sample::set(
        false,
        [
            (1, "d", Value::Datetime(86_400_000)),
            (2, "k", Value::Uuid(uuid.parse().unwrap())),
        ],
    )];
    let view = sample::view(&sets);
    let find = |attribute, text: &str| {
        let filter = Filter::Compare {
            attribute: sample::name(attribute),
            comparison: Comparison::Eq,
            value: Value::String(text.into()),
        };
        answer(&view, &query(RankBy::Id, Some(filter))).map(|found| ids(&found))
    };
    assert_eq!(find("d", "1970-01-02T00:00:00Z").unwrap(), [Id::U64(1)]);
    assert_eq!(find("k", uuid).unwrap(), [Id::U64(2)]);
    assert!(find("k", "seven").is_err());
    assert!(find("d", "seven").is_err());
}

#[test]
fn should_see_the_rows_of_its_version() {
    let sets = [sample::set(true, (0..5).map(|id| (id, "i", Value::Int(1))))];
    let mut view = sample::view(&sets);
    view.sets[0]
        .hidden
        .hide(2, crate::view::Version(view.version.0 + 1));
    let filter = Filter::Compare {
        attribute: sample::name("i"),
        comparison: Comparison::Eq,
        value: Value::Int(1),
    };
    let query = query(RankBy::Id, Some(filter));
    assert_eq!(answer(&view, &query).unwrap().rows.len(), 5);
    view.version = view.version.next();
    let left: Vec<Id> = [0, 1, 3, 4].map(Id::U64).into();
    assert_eq!(ids(&answer(&view, &query).unwrap()), left);
}

#[test]
fn should_say_what_does_not_fit() {
    let view = sample::view(&[]);
    let compare = |attribute: &str, comparison, value| {
        let attribute = sample::name(attribute);
        let filter = Filter::Compare {
            attribute,
            comparison,
            value,
        };
        answer(&view, &query(RankBy::Id, Some(filter)))
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        compare("tags", Comparison::Eq, Value::Int(1)),
        "filter error in key `tags`: type mismatch, Eq expects []string, but got '1'"
    );
    assert_eq!(
        compare("i", Comparison::Lt, Value::Bool(true)),
        "filter error in key `i`: type mismatch, Lt expects int, but got 'true'"
    );
    assert_eq!(
        compare("v", Comparison::Gt, Value::Int(1)),
        "filter error in key `v`: Gt does not compare values of type [3]f32"
    );
    assert_eq!(
        compare("closed", Comparison::Eq, Value::Int(1)),
        "filter error in key `closed`: the attribute is not filterable: its schema says \
         `filterable: false`, or has it searched in another way"
    );
    let rank = |rank| answer(&view, &query(rank, None)).unwrap_err().to_string();
    let knn = |attribute: &str, vector| RankBy::Knn {
        attribute: sample::name(attribute),
        vector,
    };
    assert_eq!(
        rank(knn("v", vec![0.0; 2])),
        "invalid input for rank_by field \"v\": a vector of 2 dimensions, expecting [3]f32"
    );
    assert_eq!(
        rank(knn("nope", vec![0.0; 2])),
        "invalid input for rank_by field \"nope\": the schema has no such attribute"
    );
    assert_eq!(
        rank(RankBy::Order(vec![(
            sample::name("tags"),
            Direction::Ascending
        )])),
        "invalid input for rank_by field \"tags\": values of type []string have no order"
    );
}

#[test]
fn should_refuse_patterns_and_filters_that_cannot_be_evaluated() {
    let view = sample::view(&[]);
    let fault = |filter| {
        answer(&view, &query(RankBy::Id, Some(filter)))
            .unwrap_err()
            .to_string()
    };
    let glob = |attribute, syntax| {
        fault(Filter::Matches {
            attribute: sample::name(attribute),
            pattern: Pattern {
                syntax,
                text: "[".into(),
            },
            negated: true,
        })
    };
    assert_eq!(
        glob("unknown", Syntax::CaseInsensitiveGlob),
        "filter error in key `unknown`: the pattern \"[\" is no glob: an opening bracket \
         without a closing one"
    );
    let tests = |count| {
        let is_null = Filter::Compare {
            attribute: sample::name("i"),
            comparison: Comparison::Eq,
            value: Value::Null,
        };
        Filter::Or(vec![is_null; count])
    };
    assert!(answer(&view, &query(RankBy::Id, Some(tests(4_000)))).is_ok());
    assert_eq!(
        fault(tests(5_000)),
        "a filter has at most 4096 conditions; `In` takes any number of values"
    );
}
