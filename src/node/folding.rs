//! [`Folding`]: the thread that turns the delta into parts, and parts into fewer.

use super::{
    NodeError,
    derived::{Derived, DerivedError},
    metrics,
};
use isobath_compactor::{PlanInput, plan};
use isobath_config::FoldConfig;
use isobath_query::{
    index::IndexService,
    view::{Installed, Live, Views},
};
use isobath_storage::{
    Clock,
    log::Start,
    model::{LogId, Namespace},
};
use std::{sync::Arc, thread, time::Duration};
use tokio::{runtime::Builder, sync::watch};
use tokio_util::sync::CancellationToken;

/// How often what was folded is noted, so that a restart reads the log from there.
const CHECKPOINT_INTERVAL: Duration = Duration::from_mins(1);

/// After a pause a delta of at least one row in so many is folded.
const SMALL_SHARE: u64 = 50;

/// What the folding thread works with.
#[derive(Debug)]
pub(super) struct Folding {
    pub(super) config: FoldConfig,
    pub(super) log: LogId,
    pub(super) views: Arc<Views>,
    pub(super) derived: Derived,
    pub(super) clock: Arc<dyn Clock>,
    /// Up to where the log was applied.
    pub(super) position: watch::Receiver<Start>,
    pub(super) shutdown: CancellationToken,
    pub(super) index: Arc<IndexService>,
}

impl Folding {
    /// Starts the thread; it ends after a last checkpoint when the node shuts down.
    pub(super) fn start(self) -> Result<thread::JoinHandle<()>, NodeError> {
        let runtime = Builder::new_current_thread()
            .enable_time()
            .build()
            .map_err(NodeError::Thread)?;
        let thread = thread::Builder::new().name("fold".to_owned());
        thread
            .spawn(move || runtime.block_on(self.run()))
            .map_err(NodeError::Thread)
    }

    async fn run(self) {
        let mut noted = (self.clock.monotonic(), self.position.borrow().seq);
        while !self.shutdown.is_cancelled() {
            let mut parts = 0;
            for (namespace, live) in self.views.all() {
                if self.shutdown.is_cancelled() {
                    break;
                }
                self.look(&namespace, &live).await;
                parts += live.view().sets.iter().filter(|set| set.is_part()).count();
            }
            #[expect(clippy::cast_precision_loss, reason = "a count of parts is small")]
            ::metrics::gauge!(metrics::PARTS).set(parts as f64);
            let now = self.clock.monotonic();
            let seq = self.position.borrow().seq;
            if now.saturating_sub(noted.0) >= CHECKPOINT_INTERVAL && seq > noted.1 {
                self.checkpoint().await;
                noted = (now, seq);
            }
            let pause = self.clock.sleep(self.config.interval);
            self.shutdown.run_until_cancelled(pause).await;
        }
        if self.position.borrow().seq > noted.1 {
            self.checkpoint().await;
        }
    }

    /// Folds or merges a namespace where that is due.
    async fn look(&self, namespace: &Namespace, live: &Live) {
        self.index.refresh(&live.view());
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
        let full = rows >= self.config.min_rows || bytes >= self.config.min_bytes.as_u64();
        let quiet = self.clock.now_ms().saturating_sub(view.last_write.millis());
        let paused = u128::from(quiet) >= self.config.pause.as_millis();
        // a delta that is small beside the parts is searched as fast as it is
        let large = rows > 0 && rows.saturating_mul(SMALL_SHARE) >= folded;
        let scattered = || plan(&parts, true, self.config.max_part_rows).is_some();
        if full || (paused && (large || scattered())) {
            self.compact(namespace, live, paused).await;
        }
    }

    async fn compact(&self, namespace: &Namespace, live: &Live, all: bool) -> bool {
        // What is to end soon is not prepared for queries.
        let prepare = |parts: &Installed| {
            if !self.shutdown.is_cancelled() {
                self.index.prepare(namespace, parts);
            }
        };
        match self.derived.compact(namespace, live, all, prepare).await {
            Ok(changed) => {
                if changed {
                    self.index.refresh(&live.view());
                }
                true
            }
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(%namespace, error, "namespace could not be folded");
                false
            }
        }
    }

    /// Folds every namespace up to where the log is applied now, and notes it.
    async fn checkpoint(&self) {
        let at = *self.position.borrow();
        for (namespace, live) in self.views.all() {
            if live.has_unfolded() && !self.compact(&namespace, &live, false).await {
                return;
            }
        }
        if let Err(error) = self.derived.checkpoint(self.log, at).await {
            let error: &DerivedError = &error;
            tracing::error!(error = error as &dyn std::error::Error, "checkpoint failed");
        }
    }
}
