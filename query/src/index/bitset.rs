//! [`Bitset`]: a set of rows of a part, as a filter leaves it.

/// A set of row numbers below a fixed bound.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bitset {
    words: Vec<u64>,
    count: usize,
}

impl Bitset {
    /// The rows below `len` that `pass`.
    pub fn from_fn(len: usize, mut pass: impl FnMut(usize) -> bool) -> Self {
        let word = |at: usize| {
            let end = (at + 64).min(len);
            (at..end).fold(0, |word, row| word | u64::from(pass(row)) << (row - at))
        };
        Self::from_words((0..len).step_by(64).map(word).collect())
    }

    /// Takes words of 64 rows each, the lowest row in the lowest bit.
    pub fn from_words(words: Vec<u64>) -> Self {
        let count = words.iter().map(|w| w.count_ones() as usize).sum();
        Self { words, count }
    }

    /// The number of rows in the set.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Whether `row` is in the set.
    #[inline(always)]
    pub fn contains(&self, row: u32) -> bool {
        let word = self.words.get(row as usize / 64);
        word.is_some_and(|w| w >> (row % 64) & 1 == 1)
    }

    /// The rows of the set, rising.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.words.iter().enumerate().flat_map(|(at, &word)| {
            let mut rest = word;
            std::iter::from_fn(move || {
                let bit = rest.trailing_zeros();
                rest &= rest.wrapping_sub(1);
                (bit < 64).then_some(at as u32 * 64 + bit)
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn should_hold_exactly_the_rows_that_pass() {
        for len in [0, 1, 63, 64, 65, 200] {
            let set = Bitset::from_fn(len, |row| row % 7 == 3);
            let want: Vec<u32> = (0..len as u32).filter(|row| row % 7 == 3).collect();
            assert_eq!(set.iter().collect::<Vec<_>>(), want);
            assert_eq!(set.count(), want.len());
            assert!((0..300).all(|row| set.contains(row) == want.contains(&row)));
        }
    }
}
