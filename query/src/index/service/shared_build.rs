//! What the [`Worker`] does for a part whose index all nodes share.

use super::{
    VectorColumn, attach_codes,
    bucket::{Identity, IndexFiles, Look, Shared, Turn},
    folder,
    lacking::Published,
    part,
    queue::{Task, Wants},
    worker::{Worker, attach},
};
use crate::{
    index::{FileRef, Index, IndexError, Meta, build, text::Description, text::TextSlot},
    metrics::INDEX_BUILD_SECONDS,
    view::RowSet,
};
use isobath_storage::{format::BuiltIndex, model::Namespace};
use serde::{Serialize, de::DeserializeOwned};
use std::{
    hash::{DefaultHasher, Hash, Hasher},
    path::Path,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

/// The first wait before an index that was not there is looked for again; each further one is twice as long.
const WAIT: Duration = Duration::from_secs(2);
/// The longest one.
const LONGEST_WAIT: Duration = Duration::from_secs(32);

/// What became of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It is done, or needed no more.
    Done,
    /// The index is to be built.
    Build,
    /// Others build it: look again later, in so long at the latest.
    Later(Duration),
}

impl Worker {
    /// The name of the index of a row set in the bucket; `None` where it is not shared.
    pub(super) fn identity(
        &self,
        task: &Task,
        set: &RowSet,
    ) -> Result<Option<Identity>, IndexError> {
        let Some(part) = part(set).filter(|_| self.wants_graph(set)) else {
            return Ok(None);
        };
        let Task {
            namespace,
            attribute,
            ..
        } = task;
        // who adopted a part shares the indexes of who made it
        let namespace = set.owner.as_ref().unwrap_or(namespace);
        Ok(match task.wants {
            Wants::Vectors(metric) => {
                Identity::vectors(namespace, part, attribute, &self.params(metric)?)
            }
            Wants::Text(analysis) => Identity::text(namespace, part, attribute, analysis),
        })
    }

    /// Looks for the index of a part in the bucket. Where there is none yet, the part gets what makes it fast
    /// enough to search meanwhile.
    pub(super) fn fetch(&self, shared: &Shared, task: &Task) -> Result<Outcome, IndexError> {
        let Some(set) = task.set.upgrade() else {
            return Ok(Outcome::Done);
        };
        let Some(identity) = self.identity(task, &set)? else {
            return Ok(Outcome::Done);
        };
        if shared.only_looks() {
            return look_only(shared, task, &set, &identity);
        }
        let look = shared.look(&identity, |index, files| {
            self.hang(shared, task, &set, index, files)
        })?;
        if matches!(look, Look::Found) {
            return Ok(Outcome::Done);
        }
        if shared.bucket.searches && !(task.is_of_vectors() && self.queue.is_coming(task)) {
            self.attach(task, &set)?;
        }
        Ok(if shared.bucket.builds {
            Outcome::Build
        } else {
            Outcome::Later(LONGEST_WAIT)
        })
    }

    /// Gives a row set what makes it fast enough to search without an index.
    fn attach(&self, task: &Task, set: &RowSet) -> Result<(), IndexError> {
        let _one_at_a_time = self.coding.lock();
        match task.wants {
            Wants::Vectors(metric) => attach_codes(set, &task.attribute, task.ty, metric),
            Wants::Text(analysis) => {
                let closed = || self.queue.is_closed();
                TextSlot::index(set, &task.attribute, task.ty, analysis, &closed).map(drop)
            }
        }
    }

    /// Builds the index of a part and publishes it, unless another node did or is at it.
    pub(super) fn build_shared(
        &self,
        shared: &Shared,
        task: &Task,
        cancel: &Arc<AtomicBool>,
    ) -> Result<Outcome, IndexError> {
        let Some(set) = task.set.upgrade() else {
            return Ok(Outcome::Done);
        };
        let Some(identity) = self.identity(task, &set)? else {
            return Ok(Outcome::Done);
        };
        let look = || {
            shared.look(&identity, |index, files| {
                self.hang(shared, task, &set, index, files)
            })
        };
        let Look::Absent(generation) = look()? else {
            return Ok(Outcome::Done);
        };
        let key = identity.key(generation);
        let mut turn = match shared.turn(&key)? {
            Turn::Ours(turn) => turn,
            Turn::Theirs(left) => return Ok(Outcome::Later(left)),
        };
        if turn.follows_another() && matches!(look()?, Look::Found) {
            return Ok(Outcome::Done);
        }
        turn.renew(cancel);
        let folder = self.folders.scratch(&key);
        let clock = &shared.bucket.clock;
        let started = clock.monotonic();
        let built = self.make(task, &set, cancel, &folder);
        let spent = clock.monotonic().saturating_sub(started);
        if matches!(built, Ok(Some(_))) {
            metrics::histogram!(INDEX_BUILD_SECONDS).record(spent.as_secs_f64());
        }
        let published = built.and_then(|built| match built {
            Some(built) => shared.publish(&key, &identity, &folder, built),
            None => Ok(()),
        });
        folder::remove(&folder)?;
        published?;
        drop(turn);
        // what another published first is as good
        look().map(|_| Outcome::Done)
    }

