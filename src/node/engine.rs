//! The node as the HTTP API's [`Engine`].

use super::{
    Node, cold::ColdQuery, opener::OpenError, search_error, stopwatch::Stopwatch, write::FULL,
};
use crate::server::{
    Consistency, Deleted, Elsewhere, Engine, EngineError, EngineErrorKind, Existence, Explained,
    GroundTruth, Health, Metadata, NamespacePage, NamespaceReplication, OnStale, OwnedLog, Policy,
    Pong, Pushed, Queried, QueryCommand, ReadOptions, RecallCommand, Recalled, RegionPong,
    RegionStatus, Spent, WriteCommand, WriteOptions, Written, keys::KeyRing,
};
use async_trait::async_trait;
use isobath_query::{
    search::{self, Answer, Fusion, Query, RecallQuery, SearchContext, SearchError},
    view::{Existence as Existing, Live, View},
};
use isobath_storage::{
    error::ErrorKind,
    log::{BarrierError, Committed, Role},
    model::{Control, Hlc, Mutation, Namespace, Schema, Stamp, Token, VersionVector},
};
use std::{sync::Arc, time::Duration};

use EngineErrorKind as Kind;

/// When to try again to open a namespace.
const OPEN_WAIT: Duration = Duration::from_secs(1);

/// When to try again a write to a namespace of which too much waits to be folded.
const BACKLOG_WAIT: Duration = Duration::from_secs(2);

#[async_trait]
impl Engine for Node {
    async fn write(
        &self,
        namespace: &Namespace,
        command: WriteCommand,
        options: WriteOptions,
    ) -> Result<Written, EngineError> {
        self.reach_token(&options.read).await?;
        self.unbroken()?;
        // the owner decides on writes by what the views hold
        self.live(namespace).await?;
        if !options.disable_backpressure {
            self.check_backlog(namespace)?;
        }
        self.commit(namespace, command, options).await
    }

    async fn query(
        &self,
        namespace: &Namespace,
        command: QueryCommand,
        options: ReadOptions,
    ) -> Result<Queried, EngineError> {
        let closed = self.views.get(namespace).is_none();
        let plain = closed.then(|| ColdQuery::of(&command)).flatten();
        let read = async {
            let query = plain.as_ref()?;
            self.cold.read(namespace, query).await
        };
        let mut watch = Stopwatch::new(self.clock.as_ref());
        let mut spent = Spent::default();
        // what lies in the bucket does not depend on how far the log was read
        let span = self.view_span(&options);
        let (staleness, read) = futures::join!(self.reach(&options), read);
        drop(span);
        let staleness = staleness?;
        spent.wait = watch.lap();
        if let (Some(query), Some(cold)) = (plain, read) {
            let found = self.query_cold(namespace, query, cold, (&options, staleness));
            if let Some(mut queried) = found.await? {
                queried.spent.wait = spent.wait;
                self.trace_search(&options, &queried);
                return Ok(queried);
            }
        }
        let QueryCommand {
            mut queries,
            fusion,
        } = command;
        let applied = self.positions.applied();
        let view = self.existing(namespace).await?;
        spent.open = watch.lap();
        let token = self.token(&options, &applied, view.last_write);
        let schema = Arc::clone(&view.schema);
        let rows = view.rows() as u64;
        let bytes = view.sets.iter().map(|set| set.memory() as u64).sum();
        for query in &mut queries {
            query.recall_target.get_or_insert(self.recall_target);
        }
        let searching = Searching {
            view,
            queries,
            fusion,
        };
        let answers = self.answers(namespace, searching, options.timeout).await?;
        spent.search = watch.lap();
        let queried = Queried {
            answers,
            token,
            schema,
            approx_namespace_size: rows,
            bytes_queried: bytes,
            staleness,
            fetched: None,
            spent,
        };
        self.trace_search(&options, &queried);
        Ok(queried)
    }

