//! Branches against a plain model: whatever is written to a namespace and to its branch, before and after, each shows
//! its own rows; also a view that gets the adopted parts late.

use super::{Op, op, request, segment, shown};
use isobath_compactor::{Compactor, Prior, Scratch, Stage, fold, merge};
use isobath_query::view::{Installed, Lacking, Live, PartSet};
use isobath_storage::{
    catalog::Catalog,
    fold::PartRows,
    format::part::Part,
    model::{ContentHash, Control, Hlc, Id, Mutation, Namespace, PartEntry, Segment, Value},
    store::keys::{DeadKey, Key, PartKey},
};
use object_store::memory::InMemory;
use proptest::prelude::*;
use roaring::RoaringBitmap;
use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

#[derive(Debug, Clone)]
enum Step {
    /// A segment with these mutations of one of the two.
    Write(usize, Vec<Op>),
    /// The delta of one becomes a part.
    Fold(usize),
    /// All of one becomes one part.
    Merge(usize),
    /// The other one becomes a branch of this one.
    Branch(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let side = 0usize..2;
    prop_oneof![
        6 => (side.clone(), proptest::collection::vec(op(), 1..4))
            .prop_map(|(side, ops)| Step::Write(side, ops)),
        2 => side.clone().prop_map(Step::Fold),
        1 => side.clone().prop_map(Step::Merge),
        2 => side.prop_map(Step::Branch),
    ]
}

/// The rows: `a` and `b` by id.
type Model = BTreeMap<u64, (Option<i64>, Option<i64>)>;

fn play(model: &mut Model, op: &Op) {
    match op {
        Op::Upsert(rows) => model.extend(rows.iter().map(|(id, a, b)| (*id, (*a, *b)))),
        Op::Patch(rows) => {
            // of one id that comes twice the last counts
            for (id, a) in rows {
                if let Some(row) = model.get_mut(id) {
                    row.0 = *a;
                }
            }
        }
        Op::Delete(rows) => model.retain(|id, _| !rows.contains(id)),
        Op::DeleteNamespace => model.clear(),
        Op::Drop => model.values_mut().for_each(|row| row.1 = None),
    }
}

fn expected(model: &Model) -> BTreeMap<Id, Vec<(String, Value)>> {
    let value = |name: &str, value: Option<i64>| Some((name.to_owned(), Value::Int(value?)));
    let row = |(id, (a, b)): (&u64, &(Option<i64>, Option<i64>))| {
        let values = [value("a", *a), value("b", *b)];
        (Id::U64(*id), values.into_iter().flatten().collect())
    };
    model.iter().map(row).collect()
}

/// Two namespaces of one log, each with a view that also gets adopted parts at once, and one that does not.
struct World {
    compactor: Compactor,
    catalog: Catalog,
    lives: [Live; 2],
    late: [Live; 2],
    models: [Model; 2],
    /// The parts that no store holds.
    parts: HashMap<ContentHash, PartRows>,
    next: u64,
}

fn name(side: usize) -> Namespace {
    ["source", "branch"][side].parse().unwrap()
}

impl World {
    fn new(scratch: &std::path::Path) -> Self {
        let catalog = Catalog::new(Arc::new(InMemory::new()));
        let live = |side| Live::new(name(side), Installed::default());
        Self {
            compactor: Compactor::new(catalog.clone(), Scratch::open(scratch).unwrap()),
            catalog,
            lives: [0, 1].map(live),
            late: [0, 1].map(live),
            models: Default::default(),
            parts: HashMap::new(),
            next: 1,
        }
    }

    fn commit(&mut self, side: usize, mut segment: Segment) {
        segment.blocks[0].namespace = name(side);
        let segment = Arc::new(segment);
        self.next += 1;
        self.lives[side].apply(&segment, 0).unwrap();
        self.late[side].apply(&segment, 0).unwrap();
    }

    fn write(&mut self, side: usize, ops: &[Op]) {
        let segment = Arc::unwrap_or_clone(segment(self.next, ops));
        self.commit(side, segment);
        for op in ops {
            play(&mut self.models[side], op);
        }
    }

    fn install(&mut self, side: usize, all: bool) {
        let input = self.lives[side].fold_input();
        let parts = &input.installed.parts;
        let prior = Prior {
            schema: input.installed.schema.clone(),
            parts: parts.iter().map(|part| part.rows.clone()).collect(),
        };
        let blocks = input.blocks.iter();
        let blocks = blocks.map(|u| (&u.segment().header, u.block().unwrap()));
        let folded = fold(&prior, blocks, Hlc(u64::MAX)).unwrap();
        let mut next: Vec<PartSet> = parts
            .iter()
            .zip(&folded.dead)
            .map(|(part, dead)| part.with_dead(Arc::new(RoaringBitmap::clone(dead))))
            .collect();
        let mut schema = folded.schema;
        next.extend(folded.rows.into_iter().map(|rows| self.part(rows)));
        if all || schema.attributes.values().any(|a| a.dropped.is_some()) {
            let rows: Vec<PartRows> = next.iter().map(|part| part.rows.clone()).collect();
            let merged = merge(&rows, &schema, Hlc(u64::MAX)).unwrap();
            next = vec![self.part(merged.resolve().unwrap())];
            schema.settle(Hlc(u64::MAX));
        }
        let installed = Installed {
            schema,
            parts: next,
            seen: input.seen,
            last_write: Hlc::ZERO,
        };
        self.lives[side].install(installed).unwrap();
    }

