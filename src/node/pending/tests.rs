//! Writes in flight against a plain map: whatever is resolved, applied and folded in whatever order, every
//! write sees exactly what came before it.

use super::*;
use crate::server::{ByFilter, Conditions};
use isobath_query::{
    index::Scratch,
    search::{Comparison, Condition, Filter, FilterCache, SearchContext, select},
};
use isobath_storage::model::{
    AttributeName, AttributeType, Block, BodyHash, ClusterId, Column, Counts, Declaration, Epoch,
    Hlc, IdColumn, IdKind, IdempotencyKey, LogId, Mutation, Nonce, PatchMask, Rows, ScalarType,
    Segment, SegmentHeader, SegmentKind, ShardId, Value, VersionVector,
};
use proptest::prelude::*;
use std::collections::BTreeMap;
use uuid::Uuid;

const INT: AttributeType = AttributeType::Scalar(ScalarType::Int);

/// What happens, one after the other.
#[derive(Debug, Clone)]
enum Step {
    /// A write is resolved.
    Write(Write),
    /// A view is kept, in which later writes by filter choose their rows.
    Look,
    /// The oldest segment in flight is applied.
    Apply,
}

#[derive(Debug, Clone)]
enum Write {
    Upsert(BTreeMap<u64, i64>, Option<Test>),
    Patch(BTreeMap<u64, i64>, Option<Test>),
    Delete(Vec<u64>, Option<Test>),
    /// Deletes rows with a value up to the number, patches those below it, and inserts a row if absent.
    ByFilter(i64, i64, u64),
}

/// A condition on `n`.
#[derive(Debug, Clone, Copy)]
enum Test {
    Absent,
    Is(i64),
    Less,
}

impl Test {
    fn condition(self) -> Condition {
        let compare = |attribute: &str, comparison, value| {
            Condition::Row(Filter::Compare {
                attribute: name(attribute),
                comparison,
                value,
            })
        };
        match self {
            Self::Absent => compare("id", Comparison::Eq, Value::Null),
            Self::Is(n) => compare("n", Comparison::Eq, Value::Int(n)),
            Self::Less => Condition::New {
                attribute: name("n"),
                comparison: Comparison::Lt,
                new: name("n"),
            },
        }
    }

    fn holds(self, current: i64, new: Option<i64>) -> bool {
        match (self, new) {
            (Self::Absent, _) | (Self::Less, None) => false,
            (Self::Is(n), _) => current == n,
            (Self::Less, Some(new)) => current < new,
        }
    }
}

fn name(name: &str) -> AttributeName {
    name.parse().unwrap()
}

fn less(n: i64) -> Filter {
    Filter::Compare {
        attribute: name("n"),
        comparison: Comparison::Lt,
        value: Value::Int(n),
    }
}

fn rows(values: &BTreeMap<u64, i64>) -> Rows {
    let numbers: Vec<Value> = values.values().map(|n| Value::Int(*n)).collect();
    let column = Column::from_values(name("n"), INT, &numbers).unwrap();
    Rows::new(ids(values.keys().copied()), vec![column]).unwrap()
}

fn ids(ids: impl IntoIterator<Item = u64>) -> IdColumn {
    IdColumn::U64(ids.into_iter().collect::<Vec<_>>().into())
}

/// What is tested, and what it is compared with.
struct World {
    views: Arc<Views>,
    pending: Pending,
    seen: Option<Arc<isobath_query::view::View>>,
    flying: VecDeque<Arc<Segment>>,
    seq: Seq,
    model: BTreeMap<u64, i64>,
}

impl World {
    fn new() -> Self {
        let views = Arc::new(Views::default());
        Self {
            pending: Pending::new(Arc::clone(&views)),
            views,
            seen: None,
            flying: VecDeque::new(),
            seq: Seq::ZERO,
            model: BTreeMap::new(),
        }
    }

