//! [`Table`]: a namespace as the query engine sees it: one view of it, pinned for one statement.

use super::scan::VectorScanExec;
use crate::{Source, columns::TableColumns};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::{
    catalog::{Session, TableProvider},
    common::{DFSchema, Result, Statistics, stats::Precision, tree_node::TreeNode},
    logical_expr::{Expr, TableProviderFilterPushDown, TableType},
    physical_expr::PhysicalExpr,
    physical_plan::ExecutionPlan,
};
use isobath_query::view::View;
use std::{sync::Arc, time::Duration};

/// The name of the column that tells where a row is, in the tables that writes read. No attribute is called
/// so.
pub(crate) const ROW_COLUMN: &str = "$row";

/// A namespace as a table: one view of it, pinned for one statement.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) view: Arc<View>,
    pub(crate) columns: TableColumns,
    pub(crate) source: Arc<dyn Source>,
    /// How long a search may take.
    pub(crate) timeout: Duration,
    pub(crate) schema: SchemaRef,
}

impl Table {
    /// The view as a table.
    pub(crate) fn new(view: Arc<View>, source: Arc<dyn Source>, timeout: Duration) -> Self {
        let columns = TableColumns::of(&view.schema);
        let schema = Arc::clone(&columns.schema);
        Self {
            view,
            columns,
            source,
            timeout,
            schema,
        }
    }

    /// The same table with a column that tells where each row is.
    pub(crate) fn with_places(mut self) -> Self {
        let fields = self
            .schema
            .fields()
            .iter()
            .map(|field| field.as_ref().clone());
        let row = Field::new(ROW_COLUMN, DataType::UInt64, false);
        let fields: Vec<Field> = fields.chain([row]).collect();
        self.schema = Arc::new(Schema::new(fields));
        self
    }

    /// How many rows there are, more or less.
    pub(crate) fn statistics(&self) -> Statistics {
        let mut statistics = Statistics::new_unknown(&self.schema);
        statistics.num_rows = Precision::Inexact(self.view.rows());
        statistics
    }
}

/// A table for the query engine. It is another type so that plans can share the table.
#[derive(Debug, Clone)]
pub(crate) struct SharedTable(pub(crate) Arc<Table>);

#[async_trait]
impl TableProvider for SharedTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.0.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn statistics(&self) -> Option<Statistics> {
        Some(self.0.statistics())
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        let inside = |filter: &&Expr| {
            if is_inside(filter)? {
                Ok(TableProviderFilterPushDown::Exact)
            } else {
                Ok(TableProviderFilterPushDown::Unsupported)
            }
        };
        filters.iter().map(inside).collect()
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let filters = bound(state, &self.0.schema, filters)?;
        let scan = VectorScanExec::new(Arc::clone(&self.0), projection.cloned(), filters, limit)?;
        Ok(Arc::new(scan))
    }
}

/// Predicates over the columns of `schema`, ready to be evaluated.
pub(super) fn bound(
    state: &dyn Session,
    schema: &SchemaRef,
    filters: &[Expr],
) -> Result<Vec<Arc<dyn PhysicalExpr>>> {
    let schema = DFSchema::try_from(Arc::clone(schema))?;
    let bind = |filter: &Expr| state.create_physical_expr(unqualified(filter)?, &schema);
    filters.iter().map(bind).collect()
}

/// Whether a predicate is evaluated within the scan: nothing in it changes from call to call or comes from
/// another query.
pub(super) fn is_inside(filter: &Expr) -> Result<bool> {
    if filter.is_volatile() {
        return Ok(false);
    }
    let elsewhere = filter.exists(|expr| {
        Ok(matches!(
            expr,
            Expr::ScalarSubquery(_)
                | Expr::InSubquery(_)
                | Expr::Exists(_)
                | Expr::SetComparison(_)
                | Expr::OuterReferenceColumn(..)
                | Expr::Placeholder(_)
        ))
    });
    Ok(!elsewhere?)
}

/// The same expression with its columns named without their table.
fn unqualified(filter: &Expr) -> Result<Expr> {
    use datafusion::common::tree_node::{Transformed, TransformedResult};
    filter
        .clone()
        .transform(|expr| {
            Ok(match expr {
                Expr::Column(mut column) if column.relation.is_some() => {
                    column.relation = None;
                    Transformed::yes(Expr::Column(column))
                }
                expr => Transformed::no(expr),
            })
        })
        .data()
}
