//! [`Worker`]: codes row sets, opens their indexes and builds them.

use super::{
    RowIndex, VectorColumn, attach_codes,
    bucket::Shared,
    folder::{self, Folders},
    part,
    queue::{CoderWork, Queue, Task, Wants},
    shared_build::Outcome,
};
use crate::{
    index::{Index, IndexError, build, text::TextSlot},
    metrics::INDEX_BUILDS,
    view::RowSet,
};
use isobath_config::IndexConfig;
use isobath_storage::model::{Analysis, Metric};
use parking_lot::Mutex;
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

/// Codes row sets, opens their indexes and builds them.
#[derive(Debug)]
pub(super) struct Worker {
    pub(super) folders: Folders,
    pub(super) config: IndexConfig,
    pub(super) queue: Queue,
    /// Where the indexes of large parts are shared with other nodes.
    pub(super) shared: Option<Shared>,
    /// Held while rows are coded by those who fetch: they shall not take all cores.
    pub(super) coding: Mutex<()>,
}

impl Worker {
    /// Codes row sets and opens their indexes until the queue is closed.
    pub(super) fn code_all(&self) {
        while let Some(work) = self.queue.next_for_coder() {
            match work {
                CoderWork::Sweep(namespace, parts) => {
                    if let Some(shared) = &self.shared {
                        self.release(shared, &namespace);
                    }
                    if let Err(error) = self.folders.sweep(&namespace, &parts) {
                        tracing::warn!(%namespace, %error, "old indexes could not be deleted");
                    }
                }
                CoderWork::Code(task) if self.is_shared(&task) => {
                    self.queue.push_fetch(task, Duration::ZERO);
                }
                CoderWork::Code(task) => match guarded(|| self.code(&task)) {
                    Ok(true) => self.queue.push_build(task),
                    outcome => self.finish(task, outcome.map(|_| ())),
                },
            }
        }
    }

    /// Fetches the indexes of the bucket until the queue is closed.
    pub(super) fn fetch_all(&self) {
        let Some(shared) = &self.shared else {
            return;
        };
        while let Some(task) = self.queue.next_for_fetcher(&*shared.bucket.clock) {
            let outcome = guarded(|| self.fetch(shared, &task));
            self.settle(shared, task, outcome);
        }
    }

    /// Builds indexes until the queue is closed.
    pub(super) fn build_all(&self) {
        while let Some((task, cancel)) = self.queue.next_for_builder() {
            match &self.shared {
                Some(shared) if self.is_shared(&task) => {
                    let outcome = guarded(|| self.build_shared(shared, &task, &cancel));
                    if !matches!(outcome, Ok(Outcome::Later(_))) {
                        count_build(&outcome);
                    }
                    self.settle(shared, task, outcome);
                }
                _ => {
                    let outcome = guarded(|| self.build(&task, &cancel));
                    count_build(&outcome);
                    self.finish(task, outcome);
                }
            }
        }
    }

