//! [`Folding`]: the thread that follows the bucket's checkpoints, and that turns the log into parts and makes
//! checkpoints itself where the node compacts.

use super::{
    NodeError, metrics,
    opener::{OpenError, Opener},
};
use isobath_compactor::{CheckpointJob, CompactError, Compactor, Job, PlanInput, Prior, plan};
use isobath_config::FoldConfig;
use isobath_query::{
    index::IndexService,
    view::{FoldInput, Installed, Live, Views},
};
use isobath_storage::{
    Clock,
    catalog::OpenCheckpoint,
    format::{Manifest, Position},
    log::Start,
    model::{LogId, Namespace, VersionVector},
};
use std::{collections::BTreeMap, error::Error, sync::Arc, thread, time::Duration};
use tokio::{runtime::Handle, sync::watch};
use tokio_util::sync::CancellationToken;

/// After a pause a delta of at least one row in so many is folded.
const SMALL_SHARE: u64 = 50;

/// How often in the time between two checkpoints a node looks whether another one made one.
const LOOKS: u32 = 4;

/// Of so many looks one asks for the newest checkpoint, the others for the next: it may have been removed already.
const LISTED: u64 = 20;

/// What the folding thread works with.
#[derive(Debug)]
pub(super) struct Folding {
    pub(super) config: FoldConfig,
    /// Whether this node makes parts and checkpoints, or only follows those of others.
    pub(super) compacts: bool,
    pub(super) log: LogId,
    pub(super) views: Arc<Views>,
    pub(super) opener: Arc<Opener>,
    pub(super) compactor: Compactor,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) index: Arc<IndexService>,
    /// Up to where the log was applied.
    pub(super) position: watch::Receiver<Start>,
    pub(super) shutdown: CancellationToken,
}

/// What the thread remembers from round to round.
#[derive(Debug)]
struct Rounds {
    /// When the newest checkpoint was made or met.
    checkpoint_at: Duration,
    looked_at: Duration,
    looks: u64,
    /// A checkpoint that holds more of the log than was applied here.
    ahead: Option<OpenCheckpoint>,
}

impl Folding {
    /// Starts the thread; it ends after a last checkpoint when the node shuts down. What it asks of the bucket runs
    /// on the caller's runtime.
    pub(super) fn start(self) -> Result<thread::JoinHandle<()>, NodeError> {
        let runtime = Handle::current();
        let thread = thread::Builder::new().name("fold".to_owned());
        thread
            .spawn(move || runtime.block_on(self.run()))
            .map_err(NodeError::Thread)
    }

    async fn run(self) {
        let now = self.clock.monotonic();
        let mut rounds = Rounds {
            checkpoint_at: now,
            looked_at: now,
            looks: 0,
            ahead: None,
        };
        while !self.shutdown.is_cancelled() {
            self.look_at_all().await;
            let due = self.compacts && self.is_due(&rounds);
            self.follow(&mut rounds, due).await;
            if due && rounds.ahead.is_none() && self.is_due(&rounds) {
                self.checkpoint(&mut rounds).await;
            }
            let pause = self.clock.sleep(self.config.interval);
            self.shutdown.run_until_cancelled(pause).await;
        }
        if self.compacts && !self.since_checkpoint().is_empty() {
            self.checkpoint(&mut rounds).await;
        }
    }

    async fn look_at_all(&self) {
        if self.compacts {
            self.open_large().await;
        }
        let (mut parts, large) = (0, self.large());
        for (namespace, live) in self.views.all() {
            if self.shutdown.is_cancelled() {
                break;
            }
            self.index.refresh(&live.view());
            if self.compacts {
                self.look(&namespace, &live, large).await;
            }
            parts += live.view().sets.iter().filter(|set| set.is_part()).count();
        }
        #[expect(clippy::cast_precision_loss, reason = "a count of parts is small")]
        ::metrics::gauge!(metrics::PARTS).set(parts as f64);
    }

