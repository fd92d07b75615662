//! Aggregates, groups and limits by kind against the oracle.

use super::*;
use isobath_storage::model::AttributeName;
use proptest::sample::select;
use std::collections::{BTreeMap, BTreeSet};

/// A value as a text that is equal for equal values.
fn text(value: &Value) -> String {
    match value {
        Value::Float(f) => format!("{:?}", f + 0.0),
        value => format!("{value:?}"),
    }
}

fn aggregates() -> Vec<(String, Aggregate)> {
    let sum = |attribute: &str| {
        (
            format!("sum {attribute}"),
            Aggregate::Sum(sample::name(attribute)),
        )
    };
    vec![
        ("rows".into(), Aggregate::Count),
        ("with s".into(), Aggregate::CountOf(sample::name("s"))),
        sum("i"),
        sum("u"),
        sum("f"),
    ]
}

/// The aggregates of some rows, value by value.
fn expected(oracle: &Oracle, ids: &[u64]) -> Vec<AggregateValue> {
    let values = |attribute: &str| -> Vec<Value> {
        let attribute = sample::name(attribute);
        ids.iter().map(|id| oracle.get(*id, &attribute)).collect()
    };
    let whole = |value: &Value| match value {
        Value::Int(n) => i128::from(*n),
        Value::Uint(n) => i128::from(*n),
        _ => 0,
    };
    let count = |n: usize| AggregateValue::Whole(n as i128);
    let sum = |attribute| AggregateValue::Whole(values(attribute).iter().map(whole).sum());
    // Every float of the sample is a whole number of quarters below 2^66.
    let quarters: i128 = values("f").iter().filter_map(oracle::quarters).sum();
    let quarters: f64 = quarters.to_string().parse().unwrap();
    vec![
        count(ids.len()),
        count(values("s").iter().filter(|v| !v.is_null()).count()),
        sum("i"),
        sum("u"),
        AggregateValue::Float(quarters / 4.0),
    ]
}

/// The keys of a row: one value, or each different element.
fn keys(value: &Value, each: bool) -> Vec<String> {
    match value {
        Value::Array(items) => {
            let items = items.iter().filter(|v| !v.is_null());
            let items: BTreeSet<String> = items.map(text).collect();
            items.into_iter().collect()
        }
        Value::Null if each => vec![],
        value => vec![text(value)],
    }
}

fn group_by() -> impl Strategy<Value = Vec<GroupKey>> {
    let scalar = select(vec!["b", "d", "f", "i", "k", "s", "u", "closed"]);
    let key = prop_oneof![
        3 => scalar.prop_map(|a| GroupKey::Value(sample::name(a))),
        1 => select(vec!["tags", "nums", "s"]).prop_map(|a| GroupKey::EachElement(sample::name(a))),
    ];
    prop::collection::vec(key, 1..4)
}

