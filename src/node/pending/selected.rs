//! [`Selected`]: the rows that a write by filter was found to be about, before the owner took it.

use crate::server::{ByFilter, EngineError, EngineErrorKind};
use isobath_query::search::{Filter, Selection};
use isobath_storage::model::{AttributeType, Column, Mutation, PatchMask, Rows, RowsError, Value};

/// The rows that a write by filter was found to be about, before the owner took it: some may have changed
/// since.
#[derive(Debug)]
pub(in crate::node) struct Selected {
    pub(super) filter: Filter,
    pub(super) selection: Selection,
}

impl Selected {
    /// Fails where more rows pass the filter than `most`, unless the write takes some of them.
    pub(in crate::node) fn new(
        asked: &ByFilter,
        selection: Selection,
        (field, most): (&str, usize),
    ) -> Result<Self, EngineError> {
        if selection.more && !asked.allow_partial {
            let text = format!(
                "{field}: more than {most} rows match, the most that one write may change; narrow the \
                 filter, or set {field}_allow_partial and repeat the write while rows_remaining is true"
            );
            return Err(EngineError::new(EngineErrorKind::Invalid, text));
        }
        Ok(Self {
            filter: asked.filter.clone(),
            selection,
        })
    }

    /// Whether more rows pass the filter.
    pub(in crate::node) fn has_more(&self) -> bool {
        self.selection.more
    }

    /// Deletes the rows.
    pub(in crate::node) fn delete(&self) -> Mutation {
        Mutation::Delete(self.selection.ids())
    }

    /// Sets `values`, columns of one row, in the rows.
    pub(in crate::node) fn patch(&self, values: &[Column]) -> Result<Mutation, RowsError> {
        let ids = self.selection.ids();
        let rows = ids.len();
        let repeat = |column: &Column| {
            let columns = [(column.name.clone(), column.ty)];
            let one = Rows::new(ids.take(&[0]), vec![column.clone()])?;
            let picks = vec![(0, 0); rows];
            let many = Rows::interleave(ids.kind(), &columns, &[&one], &picks)?;
            Ok(many.columns().to_vec())
        };
        let columns: Vec<Vec<Column>> = match rows {
            0 => vec![],
            _ => values
                .iter()
                .map(repeat)
                .collect::<Result<_, RowsError>>()?,
        };
        let rows = Rows::new(ids, columns.concat())?;
        Ok(Mutation::Patch(PatchMask::all(), rows))
    }
}

/// Bytes that a row takes of a patch that sets `values`.
pub(in crate::node) fn patch_bytes(values: &[Column]) -> usize {
    let bytes = |column: &Column| match (column.ty, column.value(0)) {
        (AttributeType::Vector { .. }, _) => 0,
        (_, Value::String(text)) => text.len(),
        (_, _) => column.array.get_array_memory_size(),
    };
    16 + values.iter().map(bytes).sum::<usize>()
}
