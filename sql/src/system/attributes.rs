//! [`AttributeTable`]: `pg_attribute`, the columns of all tables.

use super::{
    relation::{Cell, batch},
    table_oid,
};
use crate::{Source, columns::TableColumns, wire};
use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use async_trait::async_trait;
use datafusion::{
    catalog::{Session, TableProvider},
    common::{Column, Result, ScalarValue},
    datasource::MemTable,
    logical_expr::{BinaryExpr, Expr, Operator, TableProviderFilterPushDown, TableType},
    physical_plan::ExecutionPlan,
};
use isobath_storage::model::Namespace;
use std::{collections::BTreeSet, sync::Arc};

const NAMES: [&str; 20] = [
    "attrelid",
    "attname",
    "atttypid",
    "attlen",
    "attnum",
    "attndims",
    "atttypmod",
    "attbyval",
    "attalign",
    "attstorage",
    "attnotnull",
    "atthasdef",
    "atthasmissing",
    "attidentity",
    "attgenerated",
    "attisdropped",
    "attislocal",
    "attinhcount",
    "attcollation",
    "attstattarget",
];

/// The columns of all tables. Only the namespaces are opened that a query asks for.
#[derive(Debug)]
pub(crate) struct AttributeTable {
    source: Arc<dyn Source>,
    names: BTreeSet<String>,
    schema: SchemaRef,
}

impl AttributeTable {
    /// The columns of the tables `names`.
    pub(crate) fn new(
        source: &Arc<dyn Source>,
        names: &BTreeSet<String>,
    ) -> Result<Self, crate::SqlError> {
        Ok(Self {
            source: Arc::clone(source),
            names: names.clone(),
            schema: rows_of(&[])?.schema(),
        })
    }

    async fn columns(&self, filters: &[Expr]) -> Result<RecordBatch, crate::SqlError> {
        let wanted = filters.iter().find_map(wanted_table);
        let mut rows = vec![];
        for name in &self.names {
            if wanted.is_some_and(|wanted| wanted != table_oid(name)) {
                continue;
            }
            let Ok(namespace) = name.parse::<Namespace>() else {
                continue;
            };
            let Some(view) = self.source.view(&namespace).await? else {
                continue;
            };
            let columns = TableColumns::of(&view.schema);
            for (number, field) in (1..).zip(columns.schema.fields()) {
                let oid = wire::oid_of(field);
                let no = || Cell::Bool(false);
                let size = i64::from(wire::size_of_type(oid));
                rows.push(vec![
                    table_oid(name).into(),
                    field.name().as_str().into(),
                    i64::from(oid).into(),
                    size.into(),
                    Cell::Number(number),
                    0.into(),
                    i64::from(wire::modifier_of(field)).into(),
                    (1..=8).contains(&size).into(),
                    "d".into(),
                    "p".into(),
                    (!field.is_nullable()).into(),
                    no(),
                    no(),
                    "".into(),
                    "".into(),
                    no(),
                    Cell::Bool(true),
                    0.into(),
                    0.into(),
                    (-1).into(),
                ]);
            }
        }
        rows_of(&rows)
    }
}

fn rows_of(rows: &[Vec<Cell>]) -> Result<RecordBatch, crate::SqlError> {
    let (n, t, b) = (
        Cell::Number(0),
        Cell::Text(String::new()),
        Cell::Bool(false),
    );
    let types = [
        &n, &t, &n, &n, &n, &n, &n, &b, &t, &t, &b, &b, &b, &t, &t, &b, &b, &n, &n, &n,
    ];
    batch(&NAMES, rows, &types.map(Clone::clone))
}

/// The table that a filter wants the columns of.
fn wanted_table(filter: &Expr) -> Option<i64> {
    let Expr::BinaryExpr(BinaryExpr {
        left,
        op: Operator::Eq,
        right,
    }) = filter
    else {
        return None;
    };
    let (Expr::Column(Column { name, .. }), Expr::Literal(value, _)) =
        (left.as_ref(), right.as_ref())
    else {
        return None;
    };
    match value {
        ScalarValue::Int64(oid) if name == "attrelid" => *oid,
        _ => None,
    }
}

#[async_trait]
impl TableProvider for AttributeTable {
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
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        _: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let batch = self.columns(filters).await?;
        let rows = MemTable::try_new(batch.schema(), vec![vec![batch]])?;
        rows.scan(state, projection, &[], None).await
    }
}
