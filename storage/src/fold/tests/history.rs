//! Random logs: segments of three regions over one namespace.

use crate::model::{
    AttributeName, AttributeType, Block, BodyHash, ClusterId, Column, Control, Counts, Declaration,
    Epoch, Hlc, Id, IdColumn, IdempotencyKey, LogId, Mutation, Nonce, PatchMask, Request, Rows,
    SegmentHeader, SegmentKind, Seq, ShardId, SparsePatch, SparseVector, Switch, Value,
    VectorValue, VersionVector,
};
use arrow_buffer::BooleanBuffer;
use proptest::{collection::vec, prelude::*};
use uuid::Uuid;

/// One segment's block.
pub(crate) type Item = (SegmentHeader, Block);

/// A column of a write: its number chooses name and type.
#[derive(Debug, Clone, Copy)]
struct Kind(usize);

const KINDS: [(&str, &str); 5] = [
    ("a", "int"),
    ("a", "string"),
    ("v", "[2]f32"),
    ("v", "[3]f32"),
    ("w", "[]int"),
];

#[derive(Debug, Clone)]
enum Op {
    Upsert(bool, Vec<u64>, Vec<Kind>),
    Patch(Vec<u64>, Vec<Kind>, Vec<bool>),
    Sparse(u64, Vec<u32>),
    Delete(Vec<u64>),
    Drop(Kind),
    DeleteNamespace,
    Switch(Kind, bool),
    Policy(u8),
}

fn any_kinds() -> impl Strategy<Value = Vec<Kind>> {
    // The first of each name is the usual one, so that types clash now and then.
    let one = |usual: usize, rare: usize| prop_oneof![3 => Just(None), 6 => Just(Some(Kind(usual))), 1 => Just(Some(Kind(rare)))];
    (one(0, 1), one(2, 3), one(4, 4))
        .prop_map(|(a, v, w)| [a, v, w].into_iter().flatten().collect())
}

fn any_op() -> impl Strategy<Value = Op> {
    let ids = || vec(0u64..4, 1..4);
    let kind = || (0..KINDS.len()).prop_map(Kind);
    prop_oneof![
        8 => (prop::bool::weighted(0.05), ids(), any_kinds())
            .prop_map(|(other, ids, kinds)| Op::Upsert(other, ids, kinds)),
        6 => (ids(), any_kinds(), vec(any::<bool>(), 3))
            .prop_map(|(ids, kinds, mask)| Op::Patch(ids, kinds, mask)),
        5 => (0u64..4, vec(0u32..3, 0..3)).prop_map(|(id, dims)| Op::Sparse(id, dims)),
        4 => ids().prop_map(Op::Delete),
        2 => kind().prop_map(Op::Drop),
        1 => Just(Op::DeleteNamespace),
        2 => (kind(), any::<bool>()).prop_map(|(kind, on)| Op::Switch(kind, on)),
        1 => any::<u8>().prop_map(Op::Policy),
    ]
}

/// Up to 12 segments; each log's times rise, those of several logs may be equal.
pub(crate) fn any_history() -> impl Strategy<Value = Vec<Item>> {
    // Declarations are stamped like the first mutation, so only that may drop what they declare.
    let first =
        |(at, op): &(usize, Op)| *at == 0 || !matches!(op, Op::Drop(_) | Op::DeleteNamespace);
    let request = vec(any_op(), 0..3).prop_map(move |ops| {
        let ops = ops.into_iter().enumerate().filter(first);
        ops.map(|(_, op)| op).collect::<Vec<_>>()
    });
    let requests = vec(request, 1..3);
    let segments = vec((0usize..3, 1u64..6, requests), 1..12);
    segments.prop_map(|segments| {
        let (mut clocks, mut seqs, mut counter) = ([0u64; 3], [0u64; 3], 0);
        let segment = |(log, step, requests): (usize, u64, Vec<Vec<Op>>)| {
            clocks[log] += step;
            seqs[log] += 1;
            item(log, clocks[log], seqs[log], &requests, &mut counter)
        };
        segments.into_iter().map(segment).collect()
    })
}

/// An order in which the segments arrive, some of them several times.
pub(crate) fn any_order(history: Vec<Item>) -> impl Strategy<Value = (Vec<Item>, Vec<usize>)> {
    let all: Vec<usize> = (0..history.len()).collect();
    let again = vec(0..history.len(), 0..5);
    let order =
        again.prop_flat_map(move |again| Just([all.clone(), again].concat()).prop_shuffle());
    (Just(history), order)
}

/// One segment that upserts `ids`.
pub(crate) fn upserts(ids: &[u64]) -> Item {
    item(
        0,
        1,
        1,
        &[vec![Op::Upsert(false, ids.to_vec(), vec![Kind(0)])]],
        &mut 0,
    )
}

