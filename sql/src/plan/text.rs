//! [`TextTable`]: the rows of a table that fit a text best, with their scores.

use super::{
    predicate::{Predicate, batch, searched},
    scan::{properties, write_filters},
    table::{Table, bound, is_inside},
};
use crate::SqlError;
use arrow_array::{ArrayRef, Float32Array, RecordBatch};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::{
    catalog::{Session, TableProvider},
    common::{Result, plan_err, tree_node::TreeNodeRecursion},
    execution::{SendableRecordBatchStream, TaskContext},
    logical_expr::{Expr, TableProviderFilterPushDown, TableType},
    physical_expr::PhysicalExpr,
    physical_plan::{
        DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties, ReplaceChildrenOptions,
        stream::RecordBatchStreamAdapter,
    },
};
use isobath_query::search::{RowPlace, Score, SearchContext, TextInput, TextMatch, scored_places};
use isobath_storage::model::AttributeName;
use std::{fmt, sync::Arc};

/// The column of the scores.
pub(crate) const SCORE: &str = "_score";

/// A text that is looked for in a table.
#[derive(Debug, Clone)]
pub(crate) struct TextQuery {
    pub(crate) attribute: AttributeName,
    pub(crate) text: String,
    /// How many rows.
    pub(crate) limit: usize,
}

/// The rows of a table that fit a text best, with their scores. Its predicates are part of the search: they
/// never cost rows.
#[derive(Debug)]
pub(crate) struct TextTable {
    table: Arc<Table>,
    query: TextQuery,
    schema: SchemaRef,
}

impl TextTable {
    /// The best rows of `table`.
    pub(crate) fn new(table: Table, query: TextQuery) -> Self {
        let fields = table
            .schema
            .fields()
            .iter()
            .map(|field| field.as_ref().clone());
        let score = Field::new(SCORE, DataType::Float32, false);
        let fields: Vec<Field> = fields.chain([score]).collect();
        Self {
            table: Arc::new(table),
            query,
            schema: Arc::new(Schema::new(fields)),
        }
    }
}

#[async_trait]
impl TableProvider for TextTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        for filter in filters {
            let scores = filter
                .column_refs()
                .iter()
                .any(|column| column.name == SCORE);
            if scores || !is_inside(filter)? {
                return plan_err!(
                    "the filter of text_search can only be about the columns of its table"
                );
            }
        }
        Ok(vec![TableProviderFilterPushDown::Exact; filters.len()])
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        _: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let filters = bound(state, &self.table.schema, filters)?;
        let all = || (0..self.schema.fields().len()).collect();
        let projection = projection.cloned().unwrap_or_else(all);
        let schema = Arc::new(self.schema.project(&projection)?);
        Ok(Arc::new(TextTopKExec {
            table: Arc::clone(&self.table),
            query: self.query.clone(),
            projection,
            filters,
            properties: Arc::new(properties(&schema)),
            schema,
        }))
    }
}

/// Finds the rows that fit a text best.
#[derive(Debug, Clone)]
struct TextTopKExec {
    table: Arc<Table>,
    query: TextQuery,
    /// The columns that it gives, by their numbers in the table's schema; the number after them is the score.
    projection: Vec<usize>,
    filters: Vec<Arc<dyn PhysicalExpr>>,
    schema: SchemaRef,
    properties: Arc<PlanProperties>,
}

impl TextTopKExec {
    /// The rows, as one batch.
    async fn run(self) -> Result<RecordBatch> {
        let table = Arc::clone(&self.table);
        let predicate = Predicate::new(&table, &self.filters)?;
        let view = Arc::clone(&table.view);
        let score = Score::Bm25(TextMatch {
            attribute: self.query.attribute.clone(),
            input: TextInput::Text(self.query.text.clone()),
            last_as_prefix: false,
        });
        let limit = self.query.limit;
        let search = move |context: &mut SearchContext<'_>| {
            searched(predicate.as_ref(), view.version, |asked| {
                scored_places(&view, &score, asked, limit, context)
            })
        };
        let found = table.source.pool().run(table.timeout, search).await;
        let found = found.map_err(SqlError::from)?;
        let rows: Vec<RowPlace> = found.rows.iter().map(|(place, _)| *place).collect();
        let column = |number: &usize| -> Result<ArrayRef, ArrowError> {
            if let Some(column) = table.columns.columns.get(*number) {
                return column.pick(&table.view.sets, &rows);
            }
            let scores = found.rows.iter();
            let scores = scores.map(|(_, score)| score.unwrap_or_default());
            Ok(Arc::new(scores.collect::<Float32Array>()))
        };
        let arrays = self
            .projection
            .iter()
            .map(column)
            .collect::<Result<_, _>>()?;
        batch(&self.schema, arrays, rows.len())
    }
}

impl DisplayAs for TextTopKExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let TextQuery {
            attribute,
            text,
            limit,
        } = &self.query;
        let table = &self.table.view.namespace;
        write!(
            f,
            "TextTopKExec: table={table}, k={limit}, column={attribute}, query={text:?}"
        )?;
        write_filters(f, &self.filters)
    }
}

impl ExecutionPlan for TextTopKExec {
    fn name(&self) -> &'static str {
        "TextTopKExec"
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
        let found = futures::stream::once(self.clone().run());
        let schema = Arc::clone(&self.schema);
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, found)))
    }
}
