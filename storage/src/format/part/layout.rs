//! [`PartLayout`]: where the columns of a part lie, for readers that fetch ranges of it.

use super::{WHAT, check_version};
use crate::format::{
    FormatError,
    ipc::{ColumnLayout, FieldType, ID, read_layout},
};
use crate::model::{AttributeName, AttributeType, IdColumn, IdKind, VectorElement};
use arrow_buffer::{Buffer, ScalarBuffer};
use bytes::Bytes;
use std::ops::Range;
use uuid::Uuid;

/// So many bytes from the start of a part hold the layout of some hundred columns.
pub const PREFIX: u64 = 64 * 1024;

/// Where the columns of a part lie. Ranges are in bytes from the start of the part.
#[derive(Debug, Clone)]
pub struct PartLayout {
    /// The number of rows.
    pub rows: u64,
    columns: Vec<ColumnLayout>,
}

/// Where the vectors of an attribute lie, one row after the other.
#[derive(Debug, Clone)]
pub struct VectorsAt {
    /// The number of elements of each.
    pub dim: u32,
    /// Their elements.
    pub element: VectorElement,
    range: Range<u64>,
}

impl PartLayout {
    /// Reads the layout out of the first bytes of a part; [`FormatError::Truncated`] where it needs more of them.
    pub fn read(prefix: Bytes) -> Result<Self, FormatError> {
        let layout = read_layout(WHAT, &Buffer::from(prefix))?;
        check_version(&layout.metadata)?;
        Ok(Self {
            rows: layout.rows as u64,
            columns: layout.columns,
        })
    }

    /// Where the ids lie, and how many bytes each has; `None` where their lengths differ.
    pub fn ids(&self) -> Option<(IdKind, Range<u64>)> {
        let column = self.columns.iter().find(|column| column.name == ID)?;
        let kind = IdKind::from_attribute_type(column.ty.attribute()?)?;
        let width = match kind {
            IdKind::Uint => 8,
            IdKind::Uuid => 16,
            IdKind::String => return None,
        };
        Some((kind, self.values(column, 1, width)?))
    }

    /// Where the vectors of `attribute` lie; `None` where it has none.
    pub fn vectors(&self, attribute: &AttributeName) -> Option<VectorsAt> {
        let mut columns = self.columns.iter();
        let column = columns.find(|column| column.name == attribute.as_str())?;
        let FieldType::Attribute(AttributeType::Vector { dim, element }) = column.ty else {
            return None;
        };
        let width = u64::from(dim) * element.width() as u64;
        Some(VectorsAt {
            dim,
            element,
            range: self.values(column, 2, width)?,
        })
    }

    /// The values of a column that lie in one of its buffers, each of `width` bytes.
    fn values(&self, column: &ColumnLayout, buffer: usize, width: u64) -> Option<Range<u64>> {
        let range = column.buffers.get(buffer)?;
        let length = self.rows.checked_mul(width)?;
        (range.end - range.start >= length).then(|| range.start..range.start + length)
    }
}

impl VectorsAt {
    /// Where the vector of a row lies, whether or not it is null.
    pub fn row(&self, row: u32) -> Option<Range<u64>> {
        let width = u64::from(self.dim) * self.element.width() as u64;
        let start = self
            .range
            .start
            .checked_add(u64::from(row).checked_mul(width)?)?;
        let end = start.checked_add(width)?;
        (end <= self.range.end).then_some(start..end)
    }
}

/// The ids whose bytes lie where [`PartLayout::ids`] says; `None` where they do not rise.
pub fn read_ids(kind: IdKind, bytes: &[u8]) -> Option<IdColumn> {
    match kind {
        IdKind::Uint => {
            let ids: Vec<u64> = bytes
                .as_chunks::<8>()
                .0
                .iter()
                .copied()
                .map(u64::from_le_bytes)
                .collect();
            let rising = ids.is_sorted_by(|a, b| a < b);
            rising.then(|| IdColumn::U64(ScalarBuffer::from(ids)))
        }
        IdKind::Uuid => {
            let ids: Vec<Uuid> = bytes
                .as_chunks::<16>()
                .0
                .iter()
                .copied()
                .map(Uuid::from_bytes)
                .collect();
            let rising = ids.is_sorted_by(|a, b| a < b);
            rising.then(|| IdColumn::Uuid(ids.into()))
        }
        IdKind::String => None,
    }
}
