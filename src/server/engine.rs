//! [`Engine`]: what the HTTP API asks of a node.

use super::{
    Elsewhere, EngineError, EngineErrorKind, NamespaceReplication, Policy, Pushed, RegionPong,
    RegionStatus, WriteCommand, keys::KeyRing,
};
use async_trait::async_trait;
use isobath_query::search::{Answer, Filter, Fusion, Hit, Query};
use isobath_storage::log::Affected;
use isobath_storage::model::{
    AttributeName, BodyHash, Counts, Epoch, IdempotencyKey, LogId, Namespace, Region, Schema, Seq,
    Token, VersionVector,
};
use isobath_storage::trace::SpanContext;
use serde::{Deserialize, Serialize};
use std::{fmt::Debug, sync::Arc, time::Duration};
use uuid::Uuid;

/// What the HTTP API asks of a node: every method is one command, answered when it took effect.
#[async_trait]
pub trait Engine: Debug + Send + Sync + 'static {
    /// Commits a write. Fails with [`NotOwner`](super::EngineErrorKind::NotOwner) where another node
    /// owns the namespace's log.
    async fn write(
        &self,
        namespace: &Namespace,
        command: WriteCommand,
        options: WriteOptions,
    ) -> Result<Written, EngineError>;

    /// Answers all queries of `command` on one snapshot, in order, or their fusion.
    async fn query(
        &self,
        namespace: &Namespace,
        command: QueryCommand,
        options: ReadOptions,
    ) -> Result<Queried, EngineError>;

    /// How `query` is answered, in words.
    async fn explain(
        &self,
        namespace: &Namespace,
        query: Query,
        options: ReadOptions,
    ) -> Result<Explained, EngineError>;

    /// Up to `limit` namespaces whose name starts with `prefix` and comes after `after`, by name; sees
    /// every namespace that this region acked before the call.
    async fn namespaces(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<NamespacePage, EngineError>;

    /// Deletes a namespace with all its rows; the name can be used again at once.
    async fn delete_namespace(
        &self,
        namespace: &Namespace,
        options: WriteOptions,
    ) -> Result<Deleted, EngineError>;

    /// The visible schema of a namespace, as of a strong read.
    async fn schema(&self, namespace: &Namespace) -> Result<Arc<Schema>, EngineError>;

    /// Where writes to `namespace` have to be sent, as `host:port` or `http://host:port`; `None` where
    /// this node owns the log, or does not know who does. Never waits.
    fn owner(&self, namespace: &Namespace) -> Option<String>;

    /// The schema as this node knows it now, without waiting; `None` where it knows no such
    /// namespace. Types of values that JSON leaves open are taken from it.
    fn schema_hint(&self, namespace: &Namespace) -> Option<Arc<Schema>>;

    /// Facts about a namespace, as of a strong read.
    async fn metadata(&self, namespace: &Namespace) -> Result<Metadata, EngineError>;

    /// Compares approximate with exact searches of a namespace.
    async fn recall(
        &self,
        namespace: &Namespace,
        command: RecallCommand,
    ) -> Result<Recalled, EngineError>;

    /// Forgets what is kept in memory only to answer the next queries faster.
    async fn purge_cache(&self, namespace: &Namespace) -> Result<(), EngineError>;

    /// The region's API keys as this node knows them now; `None` where it has not read them yet. Never
    /// waits.
    fn keys(&self) -> Option<Arc<KeyRing>>;

    /// Whether the node can serve requests.
    fn health(&self) -> Health;

    /// What another node of the region wants to know; never waits for the store.
    fn ping(&self) -> Pong;

    /// What a node of another region wants to know; `None` where the region is alone. Never waits for the store.
    fn region_pong(&self) -> Option<RegionPong> {
        None
    }

    /// Takes what the owner of another region's log pushed. What the bucket holds as soon as it holds the log up to the
    /// push's tail, or after a while.
    async fn offer(&self, _: Pushed) -> Result<VersionVector, EngineError> {
        let said = "this region is not part of a cluster";
        Err(EngineError::new(EngineErrorKind::NotFound, said))
    }

    /// The regions of the cluster as this node sees them, or its own alone.
    fn regions(&self) -> Vec<RegionStatus> {
        vec![]
    }

    /// A namespace as the regions of its cluster hold it.
    async fn replication(&self, namespace: &Namespace)
    -> Result<NamespaceReplication, EngineError>;

    /// Where conditional and by-filter writes to `namespace` are resolved; `None` where here.
    fn home(&self, _: &Namespace) -> Option<Elsewhere> {
        None
    }

    /// A region that holds what `token` says for sure: one whose log this node has not read far enough.
    fn holder(&self, _: &Token) -> Option<Elsewhere> {
        None
    }

    /// Waits until the views have reached `token`, or for `wait`.
    async fn settle(&self, _: &Token, _: Duration) {}
}

