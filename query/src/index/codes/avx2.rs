//! The kernel for machines with AVX2 but not AVX-512: `diskann-wide` emulates the product of bytes there,
//! which is seven times slower (4.8k against 33k queries a second, measured on a prototype of this search).

use diskann_wide::arch::x86_64::{V3, V4};
use std::arch::x86_64::{
    __m256i, _mm256_add_epi16, _mm256_add_epi32, _mm256_and_si256, _mm256_madd_epi16,
    _mm256_maddubs_epi16, _mm256_set1_epi8, _mm256_set1_epi16, _mm256_setzero_si256,
    _mm256_srli_epi16,
};

use super::{Bits, CodedQuery, CodesView};

/// The proof of AVX2, where it is the best there is.
#[inline]
pub(super) fn detect() -> Option<V3> {
    if V4::new_checked().is_some() {
        None
    } else {
        V3::new_checked()
    }
}

/// As [`CodesView::estimate`].
#[expect(
    unsafe_code,
    reason = "a function with target features can only be called so"
)]
pub(super) fn estimate(
    _: V3,
    codes: &CodesView<'_>,
    query: &CodedQuery,
    nodes: &[u32],
    out: &mut [f32],
) {
    // SAFETY: a V3 is only ever made where the processor was seen to have AVX2.
    unsafe {
        match codes.bits {
            Bits::One => run::<1>(codes, query, nodes, out),
            Bits::Two => run::<2>(codes, query, nodes, out),
            Bits::Four => run::<4>(codes, query, nodes, out),
        }
    }
}

#[target_feature(enable = "avx2")]
fn run<const B: i32>(codes: &CodesView<'_>, query: &CodedQuery, nodes: &[u32], out: &mut [f32]) {
    let p = 8 / B as usize;
    let planes = &query.planes[..codes.width * p];
    for (o, &node) in out.iter_mut().zip(nodes) {
        let mut sum = _mm256_setzero_si256();
        for (line, planes) in codes.record(node).iter().zip(planes.chunks_exact(p)) {
            let mut halves: [__m256i; 2] = bytemuck::cast(*line);
            // at most 8 planes of 2·1·127, 4 of 2·3·127 or 2 of 2·15·127 meet in a lane: far below 2^15
            let mut lanes = [_mm256_setzero_si256(); 2];
            for plane in planes {
                let plane: [__m256i; 2] = bytemuck::cast(*plane);
                for half in 0..2 {
                    let y = _mm256_and_si256(halves[half], _mm256_set1_epi8((1 << B) - 1));
                    lanes[half] =
                        _mm256_add_epi16(lanes[half], _mm256_maddubs_epi16(y, plane[half]));
                    halves[half] = _mm256_srli_epi16::<B>(halves[half]);
                }
            }
            let one = _mm256_set1_epi16(1);
            let both = _mm256_add_epi16(lanes[0], lanes[1]);
            sum = _mm256_add_epi32(sum, _mm256_madd_epi16(both, one));
        }
        let sums: [i32; 8] = bytemuck::cast(sum);
        *o = query.estimate(codes.factors_of(node), sums.iter().sum());
    }
}
