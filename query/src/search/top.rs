//! [`Top`]: the best few of many.

use std::cmp::Ordering;

/// Keeps the `limit` smallest of what it is given, in little more memory than those take.
pub(super) struct Top<T, F> {
    limit: usize,
    compare: F,
    kept: Vec<T>,
    /// The largest of the kept is at `limit - 1`, and what is larger need not come in.
    full: bool,
}

/// Fewer than these are never worth a selection.
const SLACK: usize = 64;

impl<T, F: Fn(&T, &T) -> Ordering> Top<T, F> {
    /// Will keep the `limit` smallest by `compare`.
    pub(super) fn new(limit: usize, compare: F) -> Self {
        Self {
            limit,
            compare,
            kept: vec![],
            full: false,
        }
    }

    /// Offers one.
    #[inline]
    pub(super) fn push(&mut self, item: T) {
        if self.limit == 0 || (self.full && !self.is_better(&item)) {
            return;
        }
        self.kept.push(item);
        if self.kept.len() >= self.limit.saturating_mul(2).max(SLACK) {
            self.shrink();
        }
    }

    fn is_better(&self, item: &T) -> bool {
        let worst = self.kept.get(self.limit - 1);
        worst.is_none_or(|worst| (self.compare)(item, worst) == Ordering::Less)
    }

    fn shrink(&mut self) {
        if self.kept.len() > self.limit {
            self.kept
                .select_nth_unstable_by(self.limit - 1, &self.compare);
            self.kept.truncate(self.limit);
            self.full = true;
        }
    }

    /// The kept ones, smallest first.
    pub(super) fn finish(mut self) -> Vec<T> {
        self.kept.sort_unstable_by(&self.compare);
        self.kept.truncate(self.limit);
        self.kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn should_keep_what_a_sort_would(
            values in prop::collection::vec(0u32..500, 0..600),
            limit in 0usize..80,
        ) {
            let mut top = Top::new(limit, u32::cmp);
            for value in &values {
                top.push(*value);
            }
            let mut sorted = values;
            sorted.sort_unstable();
            sorted.truncate(limit);
            prop_assert_eq!(top.finish(), sorted);
        }
    }
}