    /// Goes on with a task whose index is shared.
    fn settle(&self, shared: &Shared, mut task: Task, outcome: Result<Outcome, IndexError>) {
        let at_most = match outcome {
            Ok(Outcome::Done) => return self.finish(task, Ok(())),
            Ok(Outcome::Build) => return self.queue.push_build(task),
            Ok(Outcome::Later(at_most)) => at_most,
            Err(error) if error.is_passing() => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(namespace = %task.namespace, error, "an index is tried again later");
                Duration::MAX
            }
            Err(error) => return self.finish(task, Err(error)),
        };
        let now = shared.bucket.clock.monotonic();
        let due = now.saturating_add(task.wait(now, at_most));
        task.put_off += 1;
        self.queue.push_fetch(task, due);
    }

    /// Whether the index of a task's row set is shared with other nodes.
    fn is_shared(&self, task: &Task) -> bool {
        let set = task.set.upgrade().filter(|_| self.shared.is_some());
        set.is_some_and(|set| matches!(self.identity(task, &set), Ok(Some(_))))
    }

    fn finish(&self, task: Task, outcome: Result<(), IndexError>) {
        let failed = match outcome {
            Ok(()) | Err(IndexError::Cancelled) => false,
            Err(error) => {
                let Task {
                    namespace,
                    attribute,
                    ..
                } = &task;
                tracing::warn!(%namespace, %attribute, %error, "rows stay without an index");
                true
            }
        };
        self.queue.done(task, failed);
    }

    /// Opens the index of a row set that is to have one, else codes it; whether the index is to be built.
    fn code(&self, task: &Task) -> Result<bool, IndexError> {
        let Some(set) = task.set.upgrade() else {
            return Ok(false);
        };
        let metric = match task.wants {
            Wants::Vectors(metric) => metric,
            Wants::Text(analysis) => {
                self.index_text(task, &set, analysis)?;
                return Ok(false);
            }
        };
        let wants_graph = self.wants_graph(&set);
        if wants_graph && let Some(folder) = self.folder(task, &set, metric)? {
            match open(&folder, &set) {
                Ok(index) => {
                    attach(task, &set, index);
                    return Ok(false);
                }
                Err(error) if error.needs_rebuild() => {}
                Err(error) => return Err(error),
            }
        }
        attach_codes(&set, &task.attribute, task.ty, metric)?;
        Ok(wants_graph)
    }

    /// Opens the text index of a row set, or builds it.
    fn index_text(&self, task: &Task, set: &RowSet, analysis: Analysis) -> Result<(), IndexError> {
        let expired = || self.queue.is_closed();
        let Task {
            namespace,
            attribute,
            ty,
            ..
        } = task;
        // one that is shared is built elsewhere, and kept in memory until then
        let part = part(set).filter(|_| self.wants_graph(set) && !self.is_shared(task));
        let outcome = match part {
            Some(part) => {
                let folder = self.folders.text(namespace, part, attribute, analysis);
                TextSlot::index_in(&folder, set, attribute, *ty, analysis, &expired)
            }
            None => TextSlot::index(set, attribute, *ty, analysis, &expired).map(|_| ()),
        };
        outcome.map_err(|error| match error {
            IndexError::Expired => IndexError::Cancelled,
            error => error,
        })
    }

    /// Builds and opens the index of a part.
    fn build(&self, task: &Task, cancel: &AtomicBool) -> Result<(), IndexError> {
        let (Some(set), Wants::Vectors(metric)) = (task.set.upgrade(), task.wants) else {
            return Ok(());
        };
        let (column, folder) = (
            VectorColumn::of(&set, &task.attribute, task.ty)?,
            self.folder(task, &set, metric)?,
        );
        let (Some(column), Some(folder)) = (column, folder) else {
            return Ok(());
        };
        // What is there is not finished, or damaged.
        folder::remove(&folder)?;
        let params = self.params(metric)?;
        let (nodes, threads) = (column.valid_rows(), self.config.threads);
        let (vectors, nodes) = (&column.vectors, nodes.as_deref());
        let built = build(vectors, nodes, &params, threads, cancel, &folder);
        let opened = built.and_then(|_| Index::open(&folder));
        match opened {
            Ok(index) => {
                attach(task, &set, index);
                Ok(())
            }
            Err(error) => {
                folder::remove(&folder)?;
                Err(error)
            }
        }
    }

    /// The folder of the index of a part.
    fn folder(
        &self,
        task: &Task,
        set: &RowSet,
        metric: Metric,
    ) -> Result<Option<PathBuf>, IndexError> {
        let Some(part) = part(set) else {
            return Ok(None);
        };
        let params = self.params(metric)?;
        let folder = self
            .folders
            .index(&task.namespace, part, &task.attribute, &params);
        Ok(Some(folder))
    }
}

/// Opens and checks a finished index.
fn open(folder: &Path, set: &RowSet) -> Result<Index, IndexError> {
    let index = Index::open(folder)?;
    if index.len() > set.len() {
        let fault = format!("{} rows are indexed of {}", index.len(), set.len());
        return Err(IndexError::corrupt(folder, fault));
    }
    index.verify()?;
    Ok(index)
}

pub(super) fn attach(task: &Task, set: &RowSet, index: Index) {
    let index = Arc::new(RowIndex::Built(Box::new(index)));
    set.indexes.set(&task.attribute, &index);
}

fn count_build<T>(outcome: &Result<T, IndexError>) {
    let label = match outcome {
        Ok(_) => "built",
        Err(IndexError::Cancelled) => return,
        Err(_) => "failed",
    };
    metrics::counter!(INDEX_BUILDS, "outcome" => label).increment(1);
}

/// A panic of the work is an error of this one task.
fn guarded<T>(work: impl FnOnce() -> Result<T, IndexError>) -> Result<T, IndexError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or(Err(IndexError::Panicked))
}
