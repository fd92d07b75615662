//! How a statement is read: tables over pinned views, and when an order is a search of the index.

mod nearest;
mod options;
mod order;
mod predicate;
mod rule;
mod scan;
mod table;
mod text;

pub(crate) use options::SearchOptions;
pub(crate) use rule::AnnRule;
pub(crate) use table::{ROW_COLUMN, SharedTable, Table};
pub(crate) use text::{SCORE, TextQuery, TextTable};

/// How many rows a scan or a search of ours reads at most, more or less.
pub(crate) fn known_rows(
    plan: &std::sync::Arc<dyn datafusion::physical_plan::ExecutionPlan>,
) -> Option<usize> {
    if let Some(scan) = plan.downcast_ref::<scan::VectorScanExec>() {
        return Some(scan.table.view.rows());
    }
    let search = plan.downcast_ref::<nearest::AnnTopKExec>();
    search.map(nearest::AnnTopKExec::limit)
}