    /// Opens the namespaces of which so much waits that they are to have parts of their own.
    async fn open_large(&self) {
        for (namespace, bytes) in self.views.closed() {
            if bytes < self.config.min_part_bytes.as_u64() || self.shutdown.is_cancelled() {
                continue;
            }
            if let Err(error) = self.opener.open(&namespace).await {
                complain(&namespace, &error);
            }
        }
    }

    /// A delta of so many bytes is folded now: less than usual where the deltas of all namespaces together are too
    /// large.
    fn large(&self) -> u64 {
        let most = self.config.min_bytes.as_u64();
        if self.views.unfolded_bytes() < self.config.max_backlog.as_u64() {
            return most;
        }
        let deltas = self.views.all();
        let deltas = deltas.iter().map(|(_, live)| live.unfolded().1 as u64);
        let deltas: Vec<u64> = deltas.filter(|bytes| *bytes > 0).collect();
        let average = deltas.iter().sum::<u64>() / (deltas.len() as u64).max(1);
        average.clamp(1, most)
    }

    /// Folds or merges a namespace where that is due; its delta is if it holds `large` bytes.
    async fn look(&self, namespace: &Namespace, live: &Live, large: u64) {
        let (rows, bytes) = live.unfolded();
        let view = live.view();
        let parts: Vec<PlanInput> = view
            .sets
            .iter()
            .filter(|set| set.is_part())
            .map(|part| PlanInput {
                rows: part.len() as u64,
                dead: part.hidden.count() as u64,
            })
            .collect();
        let folded: u64 = parts.iter().map(|part| part.rows).sum();
        let (rows, bytes) = (rows as u64, bytes as u64);
        let full = rows >= self.config.min_rows || bytes >= large;
        let quiet = self.clock.now_ms().saturating_sub(view.last_write.millis());
        let paused = u128::from(quiet) >= self.config.pause.as_millis();
        // a delta that is small beside the parts is searched as fast as it is, and one without parts lies in runs
        let own = folded > 0 || bytes >= self.config.min_part_bytes.as_u64();
        let worth = own && rows > 0 && rows.saturating_mul(SMALL_SHARE) >= folded;
        let scattered = || plan(&parts, true, self.config.max_part_rows).is_some();
        // what is left of a deleted namespace goes at once
        let gone = !view.exists() && folded > 0;
        if (full || gone || (paused && (worth || scattered())))
            && let Err(error) = self.compact(namespace, live, paused).await
        {
            complain(namespace, &error);
        }
    }

    /// Folds what was written since the newest manifest and merges parts, all of them if `all`; the view goes
    /// over to what came out.
    async fn compact(
        &self,
        namespace: &Namespace,
        live: &Live,
        all: bool,
    ) -> Result<(), OpenError> {
        let FoldInput {
            installed,
            blocks,
            seen,
            last_write,
        } = live.fold_input();
        let manifest = self.opener.manifest(namespace);
        let blocks: Vec<_> = blocks
            .iter()
            .filter_map(|b| Some((&b.segment().header, b.block()?)))
            .collect();
        let prior = Prior {
            schema: installed.schema.clone(),
            parts: installed
                .parts
                .iter()
                .map(|part| part.rows.clone())
                .collect(),
        };
        let job = Job {
            namespace,
            manifest: manifest.as_deref(),
            prior,
            blocks,
            seen,
            last_write,
            // one region: all that was read of its log is all that there is up to there
            stable: last_write,
            all,
            max_part_rows: self.config.max_part_rows,
        };
        match self.compactor.compact(job).await {
            Ok(None) => Ok(()),
            Ok(Some(compacted)) => {
                let made = self.opener.compacted(compacted, &installed.parts).await?;
                self.install(live, made)
            }
            Err(CompactError::Lost { .. }) => self.take_over(namespace, live).await,
            Err(error) => Err(error.into()),
        }
    }

    /// Stands a namespace on the newest manifest of another compactor, once as much of the log was applied here.
    async fn take_over(&self, namespace: &Namespace, live: &Live) -> Result<(), OpenError> {
        let numbers = self.opener.catalog.manifests(namespace).await?;
        let Some(newest) = numbers.last() else {
            return Ok(());
        };
        let manifest = self.opener.catalog.manifest(namespace, *newest).await?;
        if !self.applied().covers(&manifest.seen) {
            return Ok(());
        }
        let prior = live.installed().parts;
        let installed = self.opener.installed(&manifest, &prior).await?;
        self.install(live, (installed, manifest))
    }

