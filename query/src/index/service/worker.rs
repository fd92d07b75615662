//! [`Worker`]: codes row sets, opens their indexes and builds them.

use super::{
    RowIndex, VectorColumn, attach_codes,
    folder::{self, Folders},
    part,
    queue::{CoderWork, Queue, Task, Wants},
};
use crate::{
    index::{Index, IndexError, build, text::TextSlot},
    metrics::INDEX_BUILDS,
    view::RowSet,
};
use isobath_config::IndexConfig;
use isobath_storage::model::{Analysis, Metric};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicBool},
};

/// Codes row sets, opens their indexes and builds them.
#[derive(Debug)]
pub(super) struct Worker {
    pub(super) folders: Folders,
    pub(super) config: IndexConfig,
    pub(super) queue: Queue,
}

impl Worker {
    /// Codes row sets and opens their indexes until the queue is closed.
    pub(super) fn code_all(&self) {
        while let Some(work) = self.queue.next_for_coder() {
            match work {
                CoderWork::Sweep(namespace, parts) => {
                    if let Err(error) = self.folders.sweep(&namespace, &parts) {
                        tracing::warn!(%namespace, %error, "old indexes could not be deleted");
                    }
                }
                CoderWork::Code(task) => match guarded(|| self.code(&task)) {
                    Ok(true) => self.queue.push_build(task),
                    outcome => self.finish(task, outcome.map(|_| ())),
                },
            }
        }
    }

    /// Builds indexes until the queue is closed.
    pub(super) fn build_all(&self) {
        while let Some((task, cancel)) = self.queue.next_for_builder() {
            let outcome = guarded(|| self.build(&task, &cancel));
            if !matches!(outcome, Err(IndexError::Cancelled)) {
                let label = if outcome.is_ok() { "built" } else { "failed" };
                metrics::counter!(INDEX_BUILDS, "outcome" => label).increment(1);
            }
            self.finish(task, outcome);
        }
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

    /// Indexes the texts of a row set now, if that is to be done at all.
    pub(super) fn prepare_text(&self, task: &Task, set: &RowSet, analysis: Analysis) {
        if !self.lacks_text(set, &task.attribute, task.ty, analysis) {
            return;
        }
        if let Err(error) = guarded(|| self.index_text(task, set, analysis)) {
            let attribute = &task.attribute;
            tracing::warn!(namespace = %task.namespace, %attribute, %error, "texts stay without an index");
        }
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
        let part = part(set).filter(|_| self.wants_graph(set));
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

fn attach(task: &Task, set: &RowSet, index: Index) {
    let index = Arc::new(RowIndex::Built(Box::new(index)));
    set.indexes.set(&task.attribute, &index);
}

/// A panic of the work is an error of this one task.
fn guarded<T>(work: impl FnOnce() -> Result<T, IndexError>) -> Result<T, IndexError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or(Err(IndexError::Panicked))
}
