//! Gives the row sets of views what their vectors and texts are found by, in the background.
//!
//! ```text
//! refresh(view) ─▶ tasks ─▶ coder: opens a finished index, else codes vectors, indexes texts ─▶ slot of the row set
//!                               ├─▶ fetcher: the index of a large part out of the bucket ─▶ the same slot
//!                               └─▶ builder: the index of a large part, published to the bucket ─▶ the same slot
//! ```
//!
//! Without a bucket, as in tools, the indexes of large parts lie in a folder.
//!
//! Writes and queries never wait for it: a row set whose slot is empty is searched exactly, and its texts are
//! indexed by the query.

mod bucket;
mod cold;
mod column;
mod folder;
mod lacking;
mod queue;
mod row_index;
mod shared_build;
mod worker;

pub use bucket::IndexBucket;
pub use cold::ColdIndex;
pub use column::VectorColumn;
pub use row_index::{MIN_CODED_ROWS, RowIndex, attach_codes};

use crate::{
    index::text::TextSlot,
    view::{Installed, Origin, RowSet, View},
};
use bucket::Shared;
use folder::Folders;
use isobath_config::IndexConfig;
use lacking::Published;
use parking_lot::Mutex;
use queue::{Parts, Queue, Wants};
use std::{
    io,
    path::Path,
    sync::Arc,
    thread::{self, JoinHandle},
};
use worker::Worker;

/// Indexes that are fetched at a time.
const FETCHERS: usize = 4;

/// Codes and indexes the row sets of views, on threads of its own.
///
/// Dropping it cancels the build it is at; a part whose index is not finished gets a new one next time.
#[derive(Debug)]
pub struct IndexService {
    worker: Arc<Worker>,
    threads: Vec<JoinHandle<()>>,
}

/// How far the row sets of a view are indexed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct IndexStatus {
    /// Rows that wait for an index; none where there are too few for one.
    pub unindexed_rows: u64,
    /// Bytes of those rows, more or less.
    pub unindexed_bytes: u64,
}

/// How far a build stands back: beside threads that serve it gets a quarter of a processor.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 5;

/// Lets other threads go before this one and those that it starts: nobody waits for a build, and it
/// takes all that is left of the machine for minutes.
fn stand_back() {
    // Elsewhere a process has one niceness for all its threads.
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::nice(NICENESS) {
        tracing::debug!(%error, "builds do not stand back");
    }
}

impl IndexService {
    /// Shares the indexes of large parts through `bucket`, and builds them in the folder `data`, which is emptied
    /// first; without a bucket keeps them there.
    pub fn start(
        data: &Path,
        config: &IndexConfig,
        bucket: Option<IndexBucket>,
    ) -> io::Result<Self> {
        let folders = Folders::new(data);
        if bucket.is_some() {
            folders.clear()?;
        }
        let fetchers = bucket.as_ref().map_or(0, |_| FETCHERS);
        let worker = Arc::new(Worker {
            folders,
            config: config.clone(),
            queue: Queue::default(),
            shared: bucket.map(Shared::new),
            coding: Mutex::default(),
        });
        let mut service = Self {
            worker,
            threads: vec![],
        };
        service.spawn("index-codes", Worker::code_all)?;
        service.spawn("index-build", |worker| {
            stand_back();
            worker.build_all();
        })?;
        for _ in 0..fetchers {
            service.spawn("index-fetch", Worker::fetch_all)?;
        }
        Ok(service)
    }

    fn spawn(&mut self, name: &str, work: fn(&Worker)) -> io::Result<()> {
        let worker = Arc::clone(&self.worker);
        let thread = thread::Builder::new().name(name.to_owned());
        self.threads.push(thread.spawn(move || work(&worker))?);
        Ok(())
    }

    /// Starts what the row sets of a namespace's newest view lack, and deletes the indexes of parts that it
    /// has no more. Cheap where nothing is new; never waits.
    pub fn refresh(&self, view: &View) {
        let parts = view.sets.iter().filter_map(|set| part(set)).cloned();
        self.worker
            .queue
            .keep_parts(&view.namespace, parts.collect());
        for set in view.sets.iter() {
            for (attribute, config) in &view.schema.attributes {
                if let Some(task) = self.worker.task(&view.namespace, set, attribute, config) {
                    self.worker.queue.push(task);
                }
            }
        }
    }

    /// Whether `view` may go over to the parts of `next` without that searches get slower: starts what is missing,
    /// and is to be asked again until it is so. Never waits.
    ///
    /// A part that replaces indexed ones needs its own index first; one of rows that no part had needs none, as they
    /// were searched without. Texts are indexed before queries meet them. Where the index cannot be built, and where
    /// nobody builds it, the caller has to go on without at some time.
    pub fn is_ready(&self, view: &View, next: &Installed) -> bool {
        let hashes: Parts = next
            .parts
            .iter()
            .filter_map(|p| part(&p.set))
            .cloned()
            .collect();
        let goes = |set: &&Arc<RowSet>| part(set).is_some_and(|hash| !hashes.contains(hash));
        let replaces = view
            .sets
            .iter()
            .filter(goes)
            .any(|set| is_indexed(view, set));
        let schema = next.schema.schema();
        let mut ready = true;
        for part in &next.parts {
            for (attribute, config) in &schema.attributes {
                let task = self
                    .worker
                    .task(&view.namespace, &part.set, attribute, config);
                let Some(task) = task else {
                    continue;
                };
                let holds = match task.wants {
                    Wants::Vectors(_) => replaces,
                    Wants::Text(_) if !self.worker.searches() => replaces,
                    Wants::Text(analysis) => {
                        TextSlot::found(&part.set, attribute, config.ty, analysis).is_none()
                    }
                };
                ready &= !holds || self.worker.queue.has_failed(&task);
                self.worker.queue.push(task);
            }
        }
        self.worker.queue.expect_parts(&view.namespace, hashes);
        ready
    }

    /// How far the row sets of `view` are indexed.
    pub fn status(&self, view: &View) -> IndexStatus {
        let mut status = IndexStatus::default();
        let mut delta = IndexStatus::default();
        for set in view.sets.iter() {
            let waits = match set.origin {
                Origin::Part(_) => self.worker.waits(view, set).then_some(&mut status),
                Origin::Delta => Some(&mut delta),
            };
            if let Some(waits) = waits {
                waits.unindexed_rows += set.len().saturating_sub(set.hidden.count()) as u64;
                waits.unindexed_bytes += set.rows.memory() as u64;
            }
        }
        if delta.unindexed_rows >= self.worker.config.min_rows_for_graph as u64 {
            status.unindexed_rows += delta.unindexed_rows;
            status.unindexed_bytes += delta.unindexed_bytes;
        }
        status
    }
}

impl Drop for IndexService {
    fn drop(&mut self) {
        self.worker.queue.close();
        if let Some(shared) = &self.worker.shared {
            shared.close();
        }
        for thread in self.threads.drain(..) {
            // A thread that panicked has said so.
            drop(thread.join());
        }
    }
}

/// Whether an index, rather than codes, finds the vectors of a row set.
fn is_indexed(view: &View, set: &RowSet) -> bool {
    let built = |attribute| {
        let index = RowIndex::of(set, attribute);
        matches!(index.as_deref(), Some(RowIndex::Built(_)))
            || set.indexes.get::<Published>(attribute).is_some()
    };
    view.schema.attributes.keys().any(built)
}

/// The hash of the part that a row set is.
fn part(set: &RowSet) -> Option<&Arc<str>> {
    match &set.origin {
        Origin::Part(hash) => Some(hash),
        Origin::Delta => None,
    }
}
