//! [`AnnTopKExec`]: the nearest rows of a table that pass its predicates, by the search of the HTTP API.

use super::{
    predicate::{Predicate, batch, places, searched},
    scan::{VectorScanExec, properties, write_filters},
};
use crate::{
    SqlError,
    functions::{Measure, vector::vector_of},
};
use arrow_array::{RecordBatch, RecordBatchOptions};
use arrow_schema::Schema;
use datafusion::{
    common::{Result, ScalarValue, Statistics, stats::Precision, tree_node::TreeNodeRecursion},
    execution::{SendableRecordBatchStream, TaskContext},
    logical_expr::ColumnarValue,
    physical_expr::PhysicalExpr,
    physical_plan::{
        DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties, ReplaceChildrenOptions,
        StatisticsArgs,
        metrics::{ExecutionPlanMetricsSet, MetricBuilder, MetricsSet},
        stream::RecordBatchStreamAdapter,
    },
};
use isobath_query::search::{
    NearestPlaces, NearestQuery, RowPlace, RowPredicate, SearchContext, SearchError,
    nearest_places, passing_rows,
};
use isobath_storage::model::AttributeName;
use std::{fmt, sync::Arc};

/// Rows not farther than this.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Radius {
    pub(crate) most: f64,
    /// Whether rows at exactly this distance count.
    pub(crate) inclusive: bool,
}

/// What rows are ranked by.
#[derive(Debug, Clone)]
pub(crate) struct Ranking {
    pub(crate) attribute: AttributeName,
    pub(crate) measure: Measure,
    /// The query vector; reads no column.
    pub(crate) query: Arc<dyn PhysicalExpr>,
    /// How many rows.
    pub(crate) limit: usize,
    pub(crate) radius: Option<Radius>,
    /// The recall that the search aims for.
    pub(crate) recall_target: f32,
    /// The length of the search's list, where it is said.
    pub(crate) list: Option<usize>,
}

/// The nearest rows of a table that pass its predicates: in place of a scan of all of them, below the sort
/// that wants only the first.
#[derive(Debug, Clone)]
pub(crate) struct AnnTopKExec {
    scan: VectorScanExec,
    ranking: Ranking,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl AnnTopKExec {
    /// The first rows of `scan` by `ranking`; gives the same columns.
    pub(crate) fn new(scan: VectorScanExec, ranking: Ranking) -> Self {
        let properties = Arc::new(properties(&scan.schema));
        let metrics = ExecutionPlanMetricsSet::new();
        Self {
            scan,
            ranking,
            properties,
            metrics,
        }
    }

    /// How many rows it gives at most.
    pub(crate) fn limit(&self) -> usize {
        self.ranking.limit
    }

    /// The rows, as one batch.
    async fn run(self) -> Result<RecordBatch> {
        let table = Arc::clone(&self.scan.table);
        let predicate = Predicate::new(&table, &self.scan.filters)?;
        let query = self.query_vector()?;
        let (view, ranking) = (Arc::clone(&table.view), self.ranking.clone());
        let search = move |context: &mut SearchContext<'_>| {
            searched(predicate.as_ref(), view.version, |asked| {
                ranking.search(&view, query, asked, context)
            })
        };
        let found = table.source.pool().run(table.timeout, search).await;
        let found = found.map_err(SqlError::from)?;
        self.measure(&found);
        let rows: Vec<RowPlace> = found.rows.into_iter().map(|(place, _)| place).collect();
        let column = |number: &usize| match table.columns.columns.get(*number) {
            Some(column) => column.pick(&table.view.sets, &rows),
            None => Ok(places(
                rows.iter().map(|(set, row)| (*set as usize, *row as usize)),
            )),
        };
        let arrays = self.scan.projection.iter().map(column);
        let arrays = arrays.collect::<Result<_, arrow_schema::ArrowError>>()?;
        batch(&self.scan.schema, arrays, rows.len())
    }

    /// The query vector; `None` where it is null.
    fn query_vector(&self) -> Result<Option<Vec<f32>>> {
        let one = RecordBatchOptions::new().with_row_count(Some(1));
        let schema = Arc::new(Schema::empty());
        let row = RecordBatch::try_new_with_options(schema, vec![], &one)?;
        match self.ranking.query.evaluate(&row)? {
            ColumnarValue::Scalar(value) => vector_of(&value),
            ColumnarValue::Array(array) => vector_of(&ScalarValue::try_from_array(&array, 0)?),
        }
    }

