//! Gives the row sets of views what their vectors and texts are found by, in the background.
//!
//! ```text
//! refresh(view) ─▶ tasks ─▶ coder: opens a finished index, else codes vectors, indexes texts ─▶ slot of the row set
//!                               └─▶ builder: the index of a large part, in its folder ─▶ the same slot
//! ```
//!
//! Writes and queries never wait for it: a row set whose slot is empty is searched exactly, and its texts are
//! indexed by the query.

mod column;
mod folder;
mod queue;
mod row_index;
mod worker;

pub use column::VectorColumn;
pub use row_index::{MIN_CODED_ROWS, RowIndex, attach_codes};

use crate::{
    index::{
        Bits, IndexError, IndexParams,
        text::{TextColumn, TextSlot},
    },
    view::{Installed, Origin, RowSet, View},
};
use folder::Folders;
use isobath_config::IndexConfig;
use isobath_storage::model::{
    Analysis, AttributeConfig, AttributeName, AttributeType, Metric, Namespace, Switch,
};
use queue::{Queue, Task, Wants};
use std::{
    io,
    path::Path,
    sync::Arc,
    thread::{self, JoinHandle},
};
use worker::Worker;

/// Codes and indexes the row sets of views, on two threads of its own and those that a build takes.
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

impl IndexService {
    /// Keeps indexes in the folder `data`, which is created when the first one is built.
    pub fn start(data: &Path, config: &IndexConfig) -> io::Result<Self> {
        let worker = Arc::new(Worker {
            folders: Folders::new(data),
            config: config.clone(),
            queue: Queue::default(),
        });
        let mut service = Self {
            worker,
            threads: vec![],
        };
        service.spawn("index-codes", Worker::code_all)?;
        service.spawn("index-build", Worker::build_all)?;
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
                if let Some(task) = self.worker.task(view, set, attribute, config) {
                    self.worker.queue.push(task);
                }
            }
        }
    }

    /// Indexes the texts of parts that no query has met yet, so that none has to do it; takes as long as that.
    pub fn prepare(&self, namespace: &Namespace, parts: &Installed) {
        let schema = parts.schema.schema();
        for part in &parts.parts {
            for (attribute, config) in &schema.attributes {
                if let Some(full_text) = config.full_text() {
                    let analysis = full_text.analysis();
                    let wants = Wants::Text(analysis);
                    let task = Task::new(namespace, &part.set, attribute, config.ty, wants);
                    self.worker.prepare_text(&task, &part.set, analysis);
                }
            }
        }
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
        for thread in self.threads.drain(..) {
            // A thread that panicked has said so.
            drop(thread.join());
        }
    }
}

/// The hash of the part that a row set is.
fn part(set: &RowSet) -> Option<&Arc<str>> {
    match &set.origin {
        Origin::Part(hash) => Some(hash),
        Origin::Delta => None,
    }
}

impl Worker {
    /// What an attribute of a row set lacks.
    fn task(
        &self,
        view: &View,
        set: &Arc<RowSet>,
        attribute: &AttributeName,
        config: &AttributeConfig,
    ) -> Option<Task> {
        let wants = match config.full_text() {
            Some(full_text) => {
                let analysis = full_text.analysis();
                self.lacks_text(set, attribute, config.ty, analysis)
                    .then_some(Wants::Text(analysis))?
            }
            None => Wants::Vectors(self.lacks_vectors(set, attribute, config)?),
        };
        Some(Task::new(&view.namespace, set, attribute, config.ty, wants))
    }

    /// The metric by which the vectors of an attribute lack codes or an index.
    fn lacks_vectors(
        &self,
        set: &Arc<RowSet>,
        attribute: &AttributeName,
        config: &AttributeConfig,
    ) -> Option<Metric> {
        let metric = indexed_by(config)?;
        let column = VectorColumn::of(set, attribute, config.ty).ok()??;
        let dim = column.vectors.dim();
        let index = RowIndex::of(set, attribute).filter(|index| index.fits(dim, metric));
        let lacks = match index.as_deref() {
            None => set.len() >= MIN_CODED_ROWS || self.wants_graph(set),
            Some(RowIndex::Codes(_)) => self.wants_graph(set),
            Some(RowIndex::Built(_)) => false,
        };
        lacks.then_some(metric)
    }

    /// Whether the texts of an attribute lack an index, or a large part's lack one in a file.
    fn lacks_text(
        &self,
        set: &RowSet,
        attribute: &AttributeName,
        ty: AttributeType,
        analysis: Analysis,
    ) -> bool {
        let Some(column) = TextColumn::of(set, attribute, ty) else {
            return false;
        };
        let stored = self.wants_graph(set);
        match TextSlot::found(set, attribute, ty, analysis) {
            Some(index) => stored && !index.is_stored(),
            None => stored || column.len() >= MIN_TEXT_ROWS,
        }
    }

    /// Whether a row set is to have a graph, and its texts an index in a file.
    fn wants_graph(&self, set: &RowSet) -> bool {
        part(set).is_some() && set.len() >= self.config.min_rows_for_graph.max(1)
    }

    /// Whether a part is to have an index that it has not.
    fn waits(&self, view: &View, set: &Arc<RowSet>) -> bool {
        self.wants_graph(set)
            && view
                .schema
                .attributes
                .iter()
                .any(|(attribute, config)| self.task(view, set, attribute, config).is_some())
    }

    /// The parameters of an index.
    fn params(&self, metric: Metric) -> Result<IndexParams, IndexError> {
        let narrow = |field, value: usize| {
            u16::try_from(value)
                .map_err(|_| IndexError::invalid(field, format!("{value} is too large")))
        };
        let bits = self.config.bits.map(Bits::try_from).transpose();
        Ok(IndexParams {
            bits: bits.map_err(|fault| IndexError::invalid("bits", fault))?,
            degree: narrow("degree", self.config.degree)?,
            build_list: narrow("build_list", self.config.build_list)?,
            ..IndexParams::new(metric)
        })
    }
}

/// Fewer texts are indexed by the first query in less time than anybody would notice.
const MIN_TEXT_ROWS: usize = 512;

/// The metric that an attribute is to be indexed by; `None` where it is not to be.
fn indexed_by(config: &AttributeConfig) -> Option<Metric> {
    let switch = config.switches.get(&Switch::Ann);
    let off = switch.is_some_and(|value| value.as_bool() == Some(false));
    config.metric.filter(|_| !off)
}