    fn install(&self, live: &Live, made: (Installed, Manifest)) -> Result<(), OpenError> {
        let (installed, manifest) = made;
        // What is to end soon is not prepared for queries.
        if !self.shutdown.is_cancelled() {
            self.index.prepare(&manifest.namespace, &installed);
        }
        live.install(installed)?;
        self.opener.note(manifest);
        self.index.refresh(&live.view());
        Ok(())
    }

    fn applied(&self) -> VersionVector {
        let seq = self.position.borrow().seq;
        VersionVector::from_iter([(self.log, seq)])
    }
}

impl Folding {
    /// Looks now and then whether there is a checkpoint of another node, and goes over to it. A node that makes
    /// checkpoints looks only before it makes one.
    async fn follow(&self, rounds: &mut Rounds, due: bool) {
        let now = self.clock.monotonic();
        let pause = self.config.checkpoint_interval / LOOKS;
        let late = now.saturating_sub(rounds.looked_at) >= pause;
        if rounds.ahead.is_none() && if self.compacts { due } else { late } {
            rounds.looked_at = now;
            rounds.looks += 1;
            match self.newer(rounds.looks.is_multiple_of(LISTED)).await {
                Ok(found) => rounds.ahead = found,
                Err(error) => complain_of_checkpoint(&error),
            }
        }
        let Some(checkpoint) = rounds.ahead.take() else {
            return;
        };
        if !self.applied().covers(&checkpoint.seen()) {
            rounds.ahead = Some(checkpoint);
            return;
        }
        match self.adopt(checkpoint).await {
            Ok(()) => rounds.checkpoint_at = now,
            Err(error) => complain_of_checkpoint(&error),
        }
    }

    /// The newest checkpoint, if it is newer than the one that is known; without `list` only the next is asked for.
    async fn newer(&self, list: bool) -> Result<Option<OpenCheckpoint>, OpenError> {
        let catalog = &self.opener.catalog;
        let known = self.views.checkpoint().map(|c| c.checkpoint.number);
        let known = known.unwrap_or_default();
        if !list && catalog.checkpoint(known + 1).await?.is_none() {
            return Ok(None);
        }
        let newest = catalog.newest_checkpoint().await?;
        match newest.filter(|newest| newest.number > known) {
            Some(newest) => Ok(Some(catalog.open(newest).await?)),
            None => Ok(None),
        }
    }

    /// Goes over to a checkpoint that holds no more of the log than was applied here.
    async fn adopt(&self, checkpoint: OpenCheckpoint) -> Result<(), OpenError> {
        for (namespace, live) in self.views.all() {
            let known = self.opener.manifest(&namespace).map_or(0, |m| m.number);
            let entry = checkpoint.namespaces.get(&namespace);
            let Some(entry) = entry.filter(|entry| entry.manifest > known) else {
                continue;
            };
            let number = entry.manifest;
            let manifest = self.opener.catalog.manifest(&namespace, number).await?;
            let prior = live.installed().parts;
            let installed = self.opener.installed(&manifest, &prior).await?;
            self.install(&live, (installed, manifest))?;
        }
        tracing::debug!(number = checkpoint.checkpoint.number, "checkpoint adopted");
        self.views.adopt(Arc::new(checkpoint));
        Ok(())
    }

    /// What was written since the newest checkpoint and is in no manifest.
    fn since_checkpoint(&self) -> BTreeMap<Namespace, Vec<isobath_query::view::Unfolded>> {
        let checkpoint = self.views.checkpoint();
        let seen = checkpoint.map_or_else(VersionVector::default, |c| c.seen());
        let mut unfolded = self.views.unfolded(&seen);
        let applied = self.applied();
        for blocks in unfolded.values_mut() {
            blocks.retain(|block| block.is_covered(&applied));
        }
        unfolded.retain(|_, blocks| !blocks.is_empty());
        unfolded
    }

