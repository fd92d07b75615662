//! [`Residue`]: what of a row's state its columns cannot hold.

use super::RowState;
use crate::model::{AttributeName, Value};
use std::collections::BTreeMap;

/// What of a row's state the columns of a part do not hold, as long as a late mutation could need
/// it: stamps of columns, rows that are not live, values of a type that lost.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Residue {
    /// The state without the row; its cells are in the columns already, where the row is live.
    pub state: RowState<()>,
    /// Values of the row that its columns cannot hold, because another type counts.
    pub side: BTreeMap<AttributeName, Value>,
}
