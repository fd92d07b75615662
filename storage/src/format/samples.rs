//! Values for tests: one of everything, and strategies.

use crate::model::{
    Adoption, AttributeName, AttributeType, Block, BodyHash, ClusterId, Column, ContentHash,
    Control, Counts, Declaration, Epoch, Hlc, Id, IdColumn, IdKind, IdempotencyKey, LogId, Metric,
    Mutation, Nonce, PartEntry, PatchMask, Request, Rows, ScalarType, Segment, SegmentHeader,
    SegmentKind, Seq, ShardId, SparsePatch, SparseVector, Switch, Value, VectorElement,
    VectorValue, VersionVector,
};
use arrow_buffer::BooleanBuffer;
use half::f16;
use proptest::prelude::*;
use serde_json::json;
use uuid::Uuid;

pub(super) fn name(text: &str) -> AttributeName {
    text.parse().unwrap()
}

pub(super) fn log(region: &str, shard: u16) -> LogId {
    LogId::new(region.parse().unwrap(), ShardId(shard))
}

pub(super) fn header() -> SegmentHeader {
    SegmentHeader {
        kind: SegmentKind::Data,
        cluster: ClusterId(Uuid::from_u128(0x1111)),
        log: log("use1", 3),
        epoch: Epoch(4),
        seq: Seq(77),
        writer: Uuid::from_u128(0x2222),
        nonce: Nonce(0x3333),
        hlc_min: Hlc::from_millis(1_700_000_000_000),
        hlc_max: Hlc::from_millis(1_700_000_000_001),
        ops: 0,
        seen: VersionVector::from_iter([(log("use1", 3), Seq(76)), (log("euw1", 0), Seq(9))]),
    }
}

/// A segment of `blocks`, its requests numbered.
pub(super) fn segment(mut blocks: Vec<Block>) -> Segment {
    let mut header = header();
    for request in blocks.iter_mut().flat_map(|block| &mut block.requests) {
        request.first_index = header.ops;
        header.ops += u32::try_from(request.len()).unwrap();
    }
    Segment { header, blocks }
}

pub(super) fn request(mutations: Vec<Mutation>) -> Request {
    Request {
        first_index: 0,
        key: IdempotencyKey(5),
        body: BodyHash(6),
        api_key: None,
        counts: Counts::default(),
        declarations: Vec::new(),
        mutations,
    }
}

/// Values of every type, two rows each.
pub(super) fn typed_values() -> Vec<(AttributeType, [Value; 2])> {
    use ScalarType as S;
    let scalars = [
        (S::String, Value::String("näme".into())),
        (S::Int, Value::Int(-5)),
        (S::Uint, Value::Uint(u64::MAX)),
        (S::Float, Value::Float(0.25)),
        (S::Uuid, Value::Uuid(Uuid::from_u128(9))),
        (S::Datetime, Value::Datetime(1_700_000_000_000)),
        (S::Bool, Value::Bool(true)),
    ];
    let mut values = Vec::new();
    for (ty, value) in scalars {
        let array = Value::Array(vec![value.clone(), Value::Null, value.clone()].into());
        values.push((AttributeType::Scalar(ty), [value, Value::Null]));
        values.push((AttributeType::Array(ty), [Value::Array([].into()), array]));
    }
    let full = VectorValue::F32(vec![1.0, -0.5, 3.25].into());
    let half = VectorValue::F16(vec![f16::ONE, f16::NEG_ONE].into());
    let vector = |dim, element| AttributeType::Vector { dim, element };
    values.push((
        vector(3, VectorElement::F32),
        [Value::Null, Value::Vector(full)],
    ));
    values.push((
        vector(2, VectorElement::F16),
        [Value::Vector(half), Value::Null],
    ));
    values
}

pub(super) fn all_types(ids: IdColumn) -> Rows {
    let columns = typed_values()
        .into_iter()
        .enumerate()
        .map(|(at, (ty, values))| {
            Column::from_values(name(&format!("a{at:02}")), ty, &values).unwrap()
        });
    Rows::new(ids, columns.collect()).unwrap()
}

