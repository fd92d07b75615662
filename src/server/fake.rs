//! [`FakeEngine`]: an engine for tests of the API that answers what it is told to.

use super::{
    Deleted, Engine, EngineError, EngineErrorKind, Explained, GroundTruth, Health, Metadata,
    NamespacePage, NamespaceReplication, OwnedLog, Policy, Pong, Queried, QueryCommand,
    ReadOptions, RecallCommand, Recalled, Spent, WriteCommand, WriteOptions, Written,
    keys::{ApiKey, KeyRing},
};
use async_trait::async_trait;
use isobath_query::search::{AggregateValue, Answer, Hit, Path, Query, Stats, fuse};
use isobath_storage::model::{
    AttributeConfig, ClusterId, Counts, Epoch, Hlc, Id, IdKind, LogId, Metric, Namespace, Schema,
    Seq, ShardId, Switch, Token, Value, VectorValue, VersionVector,
};
use parking_lot::Mutex;
use std::{sync::Arc, time::Duration};
use uuid::Uuid;

/// An engine that answers what it is told to and remembers what it was asked.
#[derive(Debug)]
pub(super) struct FakeEngine {
    pub(super) owner: Mutex<Option<String>>,
    /// What every command fails with.
    pub(super) error: Mutex<Option<EngineErrorKind>>,
    pub(super) writes: Mutex<Vec<(WriteCommand, WriteOptions)>>,
    pub(super) reads: Mutex<Vec<ReadOptions>>,
    /// The keys; `None` = they were not read yet.
    pub(super) keys: Mutex<Option<Vec<ApiKey>>>,
    /// How long a write takes.
    pub(super) delay: Mutex<Duration>,
}

impl Default for FakeEngine {
    fn default() -> Self {
        Self {
            owner: Mutex::default(),
            error: Mutex::default(),
            writes: Mutex::default(),
            reads: Mutex::default(),
            keys: Mutex::new(Some(vec![])),
            delay: Mutex::default(),
        }
    }
}

pub(super) fn token() -> Token {
    let log = LogId::new("eu".parse().unwrap(), ShardId(0));
    Token {
        cluster: ClusterId(Uuid::from_u128(7)),
        hlc: Hlc::from_millis(1),
        seen: [(log, Seq(9))].into_iter().collect::<VersionVector>(),
    }
}

fn schema() -> Arc<Schema> {
    let config = |ty: &str, metric, switch: Option<Switch>| AttributeConfig {
        ty: ty.parse().unwrap(),
        metric,
        switches: switch.into_iter().map(|s| (s, false.into())).collect(),
    };
    let cosine = Some(Metric::CosineDistance);
    let hidden = Some(Switch::Filterable);
    let attributes = [
        ("vector", config("[2]f16", cosine, None)),
        ("private", config("bool", None, None)),
        ("text", config("string", None, hidden)),
    ];
    let attributes = attributes.map(|(name, config)| (name.parse().unwrap(), config));
    Arc::new(Schema {
        id_kind: Some(IdKind::Uint),
        attributes: attributes.into(),
    })
}

fn hits() -> Vec<Hit> {
    let hit = |id, distance, attributes: Vec<(&str, Value)>| Hit {
        id,
        distance,
        attributes: attributes
            .into_iter()
            .map(|(name, value)| (name.parse().unwrap(), value))
            .collect(),
    };
    let vector = Value::Vector(VectorValue::F32([0.7, 2.0].into()));
    let first = vec![("hello", Value::String("world".into())), ("vector", vector)];
    let second = vec![("gone", Value::Null), ("at", Value::Datetime(250))];
    vec![
        hit(Id::U64(u64::MAX), Some(0.1), first),
        hit(Id::Str("b".into()), None, second),
    ]
}

impl FakeEngine {
    fn check(&self) -> Result<(), EngineError> {
        match &*self.error.lock() {
            Some(kind) => Err(EngineError::new(kind.clone(), "told to fail")),
            None => Ok(()),
        }
    }
}

#[async_trait]
impl Engine for FakeEngine {
    async fn write(
        &self,
        _: &Namespace,
        command: WriteCommand,
        options: WriteOptions,
    ) -> Result<Written, EngineError> {
        self.check()?;
        let delay = *self.delay.lock();
        self.writes.lock().push((command, options));
        tokio::time::sleep(delay).await;
        Ok(Written {
            replicated_to: None,
            counts: Counts {
                upserted: Some(2),
                ..Counts::default()
            },
            affected: None,
            token: token(),
            committed_at_ms: 1_709_251_200_250,
        })
    }