    /// Resolves `mutations` into a segment of their own; how many rows they changed.
    fn resolve(&mut self, mutations: Vec<Mutation>, terms: &Terms) -> u64 {
        let namespace: Namespace = "things".parse().unwrap();
        self.seq = self.seq.next();
        let log = LogId::new("here".parse().unwrap(), ShardId(0));
        let header = SegmentHeader {
            kind: SegmentKind::Data,
            cluster: ClusterId(Uuid::from_u128(1)),
            log,
            epoch: Epoch(1),
            seq: self.seq,
            writer: Uuid::from_u128(2),
            nonce: Nonce(3),
            hlc_min: Hlc(self.seq.0),
            hlc_max: Hlc(self.seq.0),
            ops: 100,
            seen: VersionVector::default(),
        };
        let declare = |attribute, ty| Declaration {
            attribute,
            ty,
            metric: None,
        };
        let mut request = Request {
            first_index: 0,
            key: IdempotencyKey(self.seq.0.into()),
            body: BodyHash(self.seq.0.into()),
            api_key: None,
            counts: Counts::default(),
            declarations: vec![
                declare(AttributeName::id(), IdKind::Uint.attribute_type()),
                declare(name("n"), INT),
            ],
            mutations,
        };
        let stamp = header.stamp(0);
        let affected = self.pending.resolve(&namespace, &mut request, terms, stamp);
        let affected = affected.unwrap().unwrap();
        let counts = request.counts;
        let listed = [&affected.upserted, &affected.patched, &affected.deleted];
        let counted = [counts.upserted, counts.patched, counts.deleted];
        for (ids, count) in listed.into_iter().zip(counted) {
            assert_eq!(ids.len() as u64, count.unwrap_or(0));
        }
        let blocks = vec![Block {
            namespace,
            requests: vec![request],
        }];
        self.flying.push_back(Arc::new(Segment { header, blocks }));
        counts.affected()
    }

    fn write(&mut self, write: Write) {
        let (mut terms, mut changed) = (Terms::default(), 0);
        terms.return_ids = true;
        let mutation = match write {
            Write::Upsert(values, test) => {
                terms.conditions.upsert = test.map(Test::condition);
                for (id, new) in &values {
                    let known = self.model.get(id).copied();
                    if test.is_none_or(|test| known.is_none_or(|n| test.holds(n, Some(*new)))) {
                        self.model.insert(*id, *new);
                        changed += 1;
                    }
                }
                Mutation::Upsert(rows(&values))
            }
            Write::Patch(values, test) => {
                terms.conditions.patch = test.map(Test::condition);
                for (id, new) in &values {
                    let passes =
                        |known: &&mut i64| test.is_none_or(|t| t.holds(**known, Some(*new)));
                    if let Some(known) = self.model.get_mut(id).filter(passes) {
                        *known = *new;
                        changed += 1;
                    }
                }
                Mutation::Patch(PatchMask::all(), rows(&values))
            }
            Write::Delete(gone, test) => {
                terms.conditions.delete = test.map(Test::condition);
                for id in &gone {
                    let passes = |known: &i64| test.is_none_or(|test| test.holds(*known, None));
                    if self.model.get(id).is_some_and(passes) {
                        self.model.remove(id);
                        changed += 1;
                    }
                }
                Mutation::Delete(ids(gone))
            }
            Write::ByFilter(most, patched, id) => {
                assert_eq!(self.by_filter(most, patched, id), Some(()));
                return;
            }
        };
        assert_eq!(self.resolve(vec![mutation], &terms), changed);
    }

