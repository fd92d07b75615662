//! Random row sets, filters and orders over a schema with every kind of attribute.

use crate::{
    search::{Comparison, Direction, Filter},
    view::{Origin, RowSet, Version, View},
};
use isobath_storage::model::{
    AttributeConfig, AttributeName, AttributeType, Column, Hlc, Id, IdColumn, IdKind, LogId,
    Metric, Rows, Schema, Seq, ShardId, Stamp, StampColumn, Switch, Value, VectorValue,
    VersionVector,
};
use proptest::{prelude::*, sample::select};
use std::{collections::BTreeMap, sync::Arc};
use uuid::Uuid;

/// The attributes but `id` and their types.
const TYPES: [(&str, &str); 11] = [
    ("b", "bool"),
    ("closed", "int"),
    ("d", "datetime"),
    ("f", "float"),
    ("i", "int"),
    ("k", "uuid"),
    ("nums", "[]float"),
    ("s", "string"),
    ("tags", "[]string"),
    ("u", "uint"),
    ("v", "[3]f32"),
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
        let off = (Switch::Filterable, serde_json::Value::Bool(false));
        let config = AttributeConfig {
            ty,
            metric: ty.is_vector().then_some(Metric::EuclideanSquared),
            switches: (attribute == "closed").then_some(off).into_iter().collect(),
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
    let array = |item: BoxedStrategy<Value>| {
        let items = prop::collection::vec(scalar(item), 0..3);
        scalar(items.prop_map(|items| Value::Array(items.into())).boxed())
    };
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
        "s" => scalar(text()),
        "tags" => array(text()),
        "nums" => array(float()),
        _ => scalar(
            vector()
                .prop_map(|v| Value::Vector(VectorValue::F32(v.into())))
                .boxed(),
        ),
    }
}

fn text() -> BoxedStrategy<Value> {
    let texts = vec!["", "a", "ab", "b", "ü"];
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
    let leaf = prop_oneof![compare(), is_in()];
    leaf.prop_recursive(3, 12, 3, |inner| {
        let some = prop::collection::vec(inner.clone(), 0..3);
        prop_oneof![
            some.clone().prop_map(Filter::And),
            some.prop_map(Filter::Or),
            inner.prop_map(|f| Filter::Not(Box::new(f))),
        ]
    })
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
        1 => select(vec!["tags", "nums"]).prop_flat_map(move |a| leaf(a, equality.clone().boxed())),
        1 => Just(Filter::Compare {
            attribute: name("unknown"),
            comparison: Comparison::Lt,
            value: Value::Bool(true),
        }),
    ]
}

fn is_in() -> impl Strategy<Value = Filter> {
    let attributes = [&ORDERED[..], &["tags", "nums"]].concat();
    let item = |attribute| match attribute {
        "tags" => "s",
        "nums" => "f",
        other => other,
    };
    select(attributes).prop_flat_map(move |attribute| {
        let values = prop::collection::vec(literal(item(attribute)), 0..4);
        (values, any::<bool>()).prop_map(move |(values, negated)| Filter::In {
            attribute: name(attribute),
            values,
            negated,
        })
    })
}

/// Something that an attribute's values compare with: numbers of any type with numbers.
fn literal(attribute: &str) -> BoxedStrategy<Value> {
    match attribute {
        "i" | "u" | "f" | "id" => prop_oneof![value("i"), value("u"), value("f")].boxed(),
        other => value(other),
    }
}
