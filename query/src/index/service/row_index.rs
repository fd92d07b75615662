//! [`RowIndex`]: what the vectors of a row set are found by.

use super::VectorColumn;
use crate::{
    index::{Bits, Centre, Codes, Encoding, Index, IndexError},
    view::RowSet,
};
use isobath_storage::model::{AttributeName, AttributeType, Metric};
use std::sync::Arc;

/// What the vectors of one attribute of a row set are found by; hangs in the row set's slots.
#[derive(Debug)]
pub enum RowIndex {
    /// Codes in memory, one a row.
    Codes(Codes),
    /// A finished index, mapped.
    Built(Box<Index>),
}

/// Fewer rows are searched as fast without codes.
pub const MIN_CODED_ROWS: usize = 512;

/// From so many dimensions on 2 bits each tell rows apart well enough to scan; below it takes 4.
const TWO_BIT_DIM: usize = 256;

impl RowIndex {
    /// Whether it was made for vectors of `dim` dimensions under `metric`.
    pub fn fits(&self, dim: usize, metric: Metric) -> bool {
        match self {
            Self::Codes(codes) => (codes.dim(), codes.metric()) == (dim, metric),
            Self::Built(index) => {
                let meta = index.meta();
                (meta.dim, meta.params.metric) == (dim, metric)
            }
        }
    }

    /// What hangs in the slot of `attribute`.
    pub fn of(set: &RowSet, attribute: &AttributeName) -> Option<Arc<Self>> {
        set.indexes.get(attribute)
    }
}

/// Codes the vectors of a row set, a few microseconds each, so that searches scan codes in place of vectors
/// from then on. Does nothing where the row set is small, or has codes or an index already.
pub fn attach_codes(
    set: &RowSet,
    attribute: &AttributeName,
    ty: AttributeType,
    metric: Metric,
) -> Result<(), IndexError> {
    let Some(column) = VectorColumn::of(set, attribute, ty)? else {
        return Ok(());
    };
    let dim = column.vectors.dim();
    let there = RowIndex::of(set, attribute).is_some_and(|index| index.fits(dim, metric));
    if there || set.len() < MIN_CODED_ROWS {
        return Ok(());
    }
    let how = Encoding {
        metric,
        bits: if dim < TWO_BIT_DIM {
            Bits::Four
        } else {
            Bits::Two
        },
        centre: Centre::Mean,
        threads: 1,
    };
    let codes = Codes::encode(&column.vectors, &how)?;
    let codes = Arc::new(RowIndex::Codes(codes));
    set.indexes.set(attribute, &codes);
    Ok(())
}
