//! [`FloatSum`]: a sum of floats that does not depend on their order.

/// A sum of floats, rounded once, at its end: the same for every order of the same values, so that it does not
/// tell where rows are stored.
#[derive(Debug, Clone, Default)]
pub(in crate::search) struct FloatSum {
    /// Floats whose exact sum it is; none overlaps another, the smallest first.
    parts: Vec<f64>,
}

impl FloatSum {
    /// Adds a value.
    pub(in crate::search) fn add(&mut self, value: f64) {
        let (mut high, mut kept) = (value, 0);
        for at in 0..self.parts.len() {
            let (sum, rest) = exact(high, self.parts[at]);
            if rest != 0.0 {
                self.parts[kept] = rest;
                kept += 1;
            }
            high = sum;
        }
        self.parts.truncate(kept);
        self.parts.push(high);
    }

    /// The sum; `None` where it is beyond the range of a float.
    pub(in crate::search) fn total(&self) -> Option<f64> {
        let mut parts = self.parts.iter().rev().copied();
        let (mut sum, mut rest) = (parts.next().unwrap_or(0.0), 0.0);
        for part in parts.by_ref() {
            (sum, rest) = exact(sum, part);
            if rest != 0.0 {
                break;
            }
        }
        // Halfway between two floats, what is left decides.
        if let Some(left) = parts.next()
            && rest != 0.0
            && (rest < 0.0) == (left < 0.0)
        {
            let twice = rest * 2.0;
            let next = sum + twice;
            #[expect(clippy::float_cmp, reason = "asks whether the addition was exact")]
            if next - sum == twice {
                sum = next;
            }
        }
        sum.is_finite().then_some(sum)
    }
}

/// The rounded sum of two floats, and exactly what rounding took away.
fn exact(a: f64, b: f64) -> (f64, f64) {
    let (large, small) = if a.abs() < b.abs() { (b, a) } else { (a, b) };
    let sum = large + small;
    (sum, small - (sum - large))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn total(values: impl IntoIterator<Item = f64>) -> Option<f64> {
        let mut sum = FloatSum::default();
        values.into_iter().for_each(|value| sum.add(value));
        sum.total()
    }

    #[test]
    fn should_round_once() {
        assert_eq!(total([]), Some(0.0));
        assert_eq!(total([0.1; 10]), Some(1.0));
        assert_eq!(total([1e100, 1.0, -1e100]), Some(1.0));
        let half = f64::EPSILON / 2.0;
        assert_eq!(total([1.0, half]), Some(1.0));
        assert_eq!(total([1.0, half, 1e-100]), Some(1.0 + f64::EPSILON));
        assert_eq!(total([f64::MAX, f64::MAX]), None);
    }

    proptest! {
        #[test]
        fn should_not_depend_on_the_order(
            values in prop::collection::vec(-1e18f64..1e18, 0..40),
            seed in any::<u64>(),
        ) {
            let mut shuffled = values.clone();
            shuffled.sort_by_key(|v| v.to_bits() ^ seed);
            prop_assert_eq!(total(shuffled), total(values));
        }

        #[test]
        fn should_be_exact_on_whole_numbers(values in prop::collection::vec(any::<i32>(), 0..40)) {
            let want: i64 = values.iter().map(|v| i64::from(*v)).sum();
            let want: f64 = want.to_string().parse().unwrap();
            prop_assert_eq!(total(values.into_iter().map(f64::from)), Some(want));
        }
    }
}
