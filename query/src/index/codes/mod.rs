//! [`Codes`]: rows as 1, 2 or 4 bits per dimension and two factors, resident in memory or mapped.
//!
//! With R the rotation and c the centre, usually the mean:
//!
//! ```text
//! row x     r = R(x − c)   code y_i in 0..2^B, standing for v_i = y_i − (2^B − 1)/2
//!           factors add = |r|², mul = −2 |r|² / ⟨v, r⟩
//! query q   u = R(q − c)
//!
//! |x − q|² ≈ |u|² + add + mul ⟨v, u⟩     ⟨v, u⟩ = step Σ y_i k_i − (2^B − 1)/2 Σ u_i
//! k_i = round(u_i / step) in −127..=127  step = max |u_i| / 127
//! ```
//!
//! so that a distance costs one sum of products of bytes. What the other metrics change:
//! - cosine: rows are coded at unit length, where |x − q|² is twice the distance; the zero row gets add + 1,
//!   which puts it at distance 1 of every query.
//! - dot product: add = |r|² + M² − |x|² with M the largest norm; the estimate is M² + |q|² − 2⟨x, q⟩, never
//!   negative and smallest for the greatest product.
//!
//! Byte k of a record holds dimensions k·P..k·P + P (P = 8/B), dimension k·P + p in bits p·B..p·B + B.
//! A record is whole cache lines; the factors stand in its last eight bytes if those are free, else apart.

#[cfg(target_arch = "x86_64")]
mod avx2;
mod encode;
mod estimate;
mod layout;
mod query;
mod store;

pub use encode::{Centre, Encoding};
pub use layout::Bits;
pub(super) use query::CodedQuery;

use isobath_storage::model::Metric;

use super::{buffer::Buffer, prefetch::prefetch};
use layout::{Layout, Line};

/// The codes of a set of rows, all around one centre.
#[derive(Debug)]
pub struct Codes {
    metric: Metric,
    layout: Layout,
    /// M², see above; 0 unless the metric is the dot product.
    largest: f32,
    /// The rotated centre.
    centre: Vec<f32>,
    lines: Buffer<Line>,
    /// Empty if the records hold them.
    factors: Buffer<[f32; 2]>,
}

impl Codes {
    /// The number of coded rows.
    pub fn len(&self) -> usize {
        self.lines.as_slice().len() / self.layout.width
    }

    /// Whether no row is coded.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number of elements of a coded vector.
    pub fn dim(&self) -> usize {
        self.layout.dim
    }

    /// Bits per dimension.
    pub fn bits(&self) -> Bits {
        self.layout.bits
    }

    /// The metric of the rows.
    pub fn metric(&self) -> Metric {
        self.metric
    }

    /// What a row costs in memory.
    pub fn bytes_per_row(&self) -> usize {
        let apart = if self.layout.inline {
            0
        } else {
            size_of::<[f32; 2]>()
        };
        self.layout.width * size_of::<Line>() + apart
    }

    pub(super) fn view(&self) -> CodesView<'_> {
        CodesView {
            bits: self.layout.bits,
            width: self.layout.width,
            inline: self.layout.inline,
            padded: self.layout.padded,
            lines: self.lines.as_slice(),
            factors: self.factors.as_slice(),
        }
    }
}

/// What the kernels need of [`Codes`], with the slices at hand.
#[derive(Clone, Copy)]
pub(super) struct CodesView<'a> {
    bits: Bits,
    width: usize,
    inline: bool,
    padded: usize,
    lines: &'a [Line],
    factors: &'a [[f32; 2]],
}

impl<'a> CodesView<'a> {
    pub(super) fn len(&self) -> usize {
        self.lines.len() / self.width
    }

    #[inline(always)]
    fn record(&self, node: u32) -> &'a [Line] {
        &self.lines[node as usize * self.width..][..self.width]
    }

    #[inline(always)]
    pub(super) fn prefetch(&self, node: u32) {
        let at = node as usize * self.width;
        match self.lines.get(at..at + self.width) {
            // two lines are the common case; unrolled, it shows in the search
            Some([a, b]) => {
                prefetch(std::slice::from_ref(a));
                prefetch(std::slice::from_ref(b));
            }
            Some(record) => prefetch(record),
            None => {}
        }
    }

    /// add and mul.
    #[inline(always)]
    fn factors_of(&self, node: u32) -> [f32; 2] {
        if self.inline {
            self.lines[(node as usize + 1) * self.width - 1].factors()
        } else {
            self.factors[node as usize]
        }
    }

    /// The node nearest to the centre (for the dot product: the one whose estimate is smallest there).
    pub(super) fn medoid(&self) -> u32 {
        let add = |node: &u32| self.factors_of(*node)[0];
        let nodes = 0..self.len() as u32;
        nodes
            .min_by(|a, b| add(a).total_cmp(&add(b)))
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
