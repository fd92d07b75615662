//! Refuses plans that would hold a thread for longer than anybody can stop them.

use crate::{SqlError, SqlErrorKind};
use datafusion::physical_plan::{
    ExecutionPlan,
    empty::EmptyExec,
    joins::{CrossJoinExec, NestedLoopJoinExec},
    limit::GlobalLimitExec,
    placeholder_row::PlaceholderRowExec,
};
use std::sync::Arc;

/// The most pairs of rows that a join without an equality may compare: within one step of it nothing looks at
/// the time.
const MAX_PAIRS: u64 = 500_000_000;
/// Rows of an operator of which nothing is known.
const UNKNOWN: u64 = 1_000;

/// Refuses joins that compare too many pairs of rows, as far as the sizes of their inputs are known.
pub(crate) fn check(plan: &Arc<dyn ExecutionPlan>) -> Result<(), SqlError> {
    rows(plan).map(|_| ())
}

/// How many rows a plan gives at most, more or less.
fn rows(plan: &Arc<dyn ExecutionPlan>) -> Result<u64, SqlError> {
    if plan.is::<EmptyExec>() || plan.is::<PlaceholderRowExec>() {
        return Ok(1);
    }
    let inputs = plan
        .children()
        .into_iter()
        .map(rows)
        .collect::<Result<Vec<u64>, _>>()?;
    if plan.is::<CrossJoinExec>() || plan.is::<NestedLoopJoinExec>() {
        let pairs = inputs
            .iter()
            .fold(1, |pairs: u64, rows| pairs.saturating_mul(*rows));
        if pairs > MAX_PAIRS {
            let said = format!(
                "the statement would compare {pairs} pairs of rows, more than {MAX_PAIRS}: join by an equality"
            );
            return Err(SqlError::new(SqlErrorKind::Memory, said).with_code("54000"));
        }
        return Ok(pairs);
    }
    if let Some(limit) = plan
        .downcast_ref::<GlobalLimitExec>()
        .and_then(GlobalLimitExec::fetch)
    {
        return Ok(limit as u64);
    }
    if let Some(limit) = plan.fetch() {
        return Ok(limit as u64);
    }
    if inputs.is_empty() {
        let known = crate::plan::known_rows(plan);
        return Ok(known.map_or(UNKNOWN, |rows| rows as u64));
    }
    Ok(inputs.into_iter().max().unwrap_or(UNKNOWN))
}