    /// Rows that a view did not show when they were chosen are not touched, whatever they hold now.
    fn by_filter(&mut self, most: i64, patched: i64, id: u64) -> Option<()> {
        let Some(view) = self.seen.clone() else {
            return Some(());
        };
        let (cache, mut scratch) = (FilterCache::new(1 << 20), Scratch::default());
        let context = SearchContext {
            filters: &cache,
            scratch: &mut scratch,
            answer_bytes: usize::MAX,
            deadline: None,
        };
        let choose = |filter: &Filter| {
            let asked = ByFilter {
                filter: filter.clone(),
                allow_partial: false,
            };
            let selection = select(&view, filter, 1_000, &context).unwrap();
            Selected::new(&asked, selection, ("delete_by_filter", 1_000)).unwrap()
        };
        let terms = Terms {
            selected: vec![choose(&less(most)), choose(&less(most + 2))],
            conditions: Conditions {
                upsert: Some(Test::Absent.condition()),
                ..Conditions::default()
            },
            return_ids: true,
            ..Terms::default()
        };
        let chosen = |at: usize| -> Vec<u64> {
            let ids = terms.selected[at].delete();
            let number = |id| if let Id::U64(n) = id { n } else { 0 };
            ids.ids().map(number).collect()
        };
        let mut changed = 0;
        for id in chosen(0) {
            if self.model.get(&id).is_some_and(|n| *n < most) {
                self.model.remove(&id);
                changed += 1;
            }
        }
        for id in chosen(1) {
            if let Some(known) = self.model.get_mut(&id).filter(|n| **n < most + 2) {
                *known = patched;
                changed += 1;
            }
        }
        self.model.entry(id).or_insert_with(|| {
            changed += 1;
            0
        });
        let value = Column::from_values(name("n"), INT, &[Value::Int(patched)])?;
        let mutations = vec![
            terms.selected[0].delete(),
            terms.selected[1].patch(&[value]).ok()?,
            Mutation::Upsert(rows(&[(id, 0)].into())),
        ];
        (self.resolve(mutations, &terms) == changed).then_some(())
    }

    fn apply(&mut self) {
        if let Some(segment) = self.flying.pop_front() {
            self.views.apply(&segment).unwrap();
            self.pending.applied(segment.header.seq);
        }
    }

    fn look(&mut self) {
        let live = self.views.get(&"things".parse().unwrap());
        self.seen = live.map(|live| live.view());
    }

    /// The rows of the newest view.
    fn rows(&self) -> BTreeMap<u64, i64> {
        let Some(live) = self.views.get(&"things".parse().unwrap()) else {
            return BTreeMap::new();
        };
        let view = live.view();
        let mut found = BTreeMap::new();
        for set in view.sets.iter() {
            for row in (0..set.len()).filter(|row| set.is_visible(*row, view.version)) {
                let (Id::U64(id), Value::Int(n)) =
                    (set.rows.ids().get(row), set.rows.value(row, "n"))
                else {
                    panic!("a row without an id or a number");
                };
                assert_eq!(found.insert(id, n), None);
            }
        }
        found
    }
}

fn write() -> impl Strategy<Value = Write> {
    let (id, n) = (0u64..8, 0i64..6);
    let values = prop::collection::btree_map(id.clone(), n.clone(), 1..5);
    let gone = prop::collection::btree_set(id.clone(), 1..5)
        .prop_map(|ids| ids.into_iter().collect::<Vec<_>>());
    let test = prop::option::of(prop_oneof![
        Just(Test::Absent),
        n.clone().prop_map(Test::Is),
        Just(Test::Less),
    ]);
    prop_oneof![
        3 => (values.clone(), test.clone()).prop_map(|(v, t)| Write::Upsert(v, t)),
        2 => (values, test.clone()).prop_map(|(v, t)| Write::Patch(v, t)),
        1 => (gone, test).prop_map(|(v, t)| Write::Delete(v, t)),
        2 => (n.clone(), n, id).prop_map(|(most, to, id)| Write::ByFilter(most, to, id)),
    ]
}

proptest! {
    #[test]
    fn should_resolve_each_write_against_all_before_it(
        steps in prop::collection::vec(
            prop_oneof![
                5 => write().prop_map(Step::Write),
                1 => Just(Step::Look),
                3 => Just(Step::Apply),
            ],
            0..40,
        )
    ) {
        let mut world = World::new();
        for step in steps {
            match step {
                Step::Write(write) => world.write(write),
                Step::Look => world.look(),
                Step::Apply => world.apply(),
            }
        }
        while !world.flying.is_empty() {
            world.apply();
        }
        prop_assert_eq!(world.rows(), world.model);
        prop_assert!(world.pending.namespaces.is_empty() && world.pending.writes.is_empty());
    }
}
