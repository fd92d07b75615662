//! [`CodedQuery`]: a query quantised to signed bytes for one set of codes.

use diskann_wide::{
    Architecture, SIMDVector,
    arch::{Target1, dispatch1},
};

use super::{Bits, Codes, CodesView, layout::Line};
use crate::index::PreparedQuery;

/// A query in the form that the kernels multiply with: bytes k and what undoes their scaling.
#[derive(Debug, Default)]
pub(in crate::index) struct CodedQuery {
    /// Line b of the records meets planes b·P..b·P + P, one per position within the bytes.
    pub(super) planes: Vec<Line>,
    step: f32,
    /// (2^B − 1)/2 Σ u.
    shift: f32,
    /// |u|².
    base: f32,
    residual: Vec<f32>,
}

impl CodedQuery {
    /// The estimate of a row with these factors whose sum of products is `sum`.
    #[inline(always)]
    pub(super) fn estimate(&self, [add, mul]: [f32; 2], sum: i32) -> f32 {
        self.base + add + mul * (self.step * sum as f32 - self.shift)
    }

    fn clear(&mut self, lines: usize) {
        self.planes.clear();
        self.planes.resize(lines, Line::ZERO);
    }
}

impl Codes {
    /// Quantises `query` for these codes.
    pub(in crate::index) fn prepare(&self, query: &PreparedQuery, out: &mut CodedQuery) {
        let residual = query.rotated().iter().zip(&self.centre).map(|(q, c)| q - c);
        out.residual.clear();
        out.residual.extend(residual);
        let (mut top, mut base, mut sum) = (0f32, 0f32, 0f32);
        for u in &out.residual {
            top = top.max(u.abs());
            base += u * u;
            sum += u;
        }
        out.step = (top / 127.0).max(1e-20);
        out.base = base;
        out.shift = sum * f32::from(self.layout.bits.mask()) / 2.0;
        let (p, scale) = (self.layout.bits.per_byte(), 1.0 / out.step);
        out.clear(self.layout.width * p);
        for (byte, dims) in out.residual.chunks_exact(p).enumerate() {
            for (plane, u) in dims.iter().enumerate() {
                // the cast truncates, so this rounds to the nearest and keeps the sign
                let k = (u * scale + 128.5) as i32 - 128;
                out.planes[byte / 64 * p + plane].0[byte % 64] = k as u8;
            }
        }
    }
}

impl CodesView<'_> {
    /// A coded row as a query against the other rows: u ≈ v |r|² / ⟨v, r⟩, where k = 2v is exact.
    pub(in crate::index) fn prepare_row(&self, node: u32, out: &mut CodedQuery) {
        match self.bits {
            Bits::One => dispatch1(Unpack::<1>(self, out), node),
            Bits::Two => dispatch1(Unpack::<2>(self, out), node),
            Bits::Four => dispatch1(Unpack::<4>(self, out), node),
        }
    }
}

/// Unpacks the code of a row, with the instructions of the machine at hand: with the baseline's alone it took a
/// sixth of a build.
struct Unpack<'a, const B: u32>(&'a CodesView<'a>, &'a mut CodedQuery);

impl<A: Architecture, const B: u32> Target1<A, (), u32> for Unpack<'_, B> {
    // with a plain `inline` this is compiled without the features
    #[inline(always)]
    fn run(self, arch: A, node: u32) {
        let Self(codes, out) = self;
        let (p, mask) = (8 / B as usize, (1u8 << B) - 1);
        let masks = A::u8x64::splat(arch, mask);
        let [add, mul] = codes.factors_of(node);
        let used = codes.padded / p;
        out.planes.resize(codes.width * p, Line::ZERO);
        let mut sum = 0;
        let planes = out.planes.chunks_exact_mut(p);
        for (at, (line, planes)) in codes.record(node).iter().zip(planes).enumerate() {
            let (mut bytes, end) = (line.0, (used - at * 64).min(64));
            bytes[end..].fill(0);
            let bytes = A::u8x64::from_array(arch, bytes);
            // at most 8 codes of 1, 4 of 3 or 2 of 15: no lane overflows
            let mut lanes = A::u8x64::splat(arch, 0);
            for (k, plane) in planes.iter_mut().enumerate() {
                let y = (bytes >> (k as u32 * B) as u8) & masks;
                lanes = lanes + y;
                plane.0 = (y + y - masks).to_array();
                plane.0[end..].fill(0);
            }
            sum += lanes.to_array().map(i32::from).iter().sum::<i32>();
        }
        let sum = 2 * sum - i32::from(mask) * codes.padded as i32;
        out.step = -0.25 * mul;
        out.shift = sum as f32 * out.step * f32::from(mask) / 2.0;
        out.base = add;
    }
}
