//! [`Predicate`]: what must hold of a row, evaluated column by column.

use super::table::Table;
use crate::{SqlError, columns::TableColumn};
use arrow_array::{
    Array, ArrayRef, BooleanArray, RecordBatch, RecordBatchOptions, UInt64Array, cast::AsArray,
};
use arrow_buffer::{BooleanBuffer, BooleanBufferBuilder};
use arrow_schema::SchemaRef;
use datafusion::{
    common::{Result, internal_err, tree_node::TreeNode},
    logical_expr::Operator,
    physical_expr::{
        PhysicalExpr, conjunction_opt,
        expressions::{
            BinaryExpr, Column, InListExpr, IsNotNullExpr, IsNullExpr, LikeExpr, Literal, NotExpr,
        },
        utils::{collect_columns, reassign_expr_columns},
    },
};
use isobath_query::{
    search::{RowPredicate, SearchContext, SearchError},
    view::{RowSet, Version},
};
use std::{collections::BTreeSet, sync::Arc};

/// Rows that are looked at together.
pub(crate) const CHUNK: usize = 8 * 1024;

/// Some columns of a table, read together.
#[derive(Debug, Clone)]
pub(crate) struct Columns {
    /// Their numbers in the table's schema, rising.
    pub(crate) numbers: Vec<usize>,
    pub(crate) schema: SchemaRef,
    sources: Vec<Option<TableColumn>>,
}

impl Columns {
    /// The columns of `table` with these numbers.
    pub(crate) fn of(table: &Table, numbers: BTreeSet<usize>) -> Result<Self> {
        let numbers: Vec<usize> = numbers.into_iter().collect();
        let schema = Arc::new(table.schema.project(&numbers)?);
        let column = |number: &usize| table.columns.columns.get(*number).cloned();
        let sources = numbers.iter().map(column).collect();
        Ok(Self {
            numbers,
            schema,
            sources,
        })
    }

    /// The columns that expressions over the table's schema read.
    pub(crate) fn read_by<'a>(
        expressions: impl IntoIterator<Item = &'a Arc<dyn PhysicalExpr>>,
    ) -> BTreeSet<usize> {
        let columns = expressions.into_iter().flat_map(collect_columns);
        columns.map(|column| column.index()).collect()
    }

    /// `len` rows of a row set, from `from` on; `number` is that of the row set in its view.
    pub(crate) fn slice(
        &self,
        (number, set): (usize, &RowSet),
        from: usize,
        len: usize,
    ) -> Result<RecordBatch> {
        let array = |column: &Option<TableColumn>| match column {
            Some(column) => column.slice(set, from, len),
            None => places((from..from + len).map(|row| (number, row))),
        };
        let arrays = self.sources.iter().map(array).collect();
        batch(&self.schema, arrays, len)
    }
}

/// Where rows are, as the column of a table for writes shows it.
pub(crate) fn places(rows: impl Iterator<Item = (usize, usize)>) -> ArrayRef {
    let place = |(set, row): (usize, usize)| ((set as u64) << 32) | row as u64;
    Arc::new(rows.map(place).collect::<UInt64Array>())
}

/// A batch of so many rows, also where it has no columns.
pub(crate) fn batch(schema: &SchemaRef, arrays: Vec<ArrayRef>, rows: usize) -> Result<RecordBatch> {
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    Ok(RecordBatch::try_new_with_options(
        Arc::clone(schema),
        arrays,
        &options,
    )?)
}

/// What must hold of a row.
#[derive(Debug, Clone)]
pub(crate) struct Predicate {
    columns: Columns,
    expr: Arc<dyn PhysicalExpr>,
    /// What it is, where it is the same whenever it reads the same and never fails.
    pub(crate) text: Option<String>,
}

impl Predicate {
    /// All of `filters`, which are over the schema of `table`; `None` where there is none.
    pub(crate) fn new(table: &Table, filters: &[Arc<dyn PhysicalExpr>]) -> Result<Option<Self>> {
        let Some(expr) = conjunction_opt(filters.iter().map(Arc::clone)) else {
            return Ok(None);
        };
        let columns = Columns::of(table, Columns::read_by([&expr]))?;
        let expr = reassign_expr_columns(expr, &columns.schema)?;
        let text = is_plain(&expr)?.then(|| {
            let types = columns.sources.iter().flatten();
            let types: Vec<_> = types.map(|column| (&column.name, column.ty)).collect();
            format!("{types:?} {expr:?}")
        });
        Ok(Some(Self {
            columns,
            expr,
            text,
        }))
    }

