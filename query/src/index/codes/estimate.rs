//! The kernel: estimated distances of a whole list of rows in one dispatched call.

use diskann_wide::arch::{Target2, dispatch2};
use diskann_wide::{Architecture, SIMDDotProduct, SIMDSumTree, SIMDVector};

use super::{Bits, CodedQuery, CodesView};

impl CodesView<'_> {
    /// Estimated distances of `nodes`, each below [`CodesView::len`]. For a query on the scale that
    /// [`super`] describes; for a row as the query between the two rows.
    pub(in crate::index) fn estimate(&self, query: &CodedQuery, nodes: &[u32], out: &mut [f32]) {
        #[cfg(target_arch = "x86_64")]
        if let Some(arch) = super::avx2::detect() {
            return super::avx2::estimate(arch, self, query, nodes, out);
        }
        match (self.bits, self.width) {
            (Bits::Two, 2) => dispatch2(Kernel::<2, 2>(self, query), nodes, out),
            (Bits::Four, 1) => dispatch2(Kernel::<4, 1>(self, query), nodes, out),
            (Bits::One, _) => dispatch2(Kernel::<1, 0>(self, query), nodes, out),
            (Bits::Two, _) => dispatch2(Kernel::<2, 0>(self, query), nodes, out),
            (Bits::Four, _) => dispatch2(Kernel::<4, 0>(self, query), nodes, out),
        }
    }
}

/// B bits per dimension; W lines per record, 0 where that is only known at run time.
pub(super) struct Kernel<'a, const B: u32, const W: usize>(
    pub(super) &'a CodesView<'a>,
    pub(super) &'a CodedQuery,
);

impl<A: Architecture, const B: u32, const W: usize> Target2<A, (), &[u32], &mut [f32]>
    for Kernel<'_, B, W>
{
    // with a plain `inline` this is compiled without the features and every operation becomes a call
    #[inline(always)]
    fn run(self, arch: A, nodes: &[u32], out: &mut [f32]) {
        let Self(codes, query) = self;
        let (width, p) = (if W == 0 { codes.width } else { W }, 8 / B as usize);
        let mask = A::u8x64::splat(arch, ((1u32 << B) - 1) as u8);
        let planes = &query.planes[..width * p];
        for (o, &node) in out.iter_mut().zip(nodes) {
            let record = &codes.lines[node as usize * width..][..width];
            let mut sums = [A::i32x16::default(arch), A::i32x16::default(arch)];
            for (line, planes) in record.iter().zip(planes.chunks_exact(p)) {
                let bytes = A::u8x64::from_array(arch, line.0);
                for (k, plane) in planes.iter().enumerate() {
                    let y = (bytes >> (k as u32 * B) as u8) & mask;
                    let plane = A::i8x64::from_array(arch, bytemuck::cast(plane.0));
                    sums[k % 2] = sums[k % 2].dot_simd(y, plane);
                }
            }
            *o = query.estimate(codes.factors_of(node), (sums[0] + sums[1]).sum_tree());
        }
    }
}