    async fn query(
        &self,
        _: &Namespace,
        command: QueryCommand,
        options: ReadOptions,
    ) -> Result<Queried, EngineError> {
        self.check()?;
        self.reads.lock().push(options);
        let answer = |query: &Query| Answer {
            rows: hits(),
            aggregates: query
                .aggregates
                .iter()
                .map(|(l, _)| (l.clone(), AggregateValue::Whole(3)))
                .collect(),
            groups: None,
            stats: Stats {
                path: Path::Graph,
                rows_scanned: 10,
                exhaustive_search_count: 1,
                candidates: 5,
                filter_rows: None,
            },
        };
        let answers: Vec<Answer> = command.queries.iter().map(answer).collect();
        Ok(Queried {
            answers: match &command.fusion {
                Some(fusion) => vec![fuse(answers, fusion)],
                None => answers,
            },
            token: token(),
            schema: schema(),
            approx_namespace_size: 3,
            bytes_queried: 12,
            staleness: None,
            fetched: None,
            spent: Spent::default(),
        })
    }

    async fn explain(
        &self,
        _: &Namespace,
        query: Query,
        options: ReadOptions,
    ) -> Result<Explained, EngineError> {
        self.check()?;
        self.reads.lock().push(options);
        Ok(Explained {
            plan: format!("{} rows", query.limit),
            token: token(),
        })
    }

    async fn namespaces(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<NamespacePage, EngineError> {
        self.check()?;
        let names = ["a1", "a2", "a3", "b1"].into_iter();
        let names = names.filter(|name| name.starts_with(prefix) && Some(*name) > after);
        let names: Vec<Namespace> = names.map(|name| name.parse().unwrap()).collect();
        Ok(NamespacePage {
            more: names.len() > limit,
            namespaces: names.into_iter().take(limit).collect(),
        })
    }

    async fn delete_namespace(
        &self,
        _: &Namespace,
        _: WriteOptions,
    ) -> Result<Deleted, EngineError> {
        self.check()?;
        Ok(Deleted { token: token() })
    }

    async fn schema(&self, _: &Namespace) -> Result<Arc<Schema>, EngineError> {
        self.check()?;
        Ok(schema())
    }

    fn owner(&self, _: &Namespace) -> Option<String> {
        self.owner.lock().clone()
    }

    fn schema_hint(&self, _: &Namespace) -> Option<Arc<Schema>> {
        None
    }

    async fn metadata(&self, _: &Namespace) -> Result<Metadata, EngineError> {
        self.check()?;
        Ok(Metadata {
            schema: schema(),
            approx_row_count: 0,
            approx_logical_bytes: 0,
            created_at_ms: 0,
            updated_at_ms: 1,
            last_write_at_ms: 1,
            unindexed_rows: 0,
            unindexed_bytes: 0,
            policy: Policy::default(),
        })
    }

    async fn recall(&self, _: &Namespace, command: RecallCommand) -> Result<Recalled, EngineError> {
        self.check()?;
        let truth = GroundTruth {
            query_vector: vec![0.7, 0.1],
            nearest_neighbors: hits(),
        };
        Ok(Recalled {
            avg_recall: 1.0,
            avg_exhaustive_count: 2.0,
            avg_ann_count: 2.0,
            ground_truth: command.include_ground_truth.then(|| vec![truth]),
        })
    }

    async fn purge_cache(&self, _: &Namespace) -> Result<(), EngineError> {
        self.check()
    }

    fn keys(&self) -> Option<Arc<KeyRing>> {
        let keys = self.keys.lock().clone()?;
        let rows = keys.len();
        Some(Arc::new(KeyRing::new(keys, rows)))
    }

    fn health(&self) -> Health {
        match &*self.error.lock() {
            Some(_) => Health::NotReady("told to fail".into()),
            None => Health::Ready,
        }
    }

    async fn replication(
        &self,
        namespace: &Namespace,
    ) -> Result<NamespaceReplication, EngineError> {
        let said = format!("namespace '{namespace}' was not found");
        Err(EngineError::new(EngineErrorKind::NotFound, said))
    }

    fn ping(&self) -> Pong {
        let region = "eu".parse().unwrap();
        Pong {
            node: Uuid::from_u128(1),
            region,
            owned: vec![OwnedLog {
                log: LogId::new(region, ShardId(0)),
                epoch: Epoch(3),
                tail: Seq(9),
            }],
        }
    }
}