    /// Opens an index of the bucket and hangs it at its row set.
    fn hang(
        &self,
        shared: &Shared,
        task: &Task,
        set: &RowSet,
        index: &BuiltIndex,
        files: &IndexFiles,
    ) -> Result<(), IndexError> {
        hang(task, set, index, files)?;
        if let Some(part) = part(set) {
            shared.note(&task.namespace, part, files);
        }
        // its part may have been replaced while it was fetched
        if !self.queue.is_wanted(task) {
            self.release(shared, &task.namespace);
        }
        Ok(())
    }

    /// Gives up the files of indexes whose parts are no longer among those of a namespace.
    pub(super) fn release(&self, shared: &Shared, namespace: &Namespace) {
        let wanted = self.queue.wanted_parts(namespace);
        shared.release(namespace, |part| wanted.contains(part));
    }

    /// Builds an index in `folder`: its files, and what describes it.
    fn make(
        &self,
        task: &Task,
        set: &RowSet,
        cancel: &AtomicBool,
        folder: &Path,
    ) -> Result<Option<(Vec<FileRef>, serde_json::Value)>, IndexError> {
        folder::remove(folder)?;
        match task.wants {
            Wants::Vectors(metric) => {
                let Some(column) = VectorColumn::of(set, &task.attribute, task.ty)? else {
                    return Ok(None);
                };
                let params = self.params(metric)?;
                let (nodes, threads) = (column.valid_rows(), self.config.threads);
                let (vectors, nodes) = (&column.vectors, nodes.as_deref());
                let meta = build(vectors, nodes, &params, threads, cancel, folder)?;
                Ok(Some((meta.files(), json(&meta, folder)?)))
            }
            Wants::Text(analysis) => {
                let closed = || self.queue.is_closed();
                let attribute = &task.attribute;
                let made = TextSlot::write_in(folder, set, attribute, task.ty, analysis, &closed)?;
                made.map(|made| Ok((vec![made.file.clone()], json(&made, folder)?)))
                    .transpose()
            }
        }
    }
}

impl Task {
    /// How long to wait before the bucket is looked at again: longer each time, and not in step with other nodes.
    pub(super) fn wait(&self, now: Duration, at_most: Duration) -> Duration {
        let doubled = WAIT.saturating_mul(1 << self.put_off.min(8));
        let mut hasher = DefaultHasher::new();
        (self.set.as_ptr().addr(), self.put_off, now).hash(&mut hasher);
        let spread = f64::from((hasher.finish() >> 32) as u32) / f64::from(u32::MAX);
        let longest = doubled.min(LONGEST_WAIT).min(at_most).max(WAIT);
        longest.mul_f64(0.75 + 0.5 * spread)
    }
}

/// Looks whether the index of a row set is in the bucket.
fn look_only(
    shared: &Shared,
    task: &Task,
    set: &RowSet,
    identity: &Identity,
) -> Result<Outcome, IndexError> {
    if !shared.is_published(identity)? {
        return Ok(Outcome::Later(LONGEST_WAIT));
    }
    let known = Arc::new(Published(identity.of().to_owned()));
    set.indexes.set(&task.attribute, &known);
    Ok(Outcome::Done)
}

fn hang(
    task: &Task,
    set: &RowSet,
    index: &BuiltIndex,
    files: &IndexFiles,
) -> Result<(), IndexError> {
    let path = Path::new(&index.of);
    match task.wants {
        Wants::Vectors(_) => {
            let meta: Meta = described(index, path)?;
            let opened = Index::of(meta.checked(path)?, files)?;
            if opened.len() > set.len() {
                let fault = format!("{} rows are indexed of {}", opened.len(), set.len());
                return Err(IndexError::corrupt(path, fault));
            }
            attach(task, set, opened);
            Ok(())
        }
        Wants::Text(analysis) => {
            let found: Description = described(index, path)?;
            TextSlot::hang_stored(&found, files, set, &task.attribute, task.ty, analysis)
        }
    }
}

fn described<T: DeserializeOwned>(index: &BuiltIndex, path: &Path) -> Result<T, IndexError> {
    let described = T::deserialize(&index.about);
    described.map_err(|error| IndexError::corrupt(path, error.to_string()))
}

fn json(description: &impl Serialize, path: &Path) -> Result<serde_json::Value, IndexError> {
    serde_json::to_value(description)
        .map_err(std::io::Error::from)
        .map_err(IndexError::io("describe", path))
}
