//! [`BaseRows`]: the rows that mutations are applied over.

use super::{FoldError, Residue, RowRef, RowState, SchemaState};
use crate::model::{Id, Stamp};

/// The rows that a manifest's parts hold, without those that their deletion vectors hide.
pub trait BaseRows {
    /// The row `id` of the parts: where it stands, its content and the stamp of its newest mutation. It may be one that
    /// is not live.
    fn find(&self, id: &Id) -> Option<Found>;

    /// The row `id` in each of the parts that hold it: several only where some of them were adopted.
    fn find_all(&self, id: &Id) -> Vec<Found> {
        self.find(id).into_iter().collect()
    }

    /// The rows that a late deletion, drop or declaration can change in other ways than to hide them: those of which
    /// more is known than their columns hold.
    fn unsettled(&self) -> Vec<Id> {
        vec![]
    }

    /// Whether parts that a record with this stamp adopted are among them.
    fn has_adopted(&self, _stamp: Stamp) -> bool {
        false
    }

    /// The rows of other parts than those which a record with this stamp adopted that are newer than it.
    fn newer(&self, _stamp: Stamp) -> Vec<Id> {
        vec![]
    }
}

/// A row of a part.
#[derive(Debug, Clone)]
pub struct Found {
    /// Which of the parts.
    pub part: usize,
    /// Its content.
    pub row: RowRef,
    /// The stamp of its newest mutation.
    pub stamp: Stamp,
    /// What of its state the columns do not hold.
    pub residue: Option<Box<Residue>>,
}

impl Found {
    /// Whether the row is live.
    pub fn is_live(&self) -> bool {
        let residue = self.residue.as_ref();
        residue.is_none_or(|residue| residue.state.is_live())
    }

    /// All that is known of the row, but for what the deletion of the namespace and drops of attributes hide.
    pub(super) fn state(
        self,
        id: &Id,
        schema: &SchemaState,
    ) -> Result<RowState<RowRef>, FoldError> {
        let Some(residue) = self.residue else {
            let gone = schema.is_deleted(self.stamp);
            return Ok(if gone {
                RowState::default()
            } else {
                RowState::live(self.stamp, self.row)
            });
        };
        let mut state = residue.state_of(id, self.row)?;
        if let Some(deleted) = schema.deleted {
            state = state.after(deleted);
        }
        for (name, attribute) in &schema.attributes {
            if let Some(dropped) = attribute.dropped {
                state.drop_column(name, dropped);
            }
        }
        Ok(state)
    }
}