fn item(log: usize, hlc: u64, seq: u64, requests: &[Vec<Op>], counter: &mut i64) -> Item {
    let mut header = SegmentHeader {
        kind: SegmentKind::Data,
        cluster: ClusterId(Uuid::nil()),
        log: LogId::new(["a", "b", "c"][log].parse().unwrap(), ShardId(0)),
        epoch: Epoch(1),
        seq: Seq(seq),
        writer: Uuid::nil(),
        nonce: Nonce(0),
        hlc_min: Hlc(hlc),
        hlc_max: Hlc(hlc),
        ops: 0,
        seen: VersionVector::default(),
    };
    let requests = requests.iter().map(|ops| {
        let mut request = Request {
            first_index: header.ops,
            key: IdempotencyKey(0),
            body: BodyHash(0),
            api_key: None,
            counts: Counts::default(),
            declarations: declarations(ops),
            mutations: ops.iter().map(|op| mutation(op, counter)).collect(),
        };
        request.mutations.retain(|mutation| !mutation.is_empty());
        header.ops += u32::try_from(request.len()).unwrap();
        request
    });
    let block = Block {
        namespace: "n".parse().unwrap(),
        requests: requests.collect(),
    };
    (header, block)
}

fn declarations(ops: &[Op]) -> Vec<Declaration> {
    let declare = |attribute: &str, ty: &str| Declaration {
        attribute: attribute.parse().unwrap(),
        ty: ty.parse().unwrap(),
        metric: None,
    };
    let mut all = vec![];
    for op in ops {
        if let Op::Upsert(other, ..) = op {
            all.push(declare("id", if *other { "uuid" } else { "uint" }));
        }
        if let Op::Upsert(_, _, kinds) | Op::Patch(_, kinds, _) = op {
            all.extend(
                kinds
                    .iter()
                    .map(|kind| declare(KINDS[kind.0].0, KINDS[kind.0].1)),
            );
        }
    }
    all
}

fn mutation(op: &Op, counter: &mut i64) -> Mutation {
    let name = |kind: &Kind| -> AttributeName { KINDS[kind.0].0.parse().unwrap() };
    match op {
        Op::Upsert(other, ids, kinds) => Mutation::Upsert(rows(*other, ids, kinds, counter)),
        Op::Patch(ids, kinds, bits) => {
            let mut mask = PatchMask::all();
            for (kind, bit) in kinds.iter().zip(bits) {
                if *bit {
                    let set = (0..ids.len())
                        .map(|row| row % 2 == 0)
                        .collect::<BooleanBuffer>();
                    mask.insert(name(kind), set);
                }
            }
            Mutation::Patch(mask, rows(false, ids, kinds, counter))
        }
        Op::Sparse(id, dims) => {
            let dims = dims.iter().map(|dim| (*dim, number(counter))).collect();
            let attribute = "v".parse().unwrap();
            Mutation::SparsePatch(vec![SparsePatch {
                id: Id::U64(*id),
                attribute,
                dims,
            }])
        }
        Op::Delete(ids) => Mutation::Delete(IdColumn::U64(ids.clone().into())),
        Op::Drop(kind) => Mutation::Control(Control::DropAttribute {
            attribute: name(kind),
        }),
        Op::DeleteNamespace => Mutation::Control(Control::Delete),
        Op::Switch(kind, on) => Mutation::Control(Control::Switch {
            attribute: name(kind),
            switch: Switch::Filterable,
            value: (*on).into(),
        }),
        Op::Policy(policy) => Mutation::Control(Control::Policy {
            policy: (*policy).into(),
        }),
    }
}

/// A number that was not used before.
fn number(counter: &mut i64) -> f32 {
    *counter += 1;
    f32::from(i16::try_from(*counter).unwrap())
}

fn rows(other: bool, ids: &[u64], kinds: &[Kind], counter: &mut i64) -> Rows {
    let columns = kinds.iter().map(|kind| {
        let (name, ty) = KINDS[kind.0];
        let ty: AttributeType = ty.parse().unwrap();
        let values: Vec<Value> = ids.iter().map(|_| value(ty, counter)).collect();
        Column::from_values(name.parse().unwrap(), ty, &values).unwrap()
    });
    let columns = columns.collect();
    let ids = if other {
        IdColumn::Uuid(ids.iter().map(|id| Uuid::from_u128((*id).into())).collect())
    } else {
        IdColumn::U64(ids.to_vec().into())
    };
    Rows::new(ids, columns).unwrap()
}

fn value(ty: AttributeType, counter: &mut i64) -> Value {
    let n = number(counter);
    match ty {
        _ if *counter % 7 == 0 => Value::Null,
        AttributeType::Vector { dim, .. } => {
            Value::Vector(VectorValue::F32(vec![n; dim as usize].into()))
        }
        AttributeType::Array(_) if *counter % 3 == 0 => Value::Array([].into()),
        AttributeType::Array(_) => Value::Array([Value::Int(*counter)].into()),
        AttributeType::Scalar(crate::model::ScalarType::Int) => Value::Int(*counter),
        AttributeType::Sparse => {
            Value::Sparse(SparseVector::new([(7, half::f16::from_f32(n))]).unwrap())
        }
        AttributeType::Scalar(_) => Value::String(counter.to_string().into()),
    }
}
