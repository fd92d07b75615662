//! Random row sets, filters and orders over a schema with every kind of attribute.

use super::patterns::{REGEXES, glob};
use crate::{
    search::{Comparison, Direction, Filter, Pattern, Syntax},
    view::{Origin, RowSet, Version, View},
};
use half::f16;
use isobath_storage::model::{
    AttributeConfig, AttributeName, AttributeType, Column, Hlc, Id, IdColumn, IdKind, LogId,
    Metric, Rows, Schema, Seq, ShardId, SparseVector, Stamp, StampColumn, Switch, Value,
    VectorValue, VersionVector,
};
use proptest::{prelude::*, sample::select};
use std::{collections::BTreeMap, sync::Arc};
use uuid::Uuid;

/// The attributes but `id` and their types.
const TYPES: [(&str, &str); 19] = [
    ("b", "bool"),
    ("bs", "[]bool"),
    ("closed", "int"),
    ("d", "datetime"),
    ("ds", "[]datetime"),
    ("f", "float"),
    ("globbed", "string"),
    ("i", "int"),
    ("is", "[]int"),
    ("k", "uuid"),
    ("ks", "[]uuid"),
    ("nums", "[]float"),
    ("p", "{}f16"),
    ("regexed", "string"),
    ("s", "string"),
    ("tags", "[]string"),
    ("u", "uint"),
    ("us", "[]uint"),
    ("v", "[3]f32"),
];

/// The array attributes, each with one that has values like its elements.
const ARRAYS: [(&str, &str); 7] = [
    ("bs", "b"),
    ("ds", "d"),
    ("is", "i"),
    ("ks", "k"),
    ("nums", "f"),
    ("tags", "s"),
    ("us", "u"),
];

/// Attributes that a feature is switched on or off for.
const SWITCHED: [(&str, Switch, bool); 3] = [
    ("closed", Switch::Filterable, false),
    ("globbed", Switch::Glob, true),
    ("regexed", Switch::Regex, true),
];

/// The attributes that have an order.
const ORDERED: [&str; 8] = ["b", "d", "f", "i", "id", "k", "s", "u"];

pub(super) fn name(name: &str) -> AttributeName {
    name.parse().unwrap()
}

pub(super) fn ty(name: &str) -> AttributeType {
    let found = TYPES.iter().find(|(n, _)| *n == name);
    found.map_or("uint", |(_, ty)| ty).parse().unwrap()
}