/// Every kind of record, every type, every kind of id.
pub(super) fn everything() -> Segment {
    let texts = [Id::Str("a".into()), Id::Str("ß".into())];
    let texts = IdColumn::from_ids(IdKind::String, &texts).unwrap();
    let mut mask = PatchMask::all();
    mask.insert(name("a03"), BooleanBuffer::from(vec![true, false]));
    let sparse = SparsePatch {
        id: Id::U64(7),
        attribute: name("vector"),
        dims: [(0, 1.5), (9, -2.0)].into(),
    };
    let mut first = request(vec![
        Mutation::Upsert(all_types(IdColumn::U64(vec![1, 2].into()))),
        Mutation::Patch(
            mask,
            all_types(IdColumn::Uuid([1, 2].map(Uuid::from_u128).into())),
        ),
        Mutation::SparsePatch(vec![sparse]),
        Mutation::Delete(texts),
    ]);
    first.api_key = Some("key-1".to_owned());
    first.counts = Counts {
        upserted: Some(2),
        patched: None,
        deleted: Some(0),
        remaining: false,
    };
    first.declarations = vec![
        Declaration {
            attribute: name("vector"),
            ty: AttributeType::Vector {
                dim: 10,
                element: VectorElement::F32,
            },
            metric: Some(Metric::DotProduct),
        },
        Declaration {
            attribute: AttributeName::id(),
            ty: AttributeType::Scalar(ScalarType::Uint),
            metric: None,
        },
    ];
    let controls = controls().into_iter().map(Mutation::Control).collect();
    let blocks = [
        ("first", vec![first]),
        ("second", vec![request(controls), request(vec![])]),
    ];
    let block = |(namespace, requests): (&str, _)| Block {
        namespace: namespace.parse().unwrap(),
        requests,
    };
    segment(blocks.map(block).into())
}

fn controls() -> Vec<Control> {
    let attribute = name("a00");
    let switch = Switch::FullTextSearch;
    vec![
        Control::Create,
        Control::Delete,
        Control::Switch {
            attribute: attribute.clone(),
            switch,
            value: json!({"k": 1}),
        },
        Control::DropAttribute { attribute },
        Control::Policy {
            policy: json!("global"),
        },
        Control::Adopt {
            adopt: Adoption {
                source: "books".parse().unwrap(),
                parts: vec![PartEntry {
                    hash: ContentHash([7; 32]),
                    rows: 1_000,
                    bytes: 123_456,
                    hlc_max: Hlc(77),
                    dead: Some(ContentHash([9; 32])),
                    dead_rows: 4,
                    owner: Some("books".parse().unwrap()),
                    stamp: None,
                }],
            },
        },
        Control::Batch { batch: json!(1) },
        Control::Publish {
            publish: json!([1]),
        },
    ]
}

/// All that a segment says, as text that is equal when two segments are.
pub(super) fn describe(segment: &Segment) -> String {
    let mut lines = vec![format!("{:#?}", segment.header)];
    for block in &segment.blocks {
        lines.push(format!("{:?}", block.namespace));
        for request in &block.requests {
            let Request {
                first_index,
                key,
                body,
                api_key,
                counts,
                declarations,
                mutations,
            } = request;
            let head = (first_index, key, body, api_key, counts, declarations);
            lines.push(format!("{head:?}"));
            lines.extend(mutations.iter().map(describe_mutation));
        }
    }
    lines.join("\n")
}

fn describe_mutation(mutation: &Mutation) -> String {
    match mutation {
        Mutation::Upsert(rows) => format!("upsert {}", describe_rows(rows)),
        Mutation::Patch(mask, rows) => {
            let bits = |set: &BooleanBuffer| set.iter().collect::<Vec<_>>();
            let mask: Vec<_> = mask
                .partial()
                .map(|(name, set)| (name, bits(set)))
                .collect();
            format!("patch {mask:?} {}", describe_rows(rows))
        }
        Mutation::Delete(ids) => format!("delete {:?}", ids.iter().collect::<Vec<_>>()),
        other => format!("{other:?}"),
    }
}

