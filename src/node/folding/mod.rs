//! [`Folding`]: the thread that follows the bucket's checkpoints, and that turns the log into parts and makes
//! checkpoints itself where the node compacts.

mod checkpoints;

use super::{
    NodeError, metrics,
    opener::{OpenError, Opener},
    positions::Positions,
    spans::SegmentSpans,
};
use checkpoints::Rounds;
use isobath_compactor::{CompactError, Compactor, Job, PlanInput, Prior, plan};
use isobath_config::FoldConfig;
use isobath_query::{
    index::IndexService,
    view::{FoldInput, Installed, Live, PartSet, Unfolded, Views},
};
use isobath_storage::{
    Clock,
    format::Manifest,
    model::{ContentHash, Namespace, VersionVector},
};
use std::{collections::BTreeMap, error::Error, sync::Arc, thread, time::Duration};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

/// After a pause a delta of at least one row in so many is folded.
const SMALL_SHARE: u64 = 50;

/// So long the parts that a merge replaces answer at most while the index of the new one is missing.
const PATIENCE: Duration = Duration::from_mins(10);

/// What the folding thread works with.
#[derive(Debug)]
pub(super) struct Folding {
    pub(super) config: FoldConfig,
    /// While so many bytes wait to be folded, namespaces are folded whatever their size.
    pub(super) max_backlog: u64,
    /// Whether this node makes parts and checkpoints, or only follows those of others.
    pub(super) compacts: bool,
    pub(super) views: Arc<Views>,
    pub(super) opener: Arc<Opener>,
    pub(super) compactor: Compactor,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) index: Arc<IndexService>,
    /// Up to where the views hold each log.
    pub(super) positions: Positions,
    /// Records what is folded.
    pub(super) spans: SegmentSpans,
    pub(super) shutdown: CancellationToken,
}