    /// The columns that it reads, out of a batch of `columns`, which hold them.
    pub(crate) fn project(&self, columns: &Columns, batch: &RecordBatch) -> Result<RecordBatch> {
        let at = |number: &usize| columns.numbers.binary_search(number).unwrap_or(0);
        let numbers: Vec<usize> = self.columns.numbers.iter().map(at).collect();
        Ok(batch.project(&numbers)?)
    }

    /// Which rows of a batch of its columns pass.
    pub(crate) fn of_batch(&self, batch: &RecordBatch) -> Result<BooleanArray> {
        let array = self.expr.evaluate(batch)?.into_array(batch.num_rows())?;
        let Some(pass) = array.as_boolean_opt() else {
            return internal_err!("a predicate is no boolean");
        };
        Ok(match pass.null_count() {
            0 => pass.clone(),
            _ => arrow_select::filter::prep_null_mask_filter(pass),
        })
    }

    /// Which rows of a row set pass, one bit a row. Where the predicate may fail, it is evaluated for the
    /// rows that `version` sees only.
    pub(crate) fn of_rows(
        &self,
        (number, set): (usize, &RowSet),
        version: Version,
        mut pace: impl FnMut() -> Result<()>,
    ) -> Result<BooleanBuffer> {
        let mut passing = BooleanBufferBuilder::new(set.len());
        let all = self.text.is_some() || set.hidden.is_empty();
        for from in (0..set.len()).step_by(CHUNK) {
            pace()?;
            let len = CHUNK.min(set.len() - from);
            let batch = self.columns.slice((number, set), from, len)?;
            if all {
                passing.append_buffer(self.of_batch(&batch)?.values());
                continue;
            }
            let visible = visible(set, version, from, len);
            let rest = arrow_select::filter::filter_record_batch(&batch, &visible)?;
            let pass = self.of_batch(&rest)?;
            let mut pass = pass.values().iter();
            for row in &visible {
                passing.append(row == Some(true) && pass.next() == Some(true));
            }
        }
        Ok(passing.finish())
    }
}

/// Runs `search` with `predicate` as the search takes it: evaluated row set by row set.
pub(crate) fn searched<T>(
    predicate: Option<&Predicate>,
    version: Version,
    search: impl FnOnce(Option<&RowPredicate<'_>>) -> T,
) -> T {
    let evaluate = |set: &RowSet, context: &SearchContext<'_>| {
        let Some(predicate) = predicate else {
            return Err(SearchError::Interrupted);
        };
        let pace = || context.check().map_err(|e| SqlError::from(e).into());
        // the number matters to tables for writes only, and those are not ranked
        let passing = predicate.of_rows((0, set), version, pace);
        passing.map_err(|error| SearchError::Predicate(SqlError::from(error).message))
    };
    let asked = RowPredicate {
        text: predicate.and_then(|predicate| predicate.text.as_deref()),
        evaluate: &evaluate,
    };
    search(predicate.is_some().then_some(&asked))
}

/// Which of `len` rows of a row set from `from` on a view of `version` sees.
pub(crate) fn visible(set: &RowSet, version: Version, from: usize, len: usize) -> BooleanArray {
    let rows = BooleanBuffer::collect_bool(len, |row| set.is_visible(from + row, version));
    BooleanArray::new(rows, None)
}

/// Whether an expression is made of what never fails and always gives the same.
fn is_plain(expr: &Arc<dyn PhysicalExpr>) -> Result<bool> {
    let other = expr.exists(|expr| {
        let compares = expr.downcast_ref::<BinaryExpr>().is_some_and(|binary| {
            matches!(
                binary.op(),
                Operator::Eq
                    | Operator::NotEq
                    | Operator::Lt
                    | Operator::LtEq
                    | Operator::Gt
                    | Operator::GtEq
                    | Operator::IsDistinctFrom
                    | Operator::IsNotDistinctFrom
                    | Operator::And
                    | Operator::Or
            )
        });
        let plain = compares
            || expr.downcast_ref::<Column>().is_some()
            || expr.downcast_ref::<Literal>().is_some()
            || expr.downcast_ref::<NotExpr>().is_some()
            || expr.downcast_ref::<IsNullExpr>().is_some()
            || expr.downcast_ref::<IsNotNullExpr>().is_some()
            || expr.downcast_ref::<InListExpr>().is_some()
            || expr.downcast_ref::<LikeExpr>().is_some();
        Ok(!plain)
    });
    Ok(!other?)
}