    async fn explain(
        &self,
        namespace: &Namespace,
        mut query: Query,
        options: ReadOptions,
    ) -> Result<Explained, EngineError> {
        self.reach(&options).await?;
        let applied = self.positions.applied();
        let view = self.existing(namespace).await?;
        let token = self.token(&options, &applied, view.last_write);
        query.recall_target.get_or_insert(self.recall_target);
        let plan = self
            .search(options.timeout, move |c| search::explain(&view, &query, c))
            .await?;
        Ok(Explained { plan, token })
    }

    async fn namespaces(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<NamespacePage, EngineError> {
        self.strong().await?;
        let after = after.map(str::parse::<Namespace>).transpose();
        let after = after.map_err(|error| EngineError::new(Kind::Invalid, error.to_string()))?;
        let mut namespaces = vec![];
        let mut after = after;
        // those that have to be opened may turn out not to exist
        while namespaces.len() <= limit {
            let wanted = limit.saturating_add(1) - namespaces.len();
            let found = self.views.list(prefix, after.as_ref(), wanted);
            let Some((last, _)) = found.last() else {
                break;
            };
            after = Some(last.clone());
            for (namespace, existence) in found {
                let exists = match existence {
                    Existing::Yes => true,
                    Existing::No => false,
                    Existing::Unknown => {
                        let live = self.live(&namespace).await?;
                        live.is_some_and(|live| live.view().exists())
                    }
                };
                namespaces.extend(exists.then_some(namespace));
            }
        }
        let more = namespaces.len() > limit;
        namespaces.truncate(limit);
        Ok(NamespacePage { namespaces, more })
    }

    async fn delete_namespace(
        &self,
        namespace: &Namespace,
        options: WriteOptions,
    ) -> Result<Deleted, EngineError> {
        let command = WriteCommand {
            existence: Existence::MustExist,
            mutations: vec![Mutation::Control(Control::Delete)],
            ..WriteCommand::default()
        };
        let written = self.write(namespace, command, options).await?;
        Ok(Deleted {
            token: written.token,
        })
    }

    async fn schema(&self, namespace: &Namespace) -> Result<Arc<Schema>, EngineError> {
        self.strong().await?;
        Ok(Arc::clone(&self.existing(namespace).await?.schema))
    }

    fn schema_hint(&self, namespace: &Namespace) -> Option<Arc<Schema>> {
        let view = self.views.get(namespace)?.view();
        view.exists().then(|| Arc::clone(&view.schema))
    }

    async fn metadata(&self, namespace: &Namespace) -> Result<Metadata, EngineError> {
        self.strong().await?;
        let view = self.existing(namespace).await?;
        let parts = view.sets.iter().filter(|set| set.is_part());
        let (mut rows, mut bytes) = (0, 0);
        for part in parts {
            rows += part.len().saturating_sub(part.hidden.count()) as u64;
            bytes += part.rows.memory() as u64;
        }
        let created_at_ms = view.created.map_or(0, Hlc::millis);
        let last_write_at_ms = view.last_write.millis();
        let status = self.index.status(&view);
        Ok(Metadata {
            schema: Arc::clone(&view.schema),
            approx_row_count: rows,
            approx_logical_bytes: bytes,
            created_at_ms,
            updated_at_ms: last_write_at_ms,
            last_write_at_ms,
            unindexed_rows: status.unindexed_rows,
            unindexed_bytes: status.unindexed_bytes,
            policy: Policy::of_json(&view.policy),
        })
    }

    async fn recall(
        &self,
        namespace: &Namespace,
        command: RecallCommand,
    ) -> Result<Recalled, EngineError> {
        self.strong().await?;
        let view = self.existing(namespace).await?;
        let ask = RecallQuery {
            attribute: command.attribute,
            vector: command.vector,
            num: command.num,
            top_k: command.top_k,
            filter: command.filter,
            recall_target: Some(self.recall_target),
        };
        let report = self
            .search(self.read_timeout, move |c| search::recall(&view, &ask, c))
            .await?;
        let truth = |truth: search::GroundTruth| GroundTruth {
            query_vector: truth.query_vector,
            nearest_neighbors: truth.nearest_neighbors,
        };
        let wanted = command.include_ground_truth;
        Ok(Recalled {
            avg_recall: report.avg_recall,
            avg_exhaustive_count: report.avg_exhaustive_count,
            avg_ann_count: report.avg_ann_count,
            ground_truth: wanted.then(|| report.ground_truth.into_iter().map(truth).collect()),
        })
    }

    async fn purge_cache(&self, namespace: &Namespace) -> Result<(), EngineError> {
        self.strong().await?;
        self.existing(namespace).await?;
        self.pool.forget_filters();
        Ok(())
    }

    fn owner(&self, _: &Namespace) -> Option<String> {
        match self.log.role() {
            Role::Follower { owner } => owner,
            _ => None,
        }
    }

    fn keys(&self) -> Option<Arc<KeyRing>> {
        let ring = self.keys.ring(&self.views);
        // Keys that were folded before count at once; that there are none is known only now.
        (!ring.is_empty() || self.caught_up()).then_some(ring)
    }

    fn health(&self) -> Health {
        if let Some(fault) = self.broken.get() {
            return Health::NotReady(fault.clone());
        }
        match self.log.role() {
            Role::Stopped(reason) => Health::NotReady(format!("the log stopped: {reason}")),
            _ if self.shutdown.is_cancelled() => Health::NotReady("shutting down".to_owned()),
            _ if !self.caught_up() => Health::NotReady("reading the log".to_owned()),
            _ if self.is_full() => Health::NotReady(FULL.to_owned()),
            _ => Health::Ready,
        }
    }

    fn region_pong(&self) -> Option<RegionPong> {
        self.regions.as_ref().map(|regions| regions.pong())
    }

    async fn offer(&self, pushed: Pushed) -> Result<VersionVector, EngineError> {
        let Some(regions) = &self.regions else {
            let said = "this region is not part of a cluster";
            return Err(EngineError::new(Kind::NotFound, said));
        };
        Ok(regions.offer(pushed).await)
    }

    fn regions(&self) -> Vec<RegionStatus> {
        let here = || vec![RegionStatus::alone(self.log_id.region, self.log.applied())];
        self.regions
            .as_ref()
            .map_or_else(here, |regions| regions.statuses())
    }

    async fn replication(
        &self,
        namespace: &Namespace,
    ) -> Result<NamespaceReplication, EngineError> {
        self.existing(namespace).await?;
        let home = self.home(namespace).map(|home| home.region);
        Ok(NamespaceReplication {
            home: home.unwrap_or(self.log_id.region),
            applied: self.positions.applied(),
            regions: self.regions(),
        })
    }

    fn home(&self, namespace: &Namespace) -> Option<Elsewhere> {
        self.regions.as_ref()?.home(namespace)
    }

    fn holder(&self, token: &Token) -> Option<Elsewhere> {
        let regions = self.regions.as_ref()?;
        Some(regions.elsewhere(regions.holder(token)?))
    }

    async fn settle(&self, token: &Token, wait: Duration) {
        // the deadline is as good an end as the token
        drop(tokio::time::timeout(wait, self.reached(&token.seen)).await);
    }

    fn ping(&self) -> Pong {
        let owned = match self.log.role() {
            Role::Owner { epoch } | Role::Claimant { epoch } => {
                vec![OwnedLog {
                    log: self.log_id,
                    epoch,
                    tail: self.log.applied(),
                }]
            }
            _ => vec![],
        };
        Pong {
            node: self.id,
            region: self.log_id.region,
            owned,
        }
    }
}

/// Queries of one view, whose answers may become one.
#[derive(Debug)]
struct Searching {
    view: Arc<View>,
    queries: Vec<Query>,
    fusion: Option<Fusion>,
}

impl Searching {
    fn run(&self, context: &mut SearchContext<'_>) -> Result<Vec<Answer>, SearchError> {
        let answers = self
            .queries
            .iter()
            .map(|query| search::run(&self.view, query, context));
        let answers: Vec<Answer> = answers.collect::<Result<_, _>>()?;
        Ok(match &self.fusion {
            Some(fusion) => vec![search::fuse(answers, fusion)],
            None => answers,
        })
    }
}

impl Node {
    /// The answers to queries of `namespace`: on the spot where that is soon done.
    async fn answers(
        &self,
        namespace: &Namespace,
        searching: Searching,
        timeout: Duration,
    ) -> Result<Vec<Answer>, EngineError> {
        if searching.queries.iter().all(Query::is_short) {
            let time = timeout.min(self.search_timeout);
            let here = |context: &mut SearchContext<'_>| searching.run(context);
            if let Some(found) = self.pool.try_here(namespace.as_str(), time, here) {
                return found.map_err(search_error);
            }
        }
        self.search(timeout, move |context| searching.run(context))
            .await
    }

