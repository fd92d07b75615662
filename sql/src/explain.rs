//! Plans in words.

use crate::{SqlError, SqlErrorKind};
use arrow_array::{RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use datafusion::physical_plan::{ExecutionPlan, display::DisplayableExecutionPlan};
use std::sync::Arc;

/// The name of the one column of an explanation.
const COLUMN: &str = "QUERY PLAN";

/// The columns of an explanation.
pub(crate) fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![Field::new(COLUMN, DataType::Utf8, false)]))
}

/// A plan, one operator a line; with what it did, where it was run.
pub(crate) fn explained(
    plan: &Arc<dyn ExecutionPlan>,
    was_run: bool,
) -> Result<RecordBatch, SqlError> {
    let text = if was_run {
        DisplayableExecutionPlan::with_metrics(plan.as_ref())
            .indent(false)
            .to_string()
    } else {
        DisplayableExecutionPlan::new(plan.as_ref())
            .indent(false)
            .to_string()
    };
    lines(&text)
}

/// Lines of text as rows.
pub(crate) fn lines(text: &str) -> Result<RecordBatch, SqlError> {
    let lines: StringArray = text.lines().map(Some).collect();
    let batch = RecordBatch::try_new(schema(), vec![Arc::new(lines)]);
    batch.map_err(|error| SqlError::new(SqlErrorKind::Internal, error.to_string()))
}
