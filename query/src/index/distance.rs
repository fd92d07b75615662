//! The exact distances of full-precision vectors, with the instructions that this machine has.

use diskann_wide::arch::{Target2, dispatch2};
use diskann_wide::{Architecture, SIMDMulAdd, SIMDSumTree, SIMDVector};
use half::f16;

use super::Vectors;

/// Σ (q − x)².
pub(super) fn squared(query: &[f32], row: Vectors<'_>) -> f32 {
    match row {
        Vectors::F32(x) => dispatch2(Squared, query, x),
        Vectors::F16(x) => dispatch2(Squared, query, x),
    }
}

/// Σ q·x and Σ x².
pub(super) fn products(query: &[f32], row: Vectors<'_>) -> (f32, f32) {
    match row {
        Vectors::F32(x) => dispatch2(Products, query, x),
        Vectors::F16(x) => dispatch2(Products, query, x),
    }
}

/// Σ q·x.
pub(super) fn dot(query: &[f32], row: Vectors<'_>) -> f32 {
    match row {
        Vectors::F32(x) => dispatch2(Dot, query, x),
        Vectors::F16(x) => dispatch2(Dot, query, x),
    }
}

const LANES: usize = 16;

/// An element that sixteen at a time widen to f32.
trait Element: Copy + Default {
    fn widen<A: Architecture>(arch: A, values: &[Self; LANES]) -> A::f32x16;
}

impl Element for f32 {
    #[inline(always)]
    fn widen<A: Architecture>(arch: A, values: &[Self; LANES]) -> A::f32x16 {
        A::f32x16::from_array(arch, *values)
    }
}

impl Element for f16 {
    #[inline(always)]
    fn widen<A: Architecture>(arch: A, values: &[Self; LANES]) -> A::f32x16 {
        A::f32x16::from(A::f16x16::from_array(arch, *values))
    }
}

/// Hands over sixteen elements of both at a time with a running number; the rest is filled with zeros,
/// which add nothing to any of the sums here.
#[inline(always)]
fn each<A: Architecture, T: Element>(
    arch: A,
    query: &[f32],
    row: &[T],
    mut f: impl FnMut(usize, A::f32x16, A::f32x16),
) {
    let (qs, q_rest) = query.as_chunks::<LANES>();
    let (xs, x_rest) = row.as_chunks::<LANES>();
    for (k, (q, x)) in qs.iter().zip(xs).enumerate() {
        f(k, f32::widen(arch, q), T::widen(arch, x));
    }
    if !q_rest.is_empty() {
        let (mut q, mut x) = ([0.0; LANES], [T::default(); LANES]);
        q.iter_mut().zip(q_rest).for_each(|(a, b)| *a = *b);
        x.iter_mut().zip(x_rest).for_each(|(a, b)| *a = *b);
        f(qs.len(), f32::widen(arch, &q), T::widen(arch, &x));
    }
}

#[inline(always)]
fn total<A: Architecture>(sums: [A::f32x16; 4]) -> f32 {
    let [a, b, c, d] = sums;
    ((a + b) + (c + d)).sum_tree()
}

// `run` must be `inline(always)`: else it is compiled without the features and every operation is a call.
struct Squared;
impl<A: Architecture, T: Element> Target2<A, f32, &[f32], &[T]> for Squared {
    #[inline(always)]
    fn run(self, arch: A, query: &[f32], row: &[T]) -> f32 {
        let mut sums = [A::f32x16::default(arch); 4];
        each(arch, query, row, |k, q, x| {
            let d = x - q;
            sums[k % 4] = d.mul_add_simd(d, sums[k % 4]);
        });
        total::<A>(sums)
    }
}

struct Dot;
impl<A: Architecture, T: Element> Target2<A, f32, &[f32], &[T]> for Dot {
    #[inline(always)]
    fn run(self, arch: A, query: &[f32], row: &[T]) -> f32 {
        let mut sums = [A::f32x16::default(arch); 4];
        each(arch, query, row, |k, q, x| {
            sums[k % 4] = x.mul_add_simd(q, sums[k % 4]);
        });
        total::<A>(sums)
    }
}

struct Products;
impl<A: Architecture, T: Element> Target2<A, (f32, f32), &[f32], &[T]> for Products {
    #[inline(always)]
    fn run(self, arch: A, query: &[f32], row: &[T]) -> (f32, f32) {
        let mut dots = [A::f32x16::default(arch); 4];
        let mut norms = dots;
        each(arch, query, row, |k, q, x| {
            dots[k % 4] = x.mul_add_simd(q, dots[k % 4]);
            norms[k % 4] = x.mul_add_simd(x, norms[k % 4]);
        });
        (total::<A>(dots), total::<A>(norms))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use diskann_wide::arch::Scalar;
    use proptest::prelude::*;

    fn vectors(max: usize) -> impl Strategy<Value = (Vec<f32>, Vec<f32>)> {
        (1..max).prop_flat_map(|dim| {
            let values = prop::collection::vec(-10f32..10.0, dim);
            (values.clone(), values)
        })
    }

    fn close(got: f32, want: f64, size: f64) -> bool {
        (f64::from(got) - want).abs() <= 1e-6 * size + 1e-9
    }

    proptest! {
        #[test]
        fn should_agree_with_sums_in_f64((q, x) in vectors(200)) {
            let halves: Vec<f16> = x.iter().map(|v| f16::from_f32(*v)).collect();
            for row in [Vectors::F32(&x), Vectors::F16(&halves)] {
                let pairs = || q.iter().zip(row.iter_f64()).map(|(q, x)| (f64::from(*q), x));
                let want: f64 = pairs().map(|(q, x)| (q - x).powi(2)).sum();
                let norm: f64 = pairs().map(|(_, x)| x * x).sum();
                let product: f64 = pairs().map(|(q, x)| q * x).sum();
                let size: f64 = pairs().map(|(q, x)| (q * x).abs()).sum();
                prop_assert!(close(squared(&q, row), want, want));
                prop_assert!(close(dot(&q, row), product, size));
                prop_assert!(close(products(&q, row).0, product, size));
                prop_assert!(close(products(&q, row).1, norm, norm));
            }
        }

        #[test]
        fn should_agree_across_dispatch_levels((q, x) in vectors(200)) {
            let plain: f32 = Squared.run(Scalar::new(), &q[..], &x[..]);
            let best = squared(&q, Vectors::F32(&x));
            prop_assert!((plain - best).abs() <= 1e-5 * plain);
        }
    }
}
