//! [`VectorSet`]: the full-precision vectors of a part or of a chunk of the delta, borrowed.

use super::{IndexError, prefetch::prefetch};
use half::{f16, slice::HalfFloatSliceExt};

/// The largest number of dimensions of a vector.
pub const MAX_DIM: usize = 65_536;

/// Vectors, or one vector, in the element type they are stored in.
#[derive(Debug, Clone, Copy)]
pub enum Vectors<'a> {
    /// 32-bit floats.
    F32(&'a [f32]),
    /// 16-bit floats.
    F16(&'a [f16]),
}

impl<'a> Vectors<'a> {
    /// The number of elements.
    pub fn len(&self) -> usize {
        match self {
            Self::F32(v) => v.len(),
            Self::F16(v) => v.len(),
        }
    }

    /// Whether there is no element.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn get(&self, from: usize, len: usize) -> Option<Self> {
        let to = from.checked_add(len)?;
        match self {
            Self::F32(v) => v.get(from..to).map(Vectors::F32),
            Self::F16(v) => v.get(from..to).map(Vectors::F16),
        }
    }

    /// Replaces the content of `out` by the elements.
    pub(super) fn widen(&self, out: &mut Vec<f32>) {
        out.clear();
        match self {
            Self::F32(v) => out.extend_from_slice(v),
            Self::F16(v) => {
                out.resize(v.len(), 0.0);
                v.convert_to_f32_slice(out);
            }
        }
    }

    /// The elements, as wide as it gets.
    pub(super) fn iter_f64(self) -> impl Iterator<Item = f64> + 'a {
        (0..self.len()).map(move |i| match self {
            Self::F32(v) => f64::from(v[i]),
            Self::F16(v) => v[i].to_f64(),
        })
    }

    #[inline(always)]
    fn prefetch(&self) {
        match self {
            Self::F32(v) => prefetch(v),
            Self::F16(v) => prefetch(v),
        }
    }
}

/// Row-major vectors of one dimension.
#[derive(Debug, Clone, Copy)]
pub struct VectorSet<'a> {
    values: Vectors<'a>,
    dim: usize,
}

impl<'a> VectorSet<'a> {
    /// Takes `values` as rows of `dim` elements.
    pub fn new(values: Vectors<'a>, dim: usize) -> Result<Self, IndexError> {
        if dim == 0 || dim > MAX_DIM {
            let fault = format!("{dim} is not in 1..={MAX_DIM}");
            return Err(IndexError::invalid("dim", fault));
        }
        if !values.len().is_multiple_of(dim) {
            let fault = format!("{} elements are no whole rows of {dim}", values.len());
            return Err(IndexError::invalid("values", fault));
        }
        Ok(Self { values, dim })
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        self.values.len() / self.dim
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The number of elements of a row.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// One row.
    #[inline]
    pub fn row(&self, row: u32) -> Option<Vectors<'a>> {
        self.values
            .get((row as usize).checked_mul(self.dim)?, self.dim)
    }

    #[inline(always)]
    pub(super) fn prefetch(&self, row: u32) {
        if let Some(v) = self.row(row) {
            v.prefetch();
        }
    }
}

/// The rows that an index covers, by node: node i is row `map[i]`, or row i without a map.
#[derive(Debug, Clone, Copy)]
pub(super) struct Nodes<'a> {
    pub(super) rows: VectorSet<'a>,
    pub(super) map: Option<&'a [u32]>,
}

impl<'a> Nodes<'a> {
    pub(super) fn len(&self) -> usize {
        self.map.map_or(self.rows.len(), <[u32]>::len)
    }

    #[inline(always)]
    pub(super) fn row_of(&self, node: u32) -> u32 {
        match self.map {
            None => node,
            Some(map) => map.get(node as usize).copied().unwrap_or(u32::MAX),
        }
    }

    #[inline(always)]
    pub(super) fn vector(&self, node: u32) -> Option<Vectors<'a>> {
        self.rows.row(self.row_of(node))
    }
}