pub(super) fn describe_rows(rows: &Rows) -> String {
    let columns = rows.columns().iter().map(|column| {
        let values: Vec<Value> = (0..rows.len()).map(|row| column.value(row)).collect();
        (&column.name, column.ty, values)
    });
    let ids: Vec<Id> = rows.ids().iter().collect();
    format!("{ids:?} {:?}", columns.collect::<Vec<_>>())
}

/// Any value of a type, or null.
pub(super) fn any_value(ty: AttributeType) -> BoxedStrategy<Value> {
    let value = match ty {
        AttributeType::Scalar(ty) => any_scalar(ty),
        AttributeType::Array(ty) => {
            let items = proptest::collection::vec(any_scalar(ty), 0..3);
            items.prop_map(|items| Value::Array(items.into())).boxed()
        }
        AttributeType::Sparse => proptest::collection::btree_map(any::<u32>(), -9i8..9, 0..4)
            .prop_map(|weights| sparse(weights.into_iter().map(|(d, w)| (d, w.into()))))
            .boxed(),
        AttributeType::Vector { dim, element } => proptest::collection::vec(-9i8..9, dim as usize)
            .prop_map(move |v| any_vector(&v, element))
            .boxed(),
    };
    prop_oneof![1 => Just(Value::Null), 4 => value].boxed()
}

pub(super) fn sparse(weights: impl IntoIterator<Item = (u32, f32)>) -> Value {
    let weights = weights.into_iter().map(|(d, w)| (d, f16::from_f32(w)));
    Value::Sparse(SparseVector::new(weights.collect::<Vec<_>>()).unwrap())
}

/// Rows of sparse vectors beside another attribute.
pub(super) fn sparse_rows(ids: IdColumn) -> Rows {
    let vectors = [sparse([(3, 0.5), (70_000, -2.0)]), Value::Null];
    let texts = [Value::Null, Value::String("x".into())];
    let columns = [
        Column::from_values(name("p"), AttributeType::Sparse, &vectors),
        Column::from_values(name("t"), AttributeType::Scalar(ScalarType::String), &texts),
    ];
    Rows::new(ids, columns.map(Option::unwrap).into()).unwrap()
}

fn any_vector(values: &[i8], element: VectorElement) -> Value {
    let values = values.iter().map(|v| f32::from(*v));
    Value::Vector(match element {
        VectorElement::F32 => VectorValue::F32(values.collect()),
        VectorElement::F16 => VectorValue::F16(values.map(f16::from_f32).collect()),
    })
}

fn any_scalar(ty: ScalarType) -> BoxedStrategy<Value> {
    match ty {
        ScalarType::String => ".{0,5}"
            .prop_map(|s: String| Value::String(s.into()))
            .boxed(),
        ScalarType::Int => any::<i64>().prop_map(Value::Int).boxed(),
        ScalarType::Uint => any::<u64>().prop_map(Value::Uint).boxed(),
        ScalarType::Float => (-1e9..1e9).prop_map(Value::Float).boxed(),
        ScalarType::Uuid => any::<u128>()
            .prop_map(|n| Value::Uuid(Uuid::from_u128(n)))
            .boxed(),
        ScalarType::Datetime => any::<i64>().prop_map(Value::Datetime).boxed(),
        ScalarType::Bool => any::<bool>().prop_map(Value::Bool).boxed(),
    }
}

/// Any rows: up to 20, of up to 4 columns of any types.
pub(super) fn any_rows() -> impl Strategy<Value = Rows> {
    let types = typed_values().into_iter().map(|(ty, _)| ty);
    let types: Vec<_> = types.chain([AttributeType::Sparse]).collect();
    let types = proptest::sample::subsequence(types, 0..=4);
    (0usize..20, types).prop_flat_map(|(rows, types)| {
        let columns: Vec<_> = types
            .into_iter()
            .map(|ty| (Just(ty), proptest::collection::vec(any_value(ty), rows)))
            .collect();
        let ids = proptest::collection::vec(any::<u64>(), rows);
        (ids, columns).prop_map(|(ids, columns)| {
            let columns = columns.into_iter().enumerate().map(|(at, (ty, values))| {
                Column::from_values(name(&format!("c{at}")), ty, &values).unwrap()
            });
            Rows::new(IdColumn::U64(ids.into()), columns.collect()).unwrap()
        })
    })
}
