//! Views over several logs: whatever comes late, in whatever order and between whatever folds, a view shows what the
//! set of mutations means.

#[path = "../../storage/src/fold/tests/definition.rs"]
#[expect(dead_code, reason = "the fold's own tests use the rest of it")]
mod definition;
#[path = "../../storage/src/fold/tests/history.rs"]
#[expect(dead_code, reason = "the fold's own tests use the rest of it")]
mod history;

use history::{Item, any_history};
use isobath_compactor::{
    Compactor, Job, Prior, Scratch,
    state::{OpenParts, PartsInMemory},
};
use isobath_query::view::{Installed, Live, PartSet, View};
use isobath_storage::{
    catalog::Catalog,
    fold::{NamespaceState, stable},
    format::Manifest,
    model::{Hlc, Id, LogId, Namespace, Segment, ShardId, Value},
};
use object_store::memory::InMemory;
use proptest::{collection::vec, prelude::*};
use std::{collections::BTreeMap, sync::Arc};

type Content = BTreeMap<Id, BTreeMap<String, Value>>;

/// What happens after a segment was applied.
#[derive(Debug, Clone, Copy)]
enum Then {
    Nothing,
    Fold {
        all: bool,
    },
    /// The node starts anew from the manifest.
    Restart,
}

fn any_then() -> impl Strategy<Value = Then> {
    prop_oneof![
        3 => Just(Then::Nothing),
        4 => any::<bool>().prop_map(|all| Then::Fold { all }),
        1 => Just(Then::Restart),
    ]
}

/// A node's view of one namespace, and the bucket that it folds into.
struct Node {
    catalog: Catalog,
    compactor: Compactor,
    live: Live,
    manifest: Option<Manifest>,
    applied: Vec<Arc<Segment>>,
    read: BTreeMap<LogId, Hlc>,
    _dir: tempfile::TempDir,
}

fn name() -> Namespace {
    "n".parse().unwrap()
}

fn members() -> impl Iterator<Item = LogId> {
    let log = |region: &str| LogId::new(region.parse().unwrap(), ShardId(0));
    ["a", "b", "c"].into_iter().map(log)
}

impl Node {
    fn new() -> Self {
        let catalog = Catalog::new(Arc::new(InMemory::new()));
        let dir = tempfile::tempdir().unwrap();
        Self {
            compactor: Compactor::new(catalog.clone(), Scratch::open(dir.path()).unwrap()),
            catalog,
            live: Live::new(name(), Installed::default()),
            manifest: None,
            applied: vec![],
            read: BTreeMap::new(),
            _dir: dir,
        }
    }

    fn apply(&mut self, (header, block): Item) {
        let time = self.read.entry(header.log).or_default();
        *time = header.hlc_max.max(*time);
        let blocks = vec![block];
        let segment = Arc::new(Segment { header, blocks });
        self.live.apply(&segment, 0).unwrap();
        self.applied.push(segment);
    }

    async fn fold(&mut self, all: bool) {
        let input = self.live.fold_input();
        let parts = &input.installed.parts;
        let job = Job {
            namespace: &name(),
            manifest: self.manifest.as_ref(),
            prior: Prior {
                schema: input.installed.schema.clone(),
                parts: parts.iter().map(|part| part.rows.clone()).collect(),
            },
            blocks: input
                .blocks
                .iter()
                .map(|u| (&u.segment().header, u.block().unwrap()))
                .collect(),
            seen: input.seen.clone(),
            last_write: input.last_write,
            stable: stable(members(), &self.read),
            all,
            max_part_rows: 1_000,
        };
        let Some(made) = self.compactor.compact(job).await.unwrap() else {
            return;
        };
        let mut next = vec![];
        for ((entry, kept), dead) in made.manifest.parts.iter().zip(made.kept).zip(made.dead) {
            next.push(if let Some(at) = kept {
                parts[at].under(entry, dead)
            } else {
                let opened = PartsInMemory(self.catalog.clone());
                let rows = opened.open(&name(), entry, dead).await.unwrap();
                PartSet::new(rows, entry.clone())
            });
        }
        self.live.install(installed(&made.manifest, next)).unwrap();
        self.manifest = Some(made.manifest);
    }

