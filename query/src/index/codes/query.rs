//! [`CodedQuery`]: a query quantised to signed bytes for one set of codes.

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
            Bits::One => self.unpack::<1>(node, out),
            Bits::Two => self.unpack::<2>(node, out),
            Bits::Four => self.unpack::<4>(node, out),
        }
    }

    fn unpack<const B: u32>(&self, node: u32, out: &mut CodedQuery) {
        let (p, mask) = (8 / B as usize, (1u8 << B) - 1);
        let [add, mul] = self.factors_of(node);
        let used = self.padded / p;
        out.clear(self.width * p);
        let mut sum = 0i32;
        for (at, line) in self.record(node).iter().enumerate() {
            let (mut rest, end) = (line.0, (used - at * 64).min(64));
            rest[end..].fill(0);
            for plane in &mut out.planes[at * p..(at + 1) * p] {
                for (k, y) in plane.0.iter_mut().zip(&mut rest) {
                    *k = 2 * (*y & mask);
                    sum += i32::from(*k);
                    *k = k.wrapping_sub(mask);
                    *y >>= B;
                }
                plane.0[end..].fill(0);
            }
        }
        sum -= i32::from(mask) * self.padded as i32;
        out.step = -0.25 * mul;
        out.shift = sum as f32 * out.step * f32::from(mask) / 2.0;
        out.base = add;
    }
}