fn attribute(key: &GroupKey) -> (&AttributeName, bool) {
    match key {
        GroupKey::Value(attribute) => (attribute, false),
        GroupKey::EachElement(attribute) => (attribute, true),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn should_aggregate_like_the_oracle(
        sets in sample::sets(),
        filter in prop::option::of(sample::filter()),
    ) {
        let (view, oracle) = (sample::view(&sets), Oracle::new(&sets));
        let query = Query {
            limit: 0,
            aggregates: aggregates(),
            ..query(RankBy::Id, filter.clone())
        };
        let found = answer(&view, &query).unwrap();
        let values: Vec<AggregateValue> = found.aggregates.iter().map(|(_, v)| *v).collect();
        prop_assert_eq!(values, expected(&oracle, &oracle.passing(filter.as_ref())));
        prop_assert_eq!(found.groups, None);
    }

    #[test]
    fn should_group_like_the_oracle(
        sets in sample::sets(),
        filter in prop::option::of(sample::filter()),
        by in group_by(),
        limit in 1usize..40,
    ) {
        let (view, oracle) = (sample::view(&sets), Oracle::new(&sets));
        let mut groups: BTreeMap<Vec<String>, Vec<u64>> = BTreeMap::new();
        for id in oracle.passing(filter.as_ref()) {
            let mut rows = vec![vec![]];
            for key in &by {
                let (attribute, each) = attribute(key);
                let ends = keys(&oracle.get(id, attribute), each);
                let with = |start: &Vec<String>| -> Vec<Vec<String>> {
                    ends.iter().map(|end| [&start[..], from_ref(end)].concat()).collect()
                };
                rows = rows.iter().flat_map(with).collect();
            }
            for key in rows {
                groups.entry(key).or_default().push(id);
            }
        }
        let keys = by.into_iter().enumerate().map(|(at, key)| (at.to_string(), key)).collect();
        let query = Query {
            limit: 0,
            aggregates: aggregates(),
            group_by: Some(GroupBy { keys, limit }),
            ..query(RankBy::Id, filter)
        };
        let found = answer(&view, &query).unwrap().groups.unwrap();
        prop_assert_eq!(found.len(), groups.len().min(limit));
        for group in &found {
            let key: Vec<String> = group.key.iter().map(text).collect();
            prop_assert_eq!(&group.aggregates, &expected(&oracle, &groups[&key]));
        }
        let sorted = |pair: &[Group]| {
            let pairs = pair[0].key.iter().zip(&pair[1].key);
            let mut orders = pairs.map(|(a, b)| oracle::compare(a, b));
            orders.find(|order| order.is_ne()).is_some_and(std::cmp::Ordering::is_lt)
        };
        prop_assert!(found.windows(2).all(sorted), "{found:?}");
    }

    #[test]
    fn should_limit_each_kind_like_the_oracle(
        sets in sample::sets(),
        filter in prop::option::of(sample::filter()),
        order in sample::order(),
        attributes in prop::collection::vec(select(vec!["b", "s", "i", "tags", "f"]), 1..3),
        (per, limit, offset) in (1usize..4, 1usize..12, 0usize..4),
    ) {
        let (view, oracle) = (sample::view(&sets), Oracle::new(&sets));
        let attributes: Vec<AttributeName> = attributes.into_iter().map(sample::name).collect();
        let mut seen: BTreeMap<Vec<String>, usize> = BTreeMap::new();
        let mut comes_through = |id: &Id| {
            let Id::U64(id) = id else { return false };
            let values = attributes.iter().map(|a| oracle.get(*id, a));
            let count = seen.entry(values.map(|v| text(&v)).collect()).or_default();
            *count += 1;
            *count <= per
        };
        let mut ids = oracle.ordered(&order, filter.as_ref());
        ids.retain(|id| comes_through(id));
        let query = Query {
            per: Some(PerLimit { attributes: attributes.clone(), limit: per }),
            limit,
            offset,
            ..query(RankBy::Order(order), filter)
        };
        prop_assert_eq!(self::ids(&answer(&view, &query).unwrap()), page(ids, &query));
    }
}

/// More rows than are ranked at first.
#[test]
fn should_go_on_until_there_are_enough_kinds() {
    let row = |id: u64| (id, "i", Value::Int(i64::from(id >= 900)));
    let view = sample::view(&[sample::set(true, (0..950).map(row))]);
    let ask = |limit, offset| {
        let per = PerLimit {
            attributes: vec![sample::name("i")],
            limit: 2,
        };
        let query = Query {
            per: Some(per),
            limit,
            offset,
            ..query(RankBy::Id, None)
        };
        ids(&answer(&view, &query).unwrap())
    };
    assert_eq!(ask(3, 0), [0, 1, 900].map(Id::U64));
    assert_eq!(ask(9, 1), [1, 900, 901].map(Id::U64));
}

#[test]
fn should_refuse_what_cannot_be_aggregated() {
    let rows = (0..10_001).map(|id| (id, "i", Value::Int(1)));
    let view = sample::view(&[sample::set(true, rows)]);
    let fault = |aggregate: Aggregate, key: Option<&str>| {
        let by = |key: &str| GroupBy {
            keys: vec![("key".into(), GroupKey::Value(sample::name(key)))],
            limit: 10,
        };
        let query = Query {
            limit: 0,
            aggregates: vec![("n".into(), aggregate)],
            group_by: key.map(by),
            ..query(RankBy::Id, None)
        };
        answer(&view, &query).unwrap_err().to_string()
    };
    assert_eq!(
        fault(Aggregate::Sum(sample::name("s")), None),
        "invalid input for aggregate_by field \"s\": Sum expects int, uint or float, not string"
    );
    assert_eq!(
        fault(Aggregate::CountOf(sample::name("nope")), None),
        "invalid input for aggregate_by field \"nope\": the schema has no such attribute"
    );
    assert_eq!(
        fault(Aggregate::Count, Some("id")),
        "group_by: the rows fall into more than 10000 groups"
    );
    assert_eq!(
        fault(Aggregate::Count, Some("v")),
        "invalid input for group_by field \"v\": values of type [3]f32 are no keys"
    );
    assert!(fault(Aggregate::Count, Some("tags")).contains("ForEachUnique"));
}