    fn part(&mut self, rows: PartRows) -> PartSet {
        let number = self.parts.len();
        let entry = PartEntry {
            hash: ContentHash::of(&number.to_le_bytes()),
            rows: rows.rows.len() as u64,
            bytes: 0,
            hlc_max: rows.stamps.newest(),
            dead: None,
            dead_rows: 0,
            owner: None,
            stamp: None,
        };
        self.parts.insert(entry.hash, rows.clone());
        PartSet::new(rows, entry)
    }

    async fn branch(&mut self, from: usize) {
        let (source, to) = (name(from), 1 - from);
        if !self.lives[from].view().exists() {
            return;
        }
        let target = name(to);
        let input = self.lives[from].fold_input();
        let parts = &input.installed.parts;
        let blocks = input.blocks.iter();
        let job = Stage {
            namespace: &target,
            source: &source,
            entries: parts.iter().map(|part| part.entry.clone()).collect(),
            prior: Prior {
                schema: input.installed.schema.clone(),
                parts: parts.iter().map(|part| part.rows.clone()).collect(),
            },
            blocks: blocks
                .map(|u| (&u.segment().header, u.block().unwrap()))
                .collect(),
            seen: input.seen.clone(),
            now_ms: self.next,
        };
        let staged = self.compactor.stage(&job).await.unwrap();
        let rows = self.models[from].len() as u64;
        assert_eq!(staged.adoption.live(), rows);
        let mut segment = Arc::unwrap_or_clone(segment(self.next, &[Op::DeleteNamespace]));
        let schema = staged.schema.schema();
        let adopts = &mut segment.blocks[0].requests[0];
        adopts.declarations = request(&Op::Upsert(vec![]), 0).declarations;
        adopts
            .declarations
            .retain(|d| d.attribute.is_id() || schema.get(d.attribute.as_str()).is_some());
        let adopt = staged.adoption;
        adopts
            .mutations
            .push(Mutation::Control(Control::Adopt { adopt }));
        self.commit(to, segment);
        self.supply(&self.lives[to]).await;
        self.models[to] = self.models[from].clone();
    }

    async fn supply(&self, live: &Live) {
        while let Some(lacking) = live.lacking() {
            let Lacking {
                namespace,
                stamp,
                adoption,
            } = lacking;
            let mut parts = vec![];
            for entry in adoption.parts {
                let entry = entry.stamped(stamp);
                let mut rows = if let Some(rows) = self.parts.get(&entry.hash) {
                    rows.clone()
                } else {
                    let key = PartKey::of(&namespace, &entry).path();
                    let part = Part::open(self.catalog.get(&key).await.unwrap()).unwrap();
                    PartRows::new(part.rows, part.stamps)
                };
                if let Some(hash) = entry.dead {
                    let namespace = namespace.clone();
                    let key = DeadKey { namespace, hash };
                    rows.dead = Arc::new(self.catalog.dead(&key).await.unwrap());
                }
                parts.push(PartSet::new(rows, entry));
            }
            live.supply(stamp, parts).unwrap();
        }
    }

    fn check(&self, lives: &[Live; 2], step: usize) {
        for (live, model) in lives.iter().zip(&self.models) {
            let view = live.view();
            let namespace = &view.namespace;
            assert_eq!(shown(&view), expected(model), "{namespace} at {step}");
            assert_eq!(view.rows(), model.len(), "rows of {namespace} at {step}");
            for id in model.keys().take(3) {
                assert!(live.is_live(&Id::U64(*id)));
            }
        }
    }
}

async fn check(steps: Vec<Step>, scratch: &std::path::Path) {
    let mut world = World::new(scratch);
    for (number, step) in steps.into_iter().enumerate() {
        match step {
            Step::Write(side, ops) => world.write(side, &ops),
            Step::Fold(side) => world.install(side, false),
            Step::Merge(side) => world.install(side, true),
            Step::Branch(from) => world.branch(from).await,
        }
        world.check(&world.lives, number);
    }
    for live in &world.late {
        world.supply(live).await;
    }
    world.check(&world.late, usize::MAX);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn should_let_a_namespace_and_its_branch_go_their_own_ways(
        steps in proptest::collection::vec(step(), 1..25),
    ) {
        let scratch = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(check(steps, scratch.path()));
    }
}
