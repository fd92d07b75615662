//! Views against a plain replay: whatever is written, folded and merged in whatever order, a view shows the
//! rows that the log up to it describes, and an older view keeps showing what it showed.

#![expect(clippy::unwrap_used, reason = "a test may end at the first surprise")]

mod branches;
mod late;

use isobath_compactor::{Prior, fold, merge};
use isobath_query::view::{Installed, Live, PartSet, View};
// for the histories of the fold's own tests
use isobath_storage::model;
use isobath_storage::{
    fold::{BaseRows, Found, Overlay, PartRows, ResolvedRows},
    model::{
        AttributeName, AttributeType, Block, BodyHash, ClusterId, Column, ContentHash, Control,
        Counts, Declaration, Epoch, Hlc, Id, IdColumn, IdempotencyKey, LogId, Mutation, Nonce,
        PartEntry, PatchMask, Request, Rows, ScalarType, Segment, SegmentHeader, SegmentKind, Seq,
        ShardId, Value, VersionVector,
    },
};
use proptest::prelude::*;
use roaring::RoaringBitmap;
use std::{collections::BTreeMap, sync::Arc};

const NAMESPACE: &str = "things";

/// One thing that happens to a namespace.
#[derive(Debug, Clone)]
enum Step {
    /// A segment with these mutations.
    Write(Vec<Op>),
    /// The delta becomes a part.
    Fold,
    /// The delta and all parts become one part.
    Merge,
}

#[derive(Debug, Clone)]
enum Op {
    Upsert(Vec<(u64, Option<i64>, Option<i64>)>),
    Patch(Vec<(u64, Option<i64>)>),
    Delete(Vec<u64>),
    DeleteNamespace,
    Drop,
}

fn op() -> impl Strategy<Value = Op> {
    let id = 0u64..12;
    let value = proptest::option::of(0i64..5);
    prop_oneof![
        6 => proptest::collection::vec((id.clone(), value.clone(), value.clone()), 1..6)
            .prop_map(Op::Upsert),
        4 => proptest::collection::vec((id.clone(), value), 1..4).prop_map(Op::Patch),
        3 => proptest::collection::vec(id, 1..4).prop_map(Op::Delete),
        1 => Just(Op::DeleteNamespace),
        1 => Just(Op::Drop),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => proptest::collection::vec(op(), 1..4).prop_map(Step::Write),
        1 => Just(Step::Fold),
        1 => Just(Step::Merge),
    ]
}

fn name(name: &str) -> AttributeName {
    name.parse().unwrap()
}

fn column(attribute: &str, values: &[Option<i64>]) -> Column {
    let values: Vec<Value> = values
        .iter()
        .map(|value| value.map_or(Value::Null, Value::Int))
        .collect();
    let ty = AttributeType::Scalar(ScalarType::Int);
    Column::from_values(name(attribute), ty, &values).unwrap()
}

fn ids(ids: impl IntoIterator<Item = u64>) -> IdColumn {
    IdColumn::U64(ids.into_iter().collect::<Vec<_>>().into())
}

fn mutation(op: &Op) -> Mutation {
    match op {
        Op::Upsert(rows) => {
            let rows: BTreeMap<_, _> = rows.iter().map(|(id, a, b)| (*id, (*a, *b))).collect();
            let (a, b): (Vec<_>, Vec<_>) = rows.values().copied().unzip();
            let columns = vec![column("a", &a), column("b", &b)];
            Mutation::Upsert(Rows::new(ids(rows.into_keys()), columns).unwrap())
        }
        Op::Patch(rows) => {
            let rows: BTreeMap<_, _> = rows.iter().copied().collect();
            let values: Vec<_> = rows.values().copied().collect();
            let columns = vec![column("a", &values)];
            let rows = Rows::new(ids(rows.into_keys()), columns).unwrap();
            Mutation::Patch(PatchMask::all(), rows)
        }
        Op::Delete(rows) => Mutation::Delete(ids(rows.iter().copied())),
        Op::DeleteNamespace => Mutation::Control(Control::Delete),
        Op::Drop => Mutation::Control(Control::DropAttribute {
            attribute: name("b"),
        }),
    }
}

fn request(op: &Op, first_index: u32) -> Request {
    let declare = |attribute: &str, ty| Declaration {
        attribute: name(attribute),
        ty: AttributeType::Scalar(ty),
        metric: None,
    };
    let declarations = match op {
        Op::Upsert(_) => vec![
            declare("id", ScalarType::Uint),
            declare("a", ScalarType::Int),
            declare("b", ScalarType::Int),
        ],
        _ => vec![],
    };
    Request {
        first_index,
        key: IdempotencyKey(0),
        body: BodyHash(0),
        api_key: None,
        counts: Counts::default(),
        declarations,
        mutations: vec![mutation(op)],
    }
}

