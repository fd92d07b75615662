//! [`VectorScanExec`]: reads the rows of a table that pass its predicates.

use super::{
    predicate::{CHUNK, Columns, Predicate, visible},
    table::Table,
};
use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use datafusion::{
    common::{Result, Statistics, tree_node::TreeNodeRecursion},
    execution::{SendableRecordBatchStream, TaskContext},
    physical_expr::{EquivalenceProperties, PhysicalExpr},
    physical_plan::{
        DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties,
        ReplaceChildrenOptions, StatisticsArgs,
        execution_plan::{Boundedness, EmissionType, SchedulingType},
        metrics::{ExecutionPlanMetricsSet, MetricBuilder, MetricsSet},
        stream::RecordBatchStreamAdapter,
    },
};
use std::{collections::BTreeSet, fmt, sync::Arc};

/// Reads the rows of a table that pass its predicates, all of them.
#[derive(Debug, Clone)]
pub(crate) struct VectorScanExec {
    pub(crate) table: Arc<Table>,
    /// The columns that it gives, by their numbers in the table's schema.
    pub(crate) projection: Vec<usize>,
    /// Over the table's schema; all of them hold of every row that it gives.
    pub(crate) filters: Vec<Arc<dyn PhysicalExpr>>,
    limit: Option<usize>,
    /// Why the index is not used, where one might expect it.
    pub(crate) not_indexed: Option<String>,
    pub(crate) schema: SchemaRef,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl VectorScanExec {
    /// Reads `projection`, or all columns.
    pub(crate) fn new(
        table: Arc<Table>,
        projection: Option<Vec<usize>>,
        filters: Vec<Arc<dyn PhysicalExpr>>,
        limit: Option<usize>,
    ) -> Result<Self> {
        let projection = projection.unwrap_or_else(|| (0..table.schema.fields().len()).collect());
        let schema = Arc::new(table.schema.project(&projection)?);
        Ok(Self {
            properties: Arc::new(properties(&schema)),
            table,
            projection,
            filters,
            limit,
            not_indexed: None,
            schema,
            metrics: ExecutionPlanMetricsSet::new(),
        })
    }

    fn rows(&self) -> Result<impl Iterator<Item = Result<RecordBatch>> + Send + use<>> {
        let predicate = Predicate::new(&self.table, &self.filters)?;
        let mut numbers: BTreeSet<usize> = Columns::read_by(&self.filters);
        numbers.extend(&self.projection);
        let columns = Columns::of(&self.table, numbers)?;
        let at = |number: &usize| columns.numbers.binary_search(number).unwrap_or(0);
        let projection: Vec<usize> = self.projection.iter().map(at).collect();
        let read = MetricBuilder::new(&self.metrics).counter("rows_read", 0);
        let table = Arc::clone(&self.table);
        let sets = table.view.sets.len();
        let chunks = (0..sets).flat_map({
            let table = Arc::clone(&table);
            move |set| {
                let rows = table.view.sets.get(set).map_or(0, |set| set.len());
                (0..rows).step_by(CHUNK).map(move |from| (set, from))
            }
        });
        let reader = move |(number, from): (usize, usize)| -> Result<RecordBatch> {
            let Some(set) = table.view.sets.get(number) else {
                return Ok(RecordBatch::new_empty(Arc::clone(&columns.schema)));
            };
            let len = CHUNK.min(set.len() - from);
            let mut batch = columns.slice((number, set), from, len)?;
            if !set.hidden.is_empty() {
                let seen = visible(set, table.view.version, from, len);
                batch = arrow_select::filter::filter_record_batch(&batch, &seen)?;
            }
            read.add(batch.num_rows());
            if let Some(predicate) = &predicate {
                let pass = predicate.of_batch(&predicate.project(&columns, &batch)?)?;
                batch = arrow_select::filter::filter_record_batch(&batch, &pass)?;
            }
            Ok(batch.project(&projection)?)
        };
        Ok(chunks.map(reader))
    }
}

/// What the planner is told of a plan that gives `schema` in one piece.
pub(super) fn properties(schema: &SchemaRef) -> PlanProperties {
    PlanProperties::new(
        EquivalenceProperties::new(Arc::clone(schema)),
        Partitioning::UnknownPartitioning(1),
        EmissionType::Incremental,
        Boundedness::Bounded,
    )
    .with_scheduling_type(SchedulingType::Cooperative)
}

impl DisplayAs for VectorScanExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "VectorScanExec: table={}, mode=exact",
            self.table.view.namespace
        )?;
        if let Some(why) = &self.not_indexed {
            write!(f, ", index_not_used={why:?}")?;
        }
        write_filters(f, &self.filters)?;
        match self.limit {
            Some(limit) => write!(f, ", limit={limit}"),
            None => Ok(()),
        }
    }
}

pub(super) fn write_filters(
    f: &mut fmt::Formatter<'_>,
    filters: &[Arc<dyn PhysicalExpr>],
) -> fmt::Result {
    if filters.is_empty() {
        return Ok(());
    }
    let filters: Vec<String> = filters.iter().map(ToString::to_string).collect();
    write!(f, ", filter=[{}]", filters.join(" AND "))
}

impl ExecutionPlan for VectorScanExec {
    fn name(&self) -> &'static str {
        "VectorScanExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![]
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        for filter in &self.filters {
            if f(filter)? == TreeNodeRecursion::Stop {
                return Ok(TreeNodeRecursion::Stop);
            }
        }
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        _: Vec<Arc<dyn ExecutionPlan>>,
        _: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn with_new_children(
        self: Arc<Self>,
        _: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn execute(&self, _: usize, _: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let mut left = self.limit.unwrap_or(usize::MAX);
        let rows = self.rows()?.take_while(move |batch| {
            let more = left > 0;
            let read = batch.as_ref().map_or(0, RecordBatch::num_rows);
            left = left.saturating_sub(read);
            more
        });
        let rows = futures::stream::iter(rows);
        // gives way to other tasks between two batches
        let rows = futures::StreamExt::then(rows, |batch| async {
            tokio::task::yield_now().await;
            batch
        });
        let schema = Arc::clone(&self.schema);
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, rows)))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn statistics_from_inputs(
        &self,
        _: &[Arc<Statistics>],
        _: &StatisticsArgs,
    ) -> Result<Arc<Statistics>> {
        let mut statistics = Statistics::new_unknown(&self.schema);
        statistics.num_rows = self.table.statistics().num_rows.to_inexact();
        Ok(Arc::new(statistics))
    }
}