    async fn restart(&mut self) {
        let mut parts = vec![];
        for entry in self.manifest.iter().flat_map(|m| &m.parts) {
            let dead = match entry.dead {
                None => Arc::default(),
                Some(hash) => {
                    let namespace = name();
                    let key = isobath_storage::store::keys::DeadKey { namespace, hash };
                    Arc::new(self.catalog.dead(&key).await.unwrap())
                }
            };
            let opened = PartsInMemory(self.catalog.clone());
            let rows = opened.open(&name(), entry, dead).await.unwrap();
            parts.push(PartSet::new(rows, entry.clone()));
        }
        let installed = match &self.manifest {
            Some(manifest) => installed(manifest, parts),
            None => Installed::default(),
        };
        self.live = Live::new(name(), installed);
        for segment in &self.applied {
            self.live.apply(segment, 0).unwrap();
        }
    }
}

fn installed(manifest: &Manifest, parts: Vec<PartSet>) -> Installed {
    Installed {
        schema: manifest.schema.clone(),
        parts,
        seen: manifest.seen.clone(),
        last_write: manifest.last_write,
    }
}

/// What a view shows; fails where it shows a row twice.
fn shown(view: &View) -> Content {
    let mut shown = Content::new();
    for set in view.sets.iter() {
        for row in (0..set.len()).filter(|row| set.is_visible(*row, view.version)) {
            let columns = set.rows.columns().iter().filter(|column| {
                let config = view.schema.get(column.name.as_str());
                config.is_some_and(|config| config.ty == column.ty)
            });
            let values = columns.map(|column| (column.name.to_string(), column.value(row)));
            let values = values.filter(|(_, value)| !value.is_null()).collect();
            let id = set.rows.ids().get(row);
            let twice = shown.insert(id.clone(), values);
            assert!(twice.is_none(), "row {id} is shown twice");
        }
    }
    shown
}

fn check(history: Vec<Item>, order: &[prop::sample::Index], schedule: &[Then]) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let (mut node, mut arrived, mut left) = (Node::new(), vec![], history);
    for (pick, then) in order.iter().zip(schedule) {
        if left.is_empty() {
            break;
        }
        let log = left[pick.index(left.len())].0.log;
        let next = left.iter().position(|(header, _)| header.log == log);
        let item = left.remove(next.unwrap());
        arrived.push(item.clone());
        node.apply(item);
        let meant = definition::rows(&arrived);
        assert_eq!(shown(&node.live.view()), meant, "applied {}", arrived.len());
        runtime.block_on(async {
            match then {
                Then::Nothing => {}
                Then::Fold { all } => node.fold(*all).await,
                Then::Restart => node.restart().await,
            }
        });
        let view = node.live.view();
        assert_eq!(shown(&view), meant, "{then:?} after {}", arrived.len());
        if view.exists() {
            assert_eq!(view.rows(), meant.len(), "{then:?} after {}", arrived.len());
        }
        for id in (0..4).map(Id::U64) {
            let live = meant.contains_key(&id);
            assert!(
                !live || node.live.is_live(&id),
                "{id} after {}",
                arrived.len()
            );
        }
        let mut plain = NamespaceState::default();
        for (header, block) in &arrived {
            plain.apply(header, block).unwrap();
        }
        assert_eq!(
            plain.schema(),
            *view.schema,
            "{then:?} after {}",
            arrived.len()
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn should_show_what_the_set_of_mutations_means(
        history in any_history(),
        order in vec(any::<prop::sample::Index>(), 12),
        schedule in vec(any_then(), 12),
    ) {
        check(history, &order, &schedule);
    }
}