    fn measure(&self, found: &NearestPlaces) {
        let count = |name, value: u64| {
            let value = usize::try_from(value).unwrap_or(usize::MAX);
            MetricBuilder::new(&self.metrics)
                .counter(name, 0)
                .add(value);
        };
        if let Some(matches) = found.stats.filter_rows {
            count("filter_matches", matches);
        }
        count("visited", found.stats.rows_scanned);
        count("searched_exactly", found.stats.exhaustive_search_count);
        count("output_rows", found.rows.len() as u64);
    }
}

impl Ranking {
    fn search(
        &self,
        view: &isobath_query::view::View,
        query: Option<Vec<f32>>,
        predicate: Option<&RowPredicate<'_>>,
        context: &mut SearchContext<'_>,
    ) -> Result<NearestPlaces, SearchError> {
        let Some(vector) = query else {
            // nothing is near to null: any rows are as good as others, and none is within a radius
            return match self.radius {
                Some(_) => Ok(NearestPlaces::default()),
                None => self.any_rows(view, predicate, context),
            };
        };
        let asked = NearestQuery {
            attribute: self.attribute.clone(),
            vector,
            limit: self.limit,
            exact: false,
            recall_target: Some(self.recall_target),
            list: self.list,
        };
        let mut found = nearest_places(view, &asked, predicate, context)?;
        if let Some(radius) = self.radius {
            let within = |distance: f32| {
                let distance = self.measure.of_distance(distance);
                distance < radius.most || (radius.inclusive && distance <= radius.most)
            };
            found
                .rows
                .retain(|(_, distance)| distance.is_some_and(within));
        }
        Ok(found)
    }

    fn any_rows(
        &self,
        view: &isobath_query::view::View,
        predicate: Option<&RowPredicate<'_>>,
        context: &SearchContext<'_>,
    ) -> Result<NearestPlaces, SearchError> {
        let by_set = passing_rows(view, predicate, context)?;
        let rows = (0..).zip(by_set);
        let rows = rows.flat_map(|(set, rows)| rows.into_iter().map(move |row| ((set, row), None)));
        Ok(NearestPlaces {
            rows: rows.take(self.limit).collect(),
            ..NearestPlaces::default()
        })
    }
}

impl DisplayAs for AnnTopKExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Ranking {
            attribute,
            measure,
            query,
            limit,
            radius,
            recall_target,
            list,
        } = &self.ranking;
        let table = &self.scan.table.view.namespace;
        let metric = measure.metric();
        write!(
            f,
            "AnnTopKExec: table={table}, mode=ann, k={limit}, column={attribute}, metric={metric}"
        )?;
        let query = query.to_string();
        match query.char_indices().nth(48) {
            Some((end, _)) => write!(f, ", query={}…", &query[..end])?,
            None => write!(f, ", query={query}")?,
        }
        if let Some(Radius { most, inclusive }) = radius {
            write!(f, ", radius{}{most}", if *inclusive { "<=" } else { "<" })?;
        }
        match list {
            Some(list) => write!(f, ", search_l={list}")?,
            None => write!(f, ", recall_target={recall_target}")?,
        }
        write_filters(f, &self.scan.filters)
    }
}

impl ExecutionPlan for AnnTopKExec {
    fn name(&self) -> &'static str {
        "AnnTopKExec"
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
        if f(&self.ranking.query)? == TreeNodeRecursion::Stop {
            return Ok(TreeNodeRecursion::Stop);
        }
        self.scan.apply_expressions(f)
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
        let found = futures::stream::once(self.clone().run());
        let schema = Arc::clone(&self.scan.schema);
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, found)))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn statistics_from_inputs(
        &self,
        _: &[Arc<Statistics>],
        _: &StatisticsArgs,
    ) -> Result<Arc<Statistics>> {
        let mut statistics = Statistics::new_unknown(&self.scan.schema);
        statistics.num_rows = Precision::Inexact(self.ranking.limit);
        Ok(Arc::new(statistics))
    }
}