/// A manifest that its namespace does not stand on yet: its parts have no indexes, while those that they replace have.
#[derive(Debug)]
struct Waiting {
    installed: Installed,
    manifest: Manifest,
    /// When it is gone over to in any case.
    until: Duration,
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
        let mut rounds = Rounds::new(self.clock.monotonic());
        let mut waiting = BTreeMap::new();
        while !self.shutdown.is_cancelled() {
            self.look_at_all(&mut waiting).await;
            let due = self.compacts && self.is_due(&rounds);
            self.follow(&mut rounds, due, &mut waiting).await;
            if due && !rounds.is_behind() && self.is_due(&rounds) {
                self.checkpoint(&mut rounds).await;
            }
            let pause = self.clock.sleep(self.config.interval);
            self.shutdown.run_until_cancelled(pause).await;
        }
        if self.compacts && self.is_behind() {
            self.checkpoint(&mut rounds).await;
        }
    }

    async fn look_at_all(&self, waiting: &mut BTreeMap<Namespace, Waiting>) {
        if self.compacts {
            self.open_large().await;
        }
        self.opener.cache.sweep();
        let (mut parts, large) = (0, self.large());
        for (namespace, live) in self.views.all() {
            if self.shutdown.is_cancelled() {
                break;
            }
            if live.is_lacking()
                && let Err(error) = self.opener.open(&namespace).await
            {
                complain(&namespace, &error);
                continue;
            }
            self.index.refresh(&live.view());
            let looked = match waiting.remove(&namespace) {
                Some(next) => self.go_over(&live, next, waiting),
                None if self.compacts => self.look(&namespace, &live, large, waiting).await,
                None => Ok(()),
            };
            if let Err(error) = looked {
                complain(&namespace, &error);
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

    /// A delta that takes so much memory is folded now, whatever else: where the deltas of all namespaces together are
    /// too large, those above the average.
    fn large(&self) -> u64 {
        if self.views.unfolded_bytes() < self.max_backlog {
            return u64::MAX;
        }
        let deltas = self.views.all();
        let deltas = deltas.iter().map(|(_, live)| live.unfolded_memory());
        let deltas: Vec<u64> = deltas.filter(|bytes| *bytes > 0).collect();
        let average = deltas.iter().sum::<u64>() / (deltas.len() as u64).max(1);
        average.max(1)
    }

    /// Folds or merges a namespace where that is due; its delta is in any case if it takes `large` bytes.
    async fn look(
        &self,
        namespace: &Namespace,
        live: &Live,
        large: u64,
        waiting: &mut BTreeMap<Namespace, Waiting>,
    ) -> Result<(), OpenError> {
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
        let full = rows >= self.config.min_rows
            || bytes >= self.config.min_bytes.as_u64()
            || live.unfolded_memory() >= large;
        let quiet = self.clock.now_ms().saturating_sub(view.last_write.millis());
        let paused = u128::from(quiet) >= self.config.pause.as_millis();
        // a delta that is small beside the parts is searched as fast as it is, and one without parts lies in runs
        let own = folded > 0 || bytes >= self.config.min_part_bytes.as_u64();
        let worth = own && rows > 0 && rows.saturating_mul(SMALL_SHARE) >= folded;
        let scattered = || plan(&parts, true, self.config.max_part_rows).is_some();
        // what is left of a deleted namespace goes at once
        let gone = !view.exists() && folded > 0;
        // what was adopted gets a manifest at once, so that no record is needed to find it, and is merged later
        let adopted = live.has_adopted();
        if !(adopted || full || gone || (paused && (worth || scattered()))) {
            return Ok(());
        }
        let made = self.compact(namespace, live, paused && !adopted).await?;
        made.map_or(Ok(()), |next| self.go_over(live, next, waiting))
    }

    /// Folds what was written since the newest manifest and merges parts, all of them if `all`; what came out, if
    /// anything did.
    async fn compact(
        &self,
        namespace: &Namespace,
        live: &Live,
        all: bool,
    ) -> Result<Option<Waiting>, OpenError> {
        let stable = self.positions.stable();
        let FoldInput {
            installed,
            blocks,
            seen,
            last_write,
        } = live.fold_input();
        if live.is_lacking() {
            // what waits for adopted parts may be older than what has to stay
            return Ok(None);
        }
        let manifest = self.manifest(namespace, &installed, &blocks);
        let blocks: Vec<_> = blocks
            .iter()
            .filter_map(|b| Some((&b.segment().header, b.block()?)))
            .collect();
        let folded = self.spans.of(blocks.iter().map(|(header, _)| *header));
        let start = self.clock.monotonic();
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
            stable,
            all,
            max_part_rows: self.config.max_part_rows,
        };
        match self.compactor.compact(job).await {
            Ok(None) => Ok(None),
            Ok(Some(compacted)) => {
                let time = self.clock.monotonic().saturating_sub(start);
                self.spans.folded(&folded, "part", time);
                let made = self.opener.compacted(compacted, &installed.parts).await?;
                Ok(Some(self.waiting(made)))
            }
            Err(CompactError::Lost { .. }) => self.take_over(namespace, live).await,
            Err(error) => Err(error.into()),
        }
    }

    /// What names the parts that a fold of `blocks` starts from: the manifest, unless parts were adopted since.
    fn manifest(
        &self,
        namespace: &Namespace,
        installed: &Installed,
        blocks: &[Unfolded],
    ) -> Option<Arc<Manifest>> {
        let known = self.opener.manifest(namespace);
        if blocks
            .first()
            .is_none_or(|block| block.adoption().is_none())
        {
            return known;
        }
        let parts = installed.parts.iter();
        Some(Arc::new(Manifest {
            namespace: namespace.clone(),
            number: known.as_ref().map_or(0, |known| known.number),
            seen: installed.seen.clone(),
            hlc_cut: known.map(|known| known.hlc_cut).unwrap_or_default(),
            last_write: installed.last_write,
            schema: installed.schema.clone(),
            parts: parts.map(|part| part.entry.clone()).collect(),
        }))
    }

    fn waiting(&self, (installed, manifest): (Installed, Manifest)) -> Waiting {
        Waiting {
            installed,
            manifest,
            until: self.clock.monotonic() + PATIENCE,
        }
    }

    /// The newest manifest of another compactor, once as much of the log was applied here.
    async fn take_over(
        &self,
        namespace: &Namespace,
        live: &Live,
    ) -> Result<Option<Waiting>, OpenError> {
        let numbers = self.opener.catalog.manifests(namespace).await?;
        let Some(newest) = numbers.last() else {
            return Ok(None);
        };
        let manifest = self.opener.catalog.manifest(namespace, *newest).await?;
        if !self.applied().covers(&manifest.seen) {
            return Ok(None);
        }
        let prior = live.installed().parts;
        let installed = self.opener.installed(&manifest, &prior).await?;
        Ok(Some(self.waiting((installed, manifest))))
    }

    /// Stands a namespace on another manifest, or has it wait until its parts are indexed.
    fn go_over(
        &self,
        live: &Live,
        next: Waiting,
        waiting: &mut BTreeMap<Namespace, Waiting>,
    ) -> Result<(), OpenError> {
        let (_, bytes) = live.unfolded();
        let late = self.clock.monotonic() >= next.until || self.shutdown.is_cancelled();
        // what waits to be folded is searched more slowly than a part without an index
        let crowded = bytes as u64 >= self.config.min_bytes.as_u64();
        let before = waiting.remove(&next.manifest.namespace);
        let mut gone: Vec<PartSet> = before.map_or_else(Vec::new, |before| before.installed.parts);
        if !late && !self.index.is_ready(&live.view(), &next.installed) && !crowded {
            self.release(gone, &[&next.installed.parts, &live.installed().parts]);
            waiting.insert(next.manifest.namespace.clone(), next);
            return Ok(());
        }
        gone.extend(live.installed().parts);
        let kept = next.installed.parts.clone();
        live.install(next.installed)?;
        self.opener.note(next.manifest);
        self.index.refresh(&live.view());
        self.release(gone, &[&kept]);
        Ok(())
    }

    /// Gives up the files of parts that are not among those that stay.
    fn release(&self, gone: Vec<PartSet>, kept: &[&[PartSet]]) {
        let stays = |hash| {
            kept.iter()
                .any(|parts| parts.iter().any(|p| p.hash() == hash))
        };
        let hashes: Vec<ContentHash> = gone.iter().map(PartSet::hash).collect();
        // what is let go of here is in use no longer
        drop(gone);
        let gone = hashes.into_iter().filter(|hash| !stays(*hash));
        self.opener.cache.release(gone);
    }

    fn applied(&self) -> VersionVector {
        self.positions.applied()
    }
}

fn complain(namespace: &Namespace, error: &OpenError) {
    let error = error as &dyn Error;
    tracing::error!(%namespace, error, "namespace could not be folded");
}
