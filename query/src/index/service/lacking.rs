//! What the row sets of a view lack.

use super::{
    MIN_CODED_ROWS, RowIndex, VectorColumn,
    bucket::Shared,
    part,
    queue::{Task, Wants},
    worker::Worker,
};
use crate::{
    index::{
        Bits, IndexError, IndexParams,
        text::{TextColumn, TextSlot},
    },
    view::{RowSet, View},
};
use isobath_storage::model::{
    Analysis, AttributeConfig, AttributeName, AttributeType, Metric, Namespace, Switch,
};
use std::sync::Arc;

impl Worker {
    /// What an attribute of a row set lacks.
    pub(super) fn task(
        &self,
        namespace: &Namespace,
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
        let task = Task::new(namespace, set, attribute, config.ty, wants);
        (!self.is_known_published(&task, set)).then_some(task)
    }

    /// Whether this node only looks which indexes are there, and has seen that of a row set.
    fn is_known_published(&self, task: &Task, set: &RowSet) -> bool {
        if !self.only_looks() {
            return false;
        }
        let known = set.indexes.get::<Published>(&task.attribute);
        let identity = self.identity(task, set).ok().flatten();
        known.is_some_and(|known| identity.is_some_and(|wanted| known.0 == wanted.of()))
    }

    /// Whether this node only looks which indexes are there.
    fn only_looks(&self) -> bool {
        self.shared.as_ref().is_some_and(Shared::only_looks)
    }

    /// Whether rows are searched here.
    pub(super) fn searches(&self) -> bool {
        let shared = self.shared.as_ref();
        shared.is_none_or(|shared| shared.bucket.searches)
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
            None => (self.searches() && set.len() >= MIN_CODED_ROWS) || self.wants_graph(set),
            Some(RowIndex::Codes(_)) => self.wants_graph(set),
            Some(RowIndex::Built(_)) => false,
        };
        lacks.then_some(metric)
    }

    /// Whether the texts of an attribute lack an index, or a large part's lack one in a file.
    pub(super) fn lacks_text(
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
            None => stored || (self.searches() && column.len() >= MIN_TEXT_ROWS),
        }
    }

    /// Whether a row set is to have a graph, and its texts an index in a file.
    pub(super) fn wants_graph(&self, set: &RowSet) -> bool {
        part(set).is_some() && set.len() >= self.config.min_rows_for_graph.max(1)
    }

    /// Whether a part is to have an index that it has not.
    pub(super) fn waits(&self, view: &View, set: &Arc<RowSet>) -> bool {
        self.wants_graph(set)
            && view.schema.attributes.iter().any(|(attribute, config)| {
                self.task(&view.namespace, set, attribute, config).is_some()
            })
    }

    /// The parameters of an index.
    pub(super) fn params(&self, metric: Metric) -> Result<IndexParams, IndexError> {
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

/// Hangs at an attribute of a part of which this node only knows that its index, of that name, is in the bucket.
#[derive(Debug)]
pub(super) struct Published(pub(super) String);

/// Fewer texts are indexed by the first query in less time than anybody would notice.
const MIN_TEXT_ROWS: usize = 512;

/// The metric that an attribute is to be indexed by; `None` where it is not to be.
pub(super) fn indexed_by(config: &AttributeConfig) -> Option<Metric> {
    let switch = config.switches.get(&Switch::Ann);
    let off = switch.is_some_and(|value| value.as_bool() == Some(false));
    config.metric.filter(|_| !off)
}
