//! [`PreparedQuery`]: a query vector, made ready once for every part and chunk it is searched in.

use isobath_storage::model::Metric;

use super::{IndexError, MAX_DIM, Vectors, distance, rotation::Rotation};

/// Norms² outside of this range are taken again in f64: f32 sums have lost digits or overflowed.
const TRUSTED: std::ops::Range<f32> = 1e-20..1e30;

/// A query vector with its rotation; made once, used by every search.
#[derive(Debug, Clone)]
pub struct PreparedQuery {
    metric: Metric,
    /// The vector as given; of unit length for the cosine.
    exact: Vec<f32>,
    /// The same, rotated.
    rotated: Vec<f32>,
    zero: bool,
}

impl PreparedQuery {
    /// Prepares `vector`; it must be finite and not empty.
    pub fn new(metric: Metric, vector: &[f32]) -> Result<Self, IndexError> {
        let fault = if vector.is_empty() || vector.len() > MAX_DIM {
            format!("{} dimensions are not in 1..={MAX_DIM}", vector.len())
        } else if let Some(at) = vector.iter().position(|v| !v.is_finite()) {
            format!("element {at} is {}", vector[at])
        } else {
            return Ok(Self::of_finite(metric, vector));
        };
        Err(IndexError::invalid("vector", fault))
    }

    /// Prepares a vector that comes from a stored row.
    pub(super) fn of_finite(metric: Metric, vector: &[f32]) -> Self {
        let mut exact = vector.to_vec();
        let norm = norm(Vectors::F32(vector));
        if metric == Metric::CosineDistance && norm > 0.0 {
            for v in &mut exact {
                *v = (f64::from(*v) / norm) as f32;
            }
        }
        let mut rotated = vec![];
        Rotation::shared(exact.len()).apply(&exact, &mut rotated);
        Self {
            metric,
            exact,
            rotated,
            zero: norm == 0.0,
        }
    }

    /// The metric that distances are taken in.
    pub fn metric(&self) -> Metric {
        self.metric
    }

    /// The number of elements.
    pub fn dim(&self) -> usize {
        self.exact.len()
    }

    /// Whether every row is equally far: the zero vector under the cosine.
    pub(super) fn is_undirected(&self) -> bool {
        self.zero && self.metric == Metric::CosineDistance
    }

    pub(super) fn rotated(&self) -> &[f32] {
        &self.rotated
    }

    /// The exact distance of a row, the one that answers hold; always finite.
    #[inline]
    pub fn distance(&self, row: Vectors<'_>) -> f32 {
        match self.metric {
            Metric::EuclideanSquared => {
                let sum = distance::squared(&self.exact, row);
                if sum.is_finite() {
                    sum
                } else {
                    self.wide_distance(row)
                }
            }
            Metric::DotProduct => {
                let sum = distance::dot(&self.exact, row);
                if sum.is_finite() {
                    -sum
                } else {
                    self.wide_distance(row)
                }
            }
            Metric::CosineDistance => {
                let (dot, norm2) = distance::products(&self.exact, row);
                if TRUSTED.contains(&norm2) && !self.zero {
                    (1.0 - dot / norm2.sqrt()).max(0.0)
                } else {
                    self.wide_distance(row)
                }
            }
        }
    }

    #[cold]
    fn wide_distance(&self, row: Vectors<'_>) -> f32 {
        let pairs = || self.exact.iter().map(|q| f64::from(*q)).zip(row.iter_f64());
        let dot = || pairs().map(|(q, x)| q * x).sum::<f64>();
        let wide = match self.metric {
            Metric::EuclideanSquared => pairs().map(|(q, x)| (q - x) * (q - x)).sum(),
            Metric::DotProduct => -dot(),
            Metric::CosineDistance => {
                let norm = norm(row);
                if self.zero || norm == 0.0 {
                    1.0
                } else {
                    (1.0 - dot() / norm).max(0.0)
                }
            }
        };
        (wide as f32).clamp(f32::MIN, f32::MAX)
    }
}

/// The Euclidean length.
pub(super) fn norm(vector: Vectors<'_>) -> f64 {
    vector.iter_f64().map(|v| v * v).sum::<f64>().sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use half::f16;

    fn of(metric: Metric, query: &[f32], row: &[f32]) -> f32 {
        let query = PreparedQuery::new(metric, query).unwrap();
        query.distance(Vectors::F32(row))
    }

    #[test]
    fn should_measure_in_every_metric() {
        let (q, x) = ([3.0, 4.0, 0.0], [0.0, 2.0, 0.0]);
        assert!((of(Metric::CosineDistance, &q, &x) - 0.2).abs() < 1e-6);
        assert!((of(Metric::EuclideanSquared, &q, &x) - 13.0).abs() < 1e-6);
        assert!((of(Metric::DotProduct, &q, &x) + 8.0).abs() < 1e-6);
    }

    #[test]
    fn should_put_the_zero_vector_at_cosine_distance_one() {
        let (zero, x) = ([0.0; 3], [1.0, 0.0, 0.0]);
        let cosine = |q: &[f32], x: &[f32]| of(Metric::CosineDistance, q, x).to_bits();
        for (q, x) in [(&zero, &x), (&x, &zero), (&zero, &zero)] {
            assert_eq!(cosine(q, x), 1f32.to_bits());
        }
    }

    #[test]
    fn should_stay_exact_at_the_ends_of_the_range() {
        for size in [1e-30, 1e-18, 1e18, 1e30] {
            let (q, x) = ([3.0 * size, 4.0 * size], [0.0, 2.0 * size]);
            assert!((of(Metric::CosineDistance, &q, &x) - 0.2).abs() < 1e-6);
        }
        let (q, x) = ([1e38; 4], [-1e38; 4]);
        assert_eq!(
            of(Metric::EuclideanSquared, &q, &x).to_bits(),
            f32::MAX.to_bits()
        );
        assert_eq!(of(Metric::DotProduct, &q, &x).to_bits(), f32::MAX.to_bits());
    }

    #[test]
    fn should_read_halves() {
        let row = [f16::from_f32(0.5), f16::from_f32(-2.0)];
        let query = PreparedQuery::new(Metric::EuclideanSquared, &[1.5, -1.0]).unwrap();
        assert!((query.distance(Vectors::F16(&row)) - 2.0).abs() < 1e-6);
    }

    #[test]
    fn should_refuse_what_is_not_finite() {
        for bad in [&[1.0, f32::NAN][..], &[f32::INFINITY], &[]] {
            assert!(PreparedQuery::new(Metric::DotProduct, bad).is_err());
        }
    }
}