    /// Waits until the views are as fresh as `options` want; by how much they may trail the log.
    pub(super) async fn reach(
        &self,
        options: &ReadOptions,
    ) -> Result<Option<Duration>, EngineError> {
        let mut staleness = None;
        match options.consistency {
            Consistency::Strong => self.strong().await?,
            Consistency::Eventual {
                max_staleness,
                everywhere,
            } => {
                let known = self.staleness();
                if max_staleness.is_some_and(|most| known.is_none_or(|known| known > most)) {
                    self.strong().await?;
                }
                staleness = self.staleness();
                if let (Some(regions), Some(most), true) =
                    (&self.regions, max_staleness, everywhere)
                {
                    let reached = regions.fresher_than(most, options.wait).await;
                    staleness = staleness.max(reached);
                    let stale = reached.is_none_or(|reached| reached > most);
                    if stale && options.on_stale != OnStale::Serve {
                        let said = "the logs of other regions were not read so far in time";
                        return Err(EngineError::new(Kind::Stale, said));
                    }
                }
            }
            Consistency::Token => staleness = self.staleness(),
        }
        self.reach_token(options).await?;
        self.unbroken()?;
        Ok(staleness)
    }

    /// Fails where the views are not the fold of the log any more.
    fn unbroken(&self) -> Result<(), EngineError> {
        match self.broken.get() {
            Some(fault) => Err(EngineError::new(Kind::Internal, fault.clone())),
            None => Ok(()),
        }
    }