fn segment(seq: u64, ops: &[Op]) -> Arc<Segment> {
    let mut requests = vec![];
    let mut index = 0;
    for op in ops {
        let request = request(op, index);
        index += u32::try_from(request.len()).unwrap();
        requests.push(request);
    }
    let hlc = Hlc(1_000 + seq);
    let header = SegmentHeader {
        kind: SegmentKind::Data,
        cluster: ClusterId(uuid::Uuid::nil()),
        log: LogId::new("use1".parse().unwrap(), ShardId(0)),
        epoch: Epoch(1),
        seq: Seq(seq),
        writer: uuid::Uuid::nil(),
        nonce: Nonce(0),
        hlc_min: hlc,
        hlc_max: hlc,
        ops: index,
        seen: VersionVector::default(),
    };
    let blocks = vec![Block {
        namespace: NAMESPACE.parse().unwrap(),
        requests,
    }];
    Arc::new(Segment { header, blocks })
}

type Content = BTreeMap<Id, Vec<(String, Value)>>;

fn content(rows: &Rows, row: usize) -> Vec<(String, Value)> {
    let value = |column: &Column| (column.name.to_string(), column.value(row));
    let values = rows.columns().iter().map(value);
    values.filter(|(_, value)| !value.is_null()).collect()
}

/// What a view shows; fails where it shows a row twice.
fn shown(view: &View) -> Content {
    let mut shown = Content::new();
    for set in view.sets.iter() {
        for row in (0..set.len()).filter(|row| set.is_visible(*row, view.version)) {
            let mut values = content(&set.rows, row);
            values.retain(|(name, _)| view.schema.get(name).is_some());
            let twice = shown.insert(set.rows.ids().get(row), values);
            assert!(
                twice.is_none(),
                "row {} is shown twice",
                set.rows.ids().get(row)
            );
        }
    }
    shown
}

#[derive(Debug)]
struct Nothing;

impl BaseRows for Nothing {
    fn find(&self, _: &Id) -> Option<Found> {
        None
    }
}

/// What the log describes, without parts and views.
fn described(log: &[Arc<Segment>]) -> Content {
    let mut overlay = Overlay::default();
    for segment in log {
        overlay
            .apply(&Nothing, &segment.header, &segment.blocks[0])
            .unwrap();
    }
    let ids: Vec<Id> = overlay.ids().cloned().collect();
    let ResolvedRows { rows, .. } = overlay.resolve(&ids, &overlay.schema().schema()).unwrap();
    (0..rows.len())
        .map(|row| (rows.ids().get(row), content(&rows, row)))
        .collect()
}

fn part(hash: &str, rows: PartRows) -> PartSet {
    let entry = PartEntry {
        hash: ContentHash::of(hash.as_bytes()),
        rows: rows.rows.len() as u64,
        bytes: 0,
        hlc_max: rows.stamps.newest(),
        dead: None,
        dead_rows: 0,
        owner: None,
        stamp: None,
    };
    PartSet::new(rows, entry)
}

/// The delta becomes a part; with `all`, everything becomes one.
fn install(live: &Live, number: usize, all: bool) {
    let input = live.fold_input();
    let parts = &input.installed.parts;
    let prior = Prior {
        schema: input.installed.schema.clone(),
        parts: parts.iter().map(|part| part.rows.clone()).collect(),
    };
    let blocks = input
        .blocks
        .iter()
        .map(|u| (&u.segment().header, u.block().unwrap()));
    let folded = fold(&prior, blocks, Hlc(u64::MAX)).unwrap();
    let mut next: Vec<PartSet> = parts
        .iter()
        .zip(&folded.dead)
        .map(|(part, dead)| part.with_dead(Arc::new(RoaringBitmap::clone(dead))))
        .collect();
    let new = folded.rows.into_iter();
    next.extend(new.map(|rows| part(&format!("part{number}"), rows)));
    let mut schema = folded.schema;
    if all {
        let rows: Vec<PartRows> = next.iter().map(|part| part.rows.clone()).collect();
        next = vec![part(
            &format!("merged{number}"),
            merge(&rows, &schema, Hlc(u64::MAX))
                .unwrap()
                .resolve()
                .unwrap(),
        )];
        schema.settle(Hlc(u64::MAX));
    }
    let installed = Installed {
        schema,
        parts: next,
        seen: input.seen,
        last_write: Hlc::ZERO,
    };
    live.install(installed).unwrap();
}

fn check(steps: &[Step]) {
    let live = Live::new(NAMESPACE.parse().unwrap(), Installed::default());
    let mut log = vec![];
    let mut pinned: Vec<(Arc<View>, Content)> = vec![];
    for (number, step) in steps.iter().enumerate() {
        match step {
            Step::Write(ops) => {
                let segment = segment(log.len() as u64 + 1, ops);
                live.apply(&segment, 0).unwrap();
                log.push(segment);
            }
            Step::Fold => install(&live, number, false),
            Step::Merge => install(&live, number, true),
        }
        let view = live.view();
        let expected = described(&log);
        assert_eq!(shown(&view), expected, "after step {number}");
        assert_eq!(view.rows(), expected.len(), "count after step {number}");
        for (id, _) in expected.iter().take(3) {
            assert!(live.is_live(id));
        }
        pinned.push((view, expected));
    }
    for (at, (view, expected)) in pinned.iter().enumerate() {
        assert_eq!(shown(view), *expected, "the view pinned at step {at}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn should_show_what_the_log_describes(steps in proptest::collection::vec(step(), 1..25)) {
        check(&steps);
    }
}
