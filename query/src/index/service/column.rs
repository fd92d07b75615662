//! [`VectorColumn`]: the vectors of one row set.

use crate::{
    index::{IndexError, VectorSet, Vectors},
    view::RowSet,
};
use arrow_array::Array;
use arrow_buffer::NullBuffer;
use isobath_storage::model::{AttributeName, AttributeType, VectorSlice};

/// The vectors of one attribute of a row set.
#[derive(Debug, Clone, Copy)]
pub struct VectorColumn<'a> {
    /// The vectors by row; those of null rows mean nothing.
    pub vectors: VectorSet<'a>,
    nulls: Option<&'a NullBuffer>,
}

impl<'a> VectorColumn<'a> {
    /// The column of `attribute` if it is of type `ty`; `None` where every row is null.
    pub fn of(
        set: &'a RowSet,
        attribute: &AttributeName,
        ty: AttributeType,
    ) -> Result<Option<Self>, IndexError> {
        let AttributeType::Vector { dim, .. } = ty else {
            return Ok(None);
        };
        let column = set.rows.column(attribute.as_str());
        let Some(column) = column.filter(|column| column.ty == ty) else {
            return Ok(None);
        };
        let values = match column.vectors() {
            Some(VectorSlice::F32(values)) => Vectors::F32(values),
            Some(VectorSlice::F16(values)) => Vectors::F16(values),
            None => return Ok(None),
        };
        Ok(Some(Self {
            vectors: VectorSet::new(values, dim as usize)?,
            nulls: column.array.nulls().filter(|nulls| nulls.null_count() > 0),
        }))
    }

    /// Whether `row` has a vector.
    #[inline]
    pub fn has(&self, row: u32) -> bool {
        self.nulls.is_none_or(|nulls| nulls.is_valid(row as usize))
    }

    /// The rows that have a vector; `None` where all have.
    pub(super) fn valid_rows(&self) -> Option<Vec<u32>> {
        let nulls = self.nulls?;
        let rows = nulls.valid_indices();
        Some(rows.filter_map(|row| u32::try_from(row).ok()).collect())
    }
}