/// What a write's effect and answer depend on besides the command.
#[derive(Debug, Clone)]
pub struct WriteOptions {
    /// Names the write. Given by the client or by the first node that received it.
    pub key: IdempotencyKey,
    /// The hash of namespace, API key and body.
    pub body: BodyHash,
    /// Names the API key that was used, where there are keys.
    pub api_key: Option<String>,
    /// The client says that it sent this body before: its hash names the write, too.
    pub retry: bool,
    /// Another node took the request from the client and passed it on.
    pub forwarded: bool,
    /// Written even where much waits to be folded.
    pub disable_backpressure: bool,
    /// In how many regions' buckets it must be before it is answered, if it gets there in time.
    pub concern: Option<Concern>,
    /// Where and when the caller wants to have got to before the write.
    pub read: ReadOptions,
}

/// In how many regions' buckets a write is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Concern {
    /// How many, that which commits it among them.
    pub regions: usize,
    /// How long to wait for them after the commit.
    pub wait: Duration,
}

/// How fresh the state must be that a command sees.
#[derive(Debug, Clone, PartialEq)]
pub struct ReadOptions {
    /// The level; for writes only the token counts.
    pub consistency: Consistency,
    /// The state must have reached this token, at every level.
    pub min_token: Option<Token>,
    /// How long to wait for the token.
    pub wait: Duration,
    /// What to do where the token was not reached by then.
    pub on_stale: OnStale,
    /// How long the whole command may take.
    pub timeout: Duration,
    /// Of which span the command is a part.
    pub trace: Option<SpanContext>,
}

/// How fresh a read must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Consistency {
    /// Sees every write that this region acked before the request arrived.
    #[default]
    Strong,
    /// The node's current view, unless it is staler than allowed.
    Eventual {
        /// How much staler than the log the view may be.
        max_staleness: Option<Duration>,
        /// Whether that holds for the logs of all regions: the client named a bound.
        everywhere: bool,
    },
    /// The node's current view, as soon as it has reached the token.
    Token,
}

/// What a command does where its token was not reached in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnStale {
    /// Fails with [`Precondition`](super::EngineErrorKind::Precondition).
    #[default]
    Error,
    /// Answers from the state that there is.
    Serve,
    /// Has another region answer, one that holds what the token says; fails like `Error` where there is none.
    Remote,
}

/// What a write did.
#[derive(Debug, Clone)]
pub struct Written {
    /// Rows by what was done to them.
    pub counts: Counts,
    /// The rows that were changed, where the write asked for them and they are known.
    pub affected: Option<Arc<Affected>>,
    /// The position after the write, merged with the request's.
    pub token: Token,
    /// When it was committed: the milliseconds of the segment's time.
    pub committed_at_ms: u64,
    /// The regions whose buckets hold it, where the write asked for several; fewer than it asked for where they did
    /// not get it in time.
    pub replicated_to: Option<Vec<Region>>,
}

/// A namespace was deleted.
#[derive(Debug, Clone)]
pub struct Deleted {
    /// The position after the deletion, merged with the request's.
    pub token: Token,
}

/// Queries to be answered on one snapshot.
#[derive(Debug, Clone)]
pub struct QueryCommand {
    /// The queries.
    pub queries: Vec<Query>,
    /// How one answer is made from theirs; `None` = each is given.
    pub fusion: Option<Fusion>,
}

impl From<Vec<Query>> for QueryCommand {
    fn from(queries: Vec<Query>) -> Self {
        Self {
            queries,
            fusion: None,
        }
    }
}

/// How a query is answered.
#[derive(Debug, Clone)]
pub struct Explained {
    /// In words.
    pub plan: String,
    /// The position of the snapshot, merged with the request's.
    pub token: Token,
}

