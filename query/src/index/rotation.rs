//! [`Rotation`]: spreads the information of a vector evenly over its dimensions before it is quantised.

use super::random::SplitMix;
use parking_lot::RwLock;
use std::{collections::BTreeMap, sync::Arc};

const ROUNDS: usize = 2;
/// Part of the format: every index ever written was rotated by it.
const SEED: u64 = 0x1506_a74d_6973_6f62;

/// A fixed rotation: rounds of random signs and a Hadamard transform, over the first and over the last
/// `block` dimensions in turn. The same for every part, so that a query is rotated once.
#[derive(Debug, Clone)]
pub(super) struct Rotation {
    padded: usize,
    block: usize,
    signs: Vec<f32>,
}

impl Rotation {
    /// The rotation for `dim` dimensions, made once in the life of the process.
    pub(super) fn shared(dim: usize) -> Arc<Self> {
        /// By padded dimension: of those there are few.
        static MADE: RwLock<BTreeMap<usize, Arc<Rotation>>> = RwLock::new(BTreeMap::new());
        let padded = padded(dim);
        let made = MADE.read().get(&padded).map(Arc::clone);
        made.unwrap_or_else(|| {
            let rotation = Arc::new(Self::new(dim));
            MADE.write().insert(padded, Arc::clone(&rotation));
            rotation
        })
    }

    pub(super) fn new(dim: usize) -> Self {
        let padded = padded(dim);
        let block = 1 << padded.ilog2();
        let scale = (block as f32).sqrt().recip();
        let mut random = SplitMix(SEED);
        let mut sign = |k: usize| {
            let (round, i) = (k / padded, k % padded);
            let inside = block_at(round, padded, block).contains(&i);
            let size = if inside { scale } else { 1.0 };
            if random.next() >> 63 == 1 {
                size
            } else {
                -size
            }
        };
        let signs = (0..ROUNDS * padded).map(&mut sign).collect();
        Self {
            padded,
            block,
            signs,
        }
    }

    /// Rotates `vector` into `out`, padded with zeros first.
    pub(super) fn apply(&self, vector: &[f32], out: &mut Vec<f32>) {
        out.clear();
        out.extend_from_slice(vector);
        out.resize(self.padded, 0.0);
        for (round, signs) in self.signs.chunks_exact(self.padded).enumerate() {
            out.iter_mut().zip(signs).for_each(|(o, s)| *o *= s);
            hadamard(&mut out[block_at(round, self.padded, self.block)]);
        }
    }
}

/// The number of dimensions that are coded for a vector of `dim`.
pub(super) fn padded(dim: usize) -> usize {
    dim.next_multiple_of(64)
}

fn block_at(round: usize, padded: usize, block: usize) -> std::ops::Range<usize> {
    let start = if round.is_multiple_of(2) {
        0
    } else {
        padded - block
    };
    start..start + block
}

/// The unscaled transform of a power of two ≥ 8 of values.
#[inline(always)]
fn hadamard(values: &mut [f32]) {
    for chunk in values.as_chunks_mut::<8>().0 {
        for half in [1, 2, 4] {
            for at in (0..8).filter(|at| at & half == 0) {
                let (u, v) = (chunk[at], chunk[at + half]);
                (chunk[at], chunk[at + half]) = (u + v, u - v);
            }
        }
    }
    let mut half = 8;
    while half < values.len() {
        for pair in values.chunks_exact_mut(2 * half) {
            let (left, right) = pair.split_at_mut(half);
            let chunks = left.as_chunks_mut::<8>().0.iter_mut();
            for (u, v) in chunks.zip(right.as_chunks_mut::<8>().0) {
                for k in 0..8 {
                    (u[k], v[k]) = (u[k] + v[k], u[k] - v[k]);
                }
            }
        }
        half *= 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dot(a: &[f32], b: &[f32]) -> f32 {
        a.iter().zip(b).map(|(a, b)| a * b).sum()
    }

    #[test]
    fn should_keep_products_and_spread_a_unit_vector() {
        for dim in [1, 3, 63, 64, 65, 100, 120, 128, 384, 1_536] {
            let rotation = Rotation::new(dim);
            assert_eq!(rotation.signs, Rotation::shared(dim).signs);
            let mut random = SplitMix(dim as u64);
            let mut vector = || -> Vec<f32> {
                let value = |_| (random.next() >> 40) as f32 / (1 << 23) as f32 - 1.0;
                (0..dim).map(value).collect()
            };
            let (x, y) = (vector(), vector());
            let (mut rx, mut ry) = (vec![], vec![]);
            rotation.apply(&x, &mut rx);
            rotation.apply(&y, &mut ry);
            assert_eq!(rx.len() % 64, 0);
            assert!((dot(&rx, &ry) - dot(&x, &y)).abs() < 1e-3 * dim as f32);
            let mut unit = vec![0.0; dim];
            unit[0] = 1.0;
            rotation.apply(&unit, &mut rx);
            assert!(rx.iter().all(|v| v.abs() < 0.6), "{dim}: {rx:?}");
        }
    }
}