    /// Fails where too much of a namespace waits to be folded.
    fn check_backlog(&self, namespace: &Namespace) -> Result<(), EngineError> {
        let Some(live) = self.views.get(namespace) else {
            return Ok(());
        };
        let (_, bytes) = live.unfolded();
        if bytes as u64 <= self.max_unfolded {
            return Ok(());
        }
        let said = format!(
            "{bytes} bytes of namespace {namespace} wait to be folded, more than {}",
            self.max_unfolded
        );
        Err(EngineError::new(Kind::Overloaded, said).retry_after(BACKLOG_WAIT))
    }

    /// Waits until the views have reached the token of the request, if it has one.
    async fn reach_token(&self, options: &ReadOptions) -> Result<(), EngineError> {
        let Some(token) = &options.min_token else {
            return Ok(());
        };
        if token.cluster != self.cluster {
            let said = "the token was given by another cluster";
            return Err(EngineError::new(Kind::Precondition, said));
        }
        let reached = tokio::time::timeout(options.wait, self.reached(&token.seen)).await;
        let reached = reached.unwrap_or(false);
        if reached || options.on_stale == OnStale::Serve {
            return Ok(());
        }
        let said = "the state of the token was not reached in time";
        Err(EngineError::new(Kind::Stale, said))
    }