#[derive(Debug, Clone, Default)]
pub(super) struct Row {
    pub(super) values: BTreeMap<&'static str, Value>,
    pub(super) hidden: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Set {
    pub(super) part: bool,
    pub(super) rows: Vec<(u64, Row)>,
    /// The set has its `i` as another type, so it reads as null.
    pub(super) retyped: bool,
}

/// Rows of one value each.
pub(super) fn set(part: bool, rows: impl IntoIterator<Item = (u64, &'static str, Value)>) -> Set {
    let row = |(id, name, value)| {
        let values = BTreeMap::from([(name, value)]);
        (
            id,
            Row {
                values,
                hidden: false,
            },
        )
    };
    let mut rows: Vec<_> = rows.into_iter().map(row).collect();
    if part {
        rows.sort_by_key(|(id, _)| *id);
    }
    Set {
        part,
        rows,
        retyped: false,
    }
}

pub(super) fn view(sets: &[Set]) -> View {
    let config = |(attribute, text): (&str, &str)| {
        let ty: AttributeType = text.parse().unwrap();
        let switched = SWITCHED.iter().filter(|(name, ..)| *name == attribute);
        let config = AttributeConfig {
            ty,
            metric: ty.is_vector().then_some(Metric::EuclideanSquared),
            switches: switched
                .map(|(_, switch, on)| (*switch, (*on).into()))
                .collect(),
        };
        (name(attribute), config)
    };
    View {
        namespace: "sample".parse().unwrap(),
        version: Version(5),
        schema: Arc::new(Schema {
            id_kind: Some(IdKind::Uint),
            attributes: TYPES.into_iter().map(config).collect(),
        }),
        sets: sets.iter().map(|set| Arc::new(row_set(set))).collect(),
        seen: VersionVector::default(),
        policy: Arc::default(),
        created: None,
        last_write: Hlc::default(),
    }
}

fn row_set(set: &Set) -> RowSet {
    let ids: Vec<Id> = set.rows.iter().map(|(id, _)| Id::U64(*id)).collect();
    let column = |(attribute, _): (&str, &str)| {
        let value = |(_, row): &(u64, Row)| row.values.get(attribute).cloned().unwrap_or_default();
        let values: Vec<Value> = set.rows.iter().map(value).collect();
        if set.retyped && attribute == "i" {
            let text = |v: &Value| {
                if v.is_null() {
                    Value::Null
                } else {
                    Value::String("1".into())
                }
            };
            let values: Vec<Value> = values.iter().map(text).collect();
            return Column::from_values(name("i"), ty("s"), &values).unwrap();
        }
        Column::from_values(name(attribute), ty(attribute), &values).unwrap()
    };
    let columns = TYPES.into_iter().map(column).collect();
    let ids = IdColumn::from_ids(IdKind::Uint, &ids).unwrap();
    let rows = Rows::new(ids, columns).unwrap();
    let stamp = Stamp {
        hlc: Hlc::default(),
        log: LogId::new("here".parse().unwrap(), ShardId::default()),
        seq: Seq::default(),
        index: 0,
    };
    let stamps = StampColumn::from_stamps(&vec![stamp; rows.len()]).unwrap();
    let origin = if set.part {
        Origin::Part("p".into())
    } else {
        Origin::Delta
    };
    let out = RowSet::new(origin, Arc::new(rows), stamps);
    for (at, (_, row)) in set.rows.iter().enumerate() {
        if row.hidden {
            out.hidden.hide(at, Version(4));
        }
    }
    out
}

/// Up to three row sets with ids that differ.
pub(super) fn sets() -> impl Strategy<Value = Vec<Set>> {
    let rows = prop::collection::btree_map(0u64..200, (row(), 0usize..3), 0..90);
    (rows, any::<[bool; 3]>(), any::<bool>(), any::<u64>()).prop_map(
        |(rows, parts, retyped, seed)| {
            let mut sets: Vec<Set> = parts
                .map(|part| Set {
                    part,
                    rows: vec![],
                    retyped: false,
                })
                .into();
            sets[2].retyped = retyped;
            for (id, (row, set)) in rows {
                sets[set].rows.push((id, row));
            }
            // The rows of a delta stand in no order.
            for set in sets.iter_mut().filter(|set| !set.part) {
                set.rows
                    .sort_by_key(|(id, _)| (id ^ seed).wrapping_mul(0x9e37_79b9_7f4a_7c15));
            }
            sets
        },
    )
}

fn row() -> impl Strategy<Value = Row> {
    let values: Vec<_> = TYPES.iter().map(|(name, _)| value(name)).collect();
    (values, prop::bool::weighted(0.2)).prop_map(|(values, hidden)| {
        let named = TYPES.iter().map(|(name, _)| *name).zip(values);
        let values = named.filter(|(_, value)| !value.is_null()).collect();
        Row { values, hidden }
    })
}

/// A value of an attribute, null at times.
pub(super) fn value(attribute: &str) -> BoxedStrategy<Value> {
    let scalar =
        |item: BoxedStrategy<Value>| prop_oneof![1 => Just(Value::Null), 4 => item].boxed();
    if let Some((_, item)) = ARRAYS.iter().find(|(name, _)| *name == attribute) {
        let items = prop::collection::vec(value(item), 0..3);
        return scalar(items.prop_map(|items| Value::Array(items.into())).boxed());
    }
    match attribute {
        "b" => scalar(any::<bool>().prop_map(Value::Bool).boxed()),
        "d" => scalar((-2i64..3).prop_map(Value::Datetime).boxed()),
        "f" => scalar(float()),
        "i" | "closed" => scalar(int()),
        "u" | "id" => scalar(uint()),
        "k" => scalar(
            (0u128..4)
                .prop_map(|n| Value::Uuid(Uuid::from_u128(n)))
                .boxed(),
        ),
        "s" | "globbed" | "regexed" => scalar(text()),
        "p" => scalar(sparse()),
        _ => scalar(
            vector()
                .prop_map(|v| Value::Vector(VectorValue::F32(v.into())))
                .boxed(),
        ),
    }
}

fn text() -> BoxedStrategy<Value> {
    let texts = vec!["", "a", "A", "ab", "a/b", "a/b/a", "b", "b\na", "ü", "Ü*"];
    select(texts).prop_map(|s| Value::String(s.into())).boxed()
}

const BIG: i64 = 1 << 53;

fn int() -> BoxedStrategy<Value> {
    let edges = vec![
        i64::MIN,
        -BIG - 1,
        -BIG,
        -1,
        0,
        1,
        2,
        BIG,
        BIG + 1,
        BIG + 2,
        i64::MAX,
    ];
    select(edges).prop_map(Value::Int).boxed()
}

fn uint() -> BoxedStrategy<Value> {
    let big = BIG.unsigned_abs();
    let edges = vec![
        0,
        1,
        2,
        7,
        40,
        big,
        big + 1,
        i64::MAX.unsigned_abs(),
        u64::MAX - 1,
        u64::MAX,
    ];
    select(edges).prop_map(Value::Uint).boxed()
}

fn float() -> BoxedStrategy<Value> {
    let big = 9_007_199_254_740_992.0;
    let top = 18_446_744_073_709_551_616.0;
    let edges = vec![
        -top,
        -big,
        -1.5,
        -0.0,
        0.0,
        0.5,
        1.0,
        2.0,
        big,
        big + 2.0,
        top,
    ];
    select(edges).prop_map(Value::Float).boxed()
}

/// Few weights, so that there are ties.
fn sparse() -> BoxedStrategy<Value> {
    let weights = prop::collection::btree_map(0u32..6, -2i8..3, 0..4);
    let weights = weights.prop_map(|weights| {
        let weights = weights
            .into_iter()
            .map(|(d, w)| (d, f16::from_f32(w.into())));
        Value::Sparse(SparseVector::new(weights.collect::<Vec<_>>()).unwrap())
    });
    weights.boxed()
}

/// Few of them, so that there are ties.
pub(super) fn vector() -> impl Strategy<Value = Vec<f32>> {
    prop::collection::vec(select(vec![-1.0f32, 0.0, 2.0]), 3)
}

pub(super) fn order() -> impl Strategy<Value = Vec<(AttributeName, Direction)>> {
    let direction = select(vec![Direction::Ascending, Direction::Descending]);
    let key = (select(&ORDERED[..]).prop_map(name), direction);
    prop::collection::vec(key, 0..4)
}

/// A filter without type errors.
pub(super) fn filter() -> impl Strategy<Value = Filter> {
    leaf().prop_recursive(3, 12, 3, |inner| {
        let some = prop::collection::vec(inner.clone(), 0..3);
        prop_oneof![
            some.clone().prop_map(Filter::And),
            some.prop_map(Filter::Or),
            inner.prop_map(|f| Filter::Not(Box::new(f))),
        ]
    })
}

/// A filter on one attribute, by any operator.
pub(super) fn leaf() -> impl Strategy<Value = Filter> {
    prop_oneof![
        4 => compare(),
        2 => is_in(),
        2 => contains(),
        2 => any_element(),
        2 => matches(),
    ]
}

fn compare() -> impl Strategy<Value = Filter> {
    let equality = select(vec![Comparison::Eq, Comparison::NotEq]);
    let any = select(vec![
        Comparison::Eq,
        Comparison::NotEq,
        Comparison::Lt,
        Comparison::Lte,
        Comparison::Gt,
        Comparison::Gte,
    ]);
    let leaf = |attribute: &'static str, comparison: BoxedStrategy<Comparison>| {
        (comparison, literal(attribute)).prop_map(move |(comparison, value)| Filter::Compare {
            attribute: name(attribute),
            comparison,
            value,
        })
    };
    prop_oneof![
        4 => select(&ORDERED[..]).prop_flat_map(move |a| leaf(a, any.clone().boxed())),
        1 => select(&ARRAYS[..]).prop_flat_map(move |(a, _)| leaf(a, equality.clone().boxed())),
        1 => Just(Filter::Compare {
            attribute: name("unknown"),
            comparison: Comparison::Lt,
            value: Value::Bool(true),
        }),
    ]
}

fn is_in() -> impl Strategy<Value = Filter> {
    let scalars = ORDERED.iter().map(|name| (*name, *name));
    let attributes: Vec<_> = scalars.chain(ARRAYS).collect();
    select(attributes).prop_flat_map(move |(attribute, item)| {
        let values = prop::collection::vec(literal(item), 0..4);
        (values, any::<bool>()).prop_map(move |(values, negated)| Filter::In {
            attribute: name(attribute),
            values,
            negated,
        })
    })
}

fn contains() -> impl Strategy<Value = Filter> {
    let attributes = [&ARRAYS[..], &[("unknown", "i")]].concat();
    select(attributes).prop_flat_map(|(attribute, item)| {
        let one = literal(item).prop_map(|value| (value, false));
        let some = prop::collection::vec(literal(item), 0..4);
        let some = some.prop_map(|values| (Value::Array(values.into()), true));
        let value = prop_oneof![one, some, Just((Value::Null, true))];
        (value, any::<bool>()).prop_map(move |((value, any), negated)| Filter::Contains {
            attribute: name(attribute),
            value,
            any,
            negated,
        })
    })
}

fn any_element() -> impl Strategy<Value = Filter> {
    let comparison = select(vec![
        Comparison::Lt,
        Comparison::Lte,
        Comparison::Gt,
        Comparison::Gte,
    ]);
    select(&ARRAYS[..]).prop_flat_map(move |(attribute, item)| {
        (comparison.clone(), literal(item)).prop_map(move |(comparison, value)| {
            Filter::AnyElement {
                attribute: name(attribute),
                comparison,
                value,
            }
        })
    })
}

/// A filter by one of a few patterns, whose meaning the oracle knows.
fn matches() -> impl Strategy<Value = Filter> {
    let globs = (
        select(vec!["globbed", "s", "tags", "unknown"]),
        select(vec![Syntax::Glob, Syntax::CaseInsensitiveGlob]),
        glob(),
        any::<bool>(),
    );
    let regexes = (
        select(vec!["regexed", "s", "tags", "unknown"]),
        Just(Syntax::Regex),
        select(REGEXES).prop_map(|(pattern, _)| pattern.to_owned()),
        any::<bool>(),
    );
    prop_oneof![globs, regexes].prop_map(|(attribute, syntax, text, negated)| Filter::Matches {
        attribute: name(attribute),
        pattern: Pattern {
            syntax,
            text: text.into(),
        },
        negated,
    })
}

/// Something that an attribute's values compare with: numbers of any type with numbers.
fn literal(attribute: &str) -> BoxedStrategy<Value> {
    match attribute {
        "i" | "u" | "f" | "id" => prop_oneof![value("i"), value("u"), value("f")].boxed(),
        "is" | "us" | "nums" => prop_oneof![value("is"), value("us"), value("nums")].boxed(),
        other => value(other),
    }
}