/// What queries found, all on one snapshot.
#[derive(Debug, Clone)]
pub struct Queried {
    /// One answer a query, in the queries' order; or the one that they were fused to.
    pub answers: Vec<Answer>,
    /// The position of the snapshot, merged with the request's.
    pub token: Token,
    /// The schema of the snapshot.
    pub schema: Arc<Schema>,
    /// How many rows the namespace has, more or less.
    pub approx_namespace_size: u64,
    /// Bytes of the rows that the queries looked at, more or less.
    pub bytes_queried: u64,
    /// By how much the snapshot may trail the log; `None` after a strong read.
    pub staleness: Option<Duration>,
    /// What was fetched for the queries; `None` where all of it was here.
    pub fetched: Option<StoreUse>,
    /// Where the time went.
    pub spent: Spent,
}

/// Where the time of a query went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Spent {
    /// Until the view was as fresh as was asked for.
    pub wait: Duration,
    /// Opening the namespace, where it was not open.
    pub open: Duration,
    /// Searching, and waiting for a thread that does.
    pub search: Duration,
    /// Fetching and comparing the full vectors of candidates, where they were not here.
    pub rerank: Duration,
}

/// What a query took out of the bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StoreUse {
    /// Requests.
    pub requests: u64,
    /// The bytes that they fetched.
    pub bytes: u64,
    /// How many of the requests waited for the answers of others before.
    pub round_trips: u64,
}

impl StoreUse {
    /// One request.
    pub fn one(bytes: u64) -> Self {
        Self {
            requests: 1,
            bytes,
            round_trips: 0,
        }
    }

    /// Adds what was fetched at the same time.
    pub fn add(&mut self, other: Self) {
        self.requests += other.requests;
        self.bytes += other.bytes;
    }
}

/// Some namespaces.
#[derive(Debug, Clone)]
pub struct NamespacePage {
    /// The namespaces, by name.
    pub namespaces: Vec<Namespace>,
    /// Whether others come after the last one.
    pub more: bool,
}

/// Facts about a namespace.
#[derive(Debug, Clone)]
pub struct Metadata {
    /// The visible schema.
    pub schema: Arc<Schema>,
    /// Rows in parts, more or less.
    pub approx_row_count: u64,
    /// Bytes of the rows in parts, more or less.
    pub approx_logical_bytes: u64,
    /// When the namespace was created: milliseconds since 1970.
    pub created_at_ms: u64,
    /// When its rows or its schema changed last: milliseconds since 1970.
    pub updated_at_ms: u64,
    /// When the last write was committed: milliseconds since 1970.
    pub last_write_at_ms: u64,
    /// Rows that wait for an index; 0 where there are too few for one.
    pub unindexed_rows: u64,
    /// Bytes of those rows.
    pub unindexed_bytes: u64,
    /// The namespace's policy.
    pub policy: Policy,
}

/// Asks how well approximate searches do.
#[derive(Debug, Clone, PartialEq)]
pub struct RecallCommand {
    /// The vector attribute; `None` = `vector`, or the only one.
    pub attribute: Option<AttributeName>,
    /// The query vector; `None` = `num` vectors of the namespace.
    pub vector: Option<Vec<f32>>,
    /// How many searches.
    pub num: usize,
    /// How many rows each search returns.
    pub top_k: usize,
    /// Which rows count.
    pub filter: Option<Filter>,
    /// Whether the exact answers are returned.
    pub include_ground_truth: bool,
}

/// How well approximate searches did, on average over the searches.
#[derive(Debug, Clone, PartialEq)]
pub struct Recalled {
    /// The share of the exact answer that the approximate one holds, 0 to 1.
    pub avg_recall: f64,
    /// Rows of the exact answer.
    pub avg_exhaustive_count: f64,
    /// Rows of the approximate answer.
    pub avg_ann_count: f64,
    /// The exact answers, where they were asked for.
    pub ground_truth: Option<Vec<GroundTruth>>,
}

/// The exact answer of one search.
#[derive(Debug, Clone, PartialEq)]
pub struct GroundTruth {
    /// The query vector.
    pub query_vector: Vec<f32>,
    /// The nearest rows, with distances.
    pub nearest_neighbors: Vec<Hit>,
}

/// Whether the node can serve requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    /// It can.
    Ready,
    /// It cannot yet, or not any more; says why.
    NotReady(String),
}

/// What a node tells another of its region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pong {
    /// The answering process.
    pub node: Uuid,
    /// Its region.
    pub region: Region,
    /// The logs that it owns.
    pub owned: Vec<OwnedLog>,
}

/// A log that a node owns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnedLog {
    /// The log.
    pub log: LogId,
    /// The claim that it was claimed with.
    pub epoch: Epoch,
    /// The last segment acked.
    pub tail: Seq,
}