    /// Waits until the views hold what `seen` says; `false` where it names a log that is not followed here.
    async fn reached(&self, seen: &VersionVector) -> bool {
        for (log, seq) in seen.iter() {
            let mut applied = if log == self.log_id {
                self.log.hint();
                self.log.watch_applied()
            } else if let Some(copy) = self.copies.get(&log) {
                copy.hint();
                copy.watch_applied()
            } else {
                return false;
            };
            if applied.wait_for(|applied| *applied >= seq).await.is_err() {
                return false;
            }
        }
        true
    }

    /// Waits until the views hold every write that was acked before the call.
    pub(super) async fn strong(&self) -> Result<(), EngineError> {
        let asked = self.clock.monotonic();
        let barrier = tokio::time::timeout(self.read_timeout, self.log.barrier()).await;
        let Ok(barrier) = barrier else {
            let said = "the store does not answer, so that a strong read cannot be served";
            return Err(EngineError::new(Kind::Unavailable, said));
        };
        barrier.map_err(barrier_error)?;
        self.note_fresh(asked);
        Ok(())
    }

    /// The namespace, which is opened if need be; `None` where nothing was ever written to it.
    pub(super) async fn live(
        &self,
        namespace: &Namespace,
    ) -> Result<Option<Arc<Live>>, EngineError> {
        if let Some(live) = self.views.get(namespace)
            && !live.is_lacking()
        {
            return Ok(Some(live));
        }
        let opened = self.opener.open(namespace);
        let Ok(opened) = tokio::time::timeout(self.read_timeout, opened).await else {
            let said = format!("namespace '{namespace}' could not be opened in time");
            return Err(EngineError::new(Kind::Unavailable, said).retry_after(OPEN_WAIT));
        };
        opened.map_err(|error| open_error(namespace, error))
    }

    /// The view of a namespace that exists.
    pub(super) async fn existing(&self, namespace: &Namespace) -> Result<Arc<View>, EngineError> {
        let view = self.live(namespace).await?.map(|live| live.view());
        view.filter(|view| view.exists()).ok_or_else(|| {
            let said = format!("namespace '{namespace}' was not found");
            EngineError::new(Kind::NotFound, said)
        })
    }

    /// The token after a write: what it waited for, and the write.
    pub(super) fn token_after(&self, options: &ReadOptions, committed: &Committed) -> Token {
        let Stamp { log, seq, hlc, .. } = committed.stamp;
        self.token(options, &VersionVector::from_iter([(log, seq)]), hlc)
    }

    /// The request's token with what the answer has seen.
    pub(super) fn token(&self, options: &ReadOptions, applied: &VersionVector, hlc: Hlc) -> Token {
        let before = options.min_token.as_ref();
        let mut seen = before.map_or_else(VersionVector::default, |token| token.seen.clone());
        seen.merge(applied);
        let hlc = before.map_or(hlc, |token| token.hlc.max(hlc));
        Token {
            cluster: self.cluster,
            hlc,
            seen,
        }
    }
}

fn open_error(namespace: &Namespace, error: OpenError) -> EngineError {
    if error.kind() == ErrorKind::Unavailable {
        let said = format!("namespace '{namespace}' cannot be opened now");
        let error = EngineError::new(Kind::Unavailable, said).caused_by(error);
        return error.retry_after(OPEN_WAIT);
    }
    let said = format!("namespace '{namespace}' cannot be opened");
    EngineError::new(Kind::Internal, said).caused_by(error)
}

fn barrier_error(error: BarrierError) -> EngineError {
    match error {
        BarrierError::Busy => EngineError::new(Kind::Overloaded, "too many reads are waiting"),
        BarrierError::Stopped(reason) => {
            EngineError::new(Kind::Unavailable, "the log stopped").caused_by(reason)
        }
    }
}
