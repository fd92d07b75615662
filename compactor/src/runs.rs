//! Which runs are put together with what is new.

/// No run grows beyond so many bytes by being put together with others.
const MAX_BYTES: u64 = 256 << 20;

/// From which run on all are put together with `new` bytes of blocks, given the bytes of each that are still needed:
/// the youngest that are no larger than everything after them. So a block is copied a logarithmic number of times,
/// and the number of runs stays logarithmic too.
pub(crate) fn from(needed: &[u64], new: u64) -> usize {
    let (mut from, mut sum) = (needed.len(), new);
    while let Some(bytes) = from.checked_sub(1).and_then(|at| needed.get(at)) {
        if *bytes > sum || sum.saturating_add(*bytes) > MAX_BYTES {
            break;
        }
        sum += bytes;
        from -= 1;
    }
    from
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn should_keep_few_runs_and_copy_each_block_rarely() {
        let (mut runs, mut copied): (Vec<u64>, u64) = (vec![], 0);
        for _ in 0..1_000 {
            let at = from(&runs, 10);
            let merged: u64 = runs.drain(at..).sum();
            copied += merged + 10;
            runs.push(merged + 10);
            assert!(runs.len() <= 11, "{runs:?}");
        }
        assert_eq!(runs.iter().sum::<u64>(), 10_000);
        assert!(copied <= 10_000 * 10, "{copied}");
    }

    #[test]
    fn should_leave_large_runs_alone() {
        assert_eq!(from(&[MAX_BYTES, 5], 10), 1);
        assert_eq!(from(&[], 10), 0);
        assert_eq!(from(&[100, 0, 0], 0), 1);
    }
}