    /// Whether so much was written, or so long ago, that a checkpoint is worth it.
    fn is_due(&self, rounds: &Rounds) -> bool {
        let checkpoint = self.views.checkpoint();
        let covered = checkpoint.as_ref().map(|c| c.seen()).unwrap_or_default();
        if covered.covers(&self.applied()) {
            return false;
        }
        let waiting = self.since_checkpoint();
        let blocks = waiting.values().flatten();
        let bytes: u64 = blocks.map(isobath_query::view::Unfolded::memory).sum();
        let age = self.clock.monotonic().saturating_sub(rounds.checkpoint_at);
        let old = age >= self.config.checkpoint_interval;
        let changed = || self.opener.namespaces(checkpoint.as_deref()).len();
        let known = checkpoint.as_ref().map_or(0, |c| c.namespaces.len());
        bytes >= self.config.checkpoint_bytes.as_u64()
            || (old && (bytes > 0 || changed() != known || self.has_newer(checkpoint.as_deref())))
    }

    /// Whether a namespace of this node stands on a newer manifest than the checkpoint names.
    fn has_newer(&self, checkpoint: Option<&OpenCheckpoint>) -> bool {
        let known = checkpoint.map(|checkpoint| &checkpoint.namespaces);
        known != Some(&self.opener.namespaces(checkpoint))
    }

    /// Makes what was applied so far a checkpoint.
    async fn checkpoint(&self, rounds: &mut Rounds) {
        match self.make_checkpoint().await {
            Ok(Some(checkpoint)) => {
                rounds.checkpoint_at = self.clock.monotonic();
                self.views.adopt(Arc::new(checkpoint));
            }
            Ok(None) => {}
            Err(OpenError::Compact(CompactError::Lost { .. })) => {
                // another compactor was faster: its checkpoint counts
                rounds.checkpoint_at = self.clock.monotonic();
                match self.newer(true).await {
                    Ok(found) => rounds.ahead = found,
                    Err(error) => complain_of_checkpoint(&error),
                }
            }
            Err(error) => complain_of_checkpoint(&error),
        }
    }

    async fn make_checkpoint(&self) -> Result<Option<OpenCheckpoint>, OpenError> {
        let Start {
            seq,
            max_epoch,
            chain,
            hlc,
        } = *self.position.borrow();
        let position = Position {
            seq,
            max_epoch,
            chain,
            hlc,
        };
        let upto = VersionVector::from_iter([(self.log, seq)]);
        let prior = self.views.checkpoint();
        let namespaces = self.opener.namespaces(prior.as_deref());
        let seen = prior.as_ref().map(|prior| prior.seen()).unwrap_or_default();
        let ahead = namespaces.values().any(|entry| !upto.covers(&entry.seen));
        if ahead || !upto.covers(&seen) {
            return Ok(None);
        }
        let mut unfolded = self.views.unfolded(&seen);
        for blocks in unfolded.values_mut() {
            blocks.retain(|block| block.is_covered(&upto));
        }
        unfolded.retain(|_, blocks| !blocks.is_empty());
        let blocks = unfolded.iter().map(|(name, blocks)| {
            let blocks = blocks.iter();
            let blocks = blocks.filter_map(|b| Some((&b.segment().header, b.block()?)));
            (name.clone(), blocks.collect())
        });
        let job = CheckpointJob {
            prior: prior.as_deref(),
            logs: BTreeMap::from([(self.log, position)]),
            namespaces,
            blocks: blocks.collect(),
            now_ms: self.clock.now_ms(),
        };
        let made = self.compactor.checkpoint(job).await?;
        tracing::info!(number = made.checkpoint.number, %seq, "checkpoint made");
        Ok(Some(made))
    }
}

fn complain(namespace: &Namespace, error: &OpenError) {
    let error = error as &dyn Error;
    tracing::error!(%namespace, error, "namespace could not be folded");
}

fn complain_of_checkpoint(error: &OpenError) {
    let error = error as &dyn Error;
    tracing::error!(error, "no checkpoint could be made or read");
}
