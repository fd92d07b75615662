//! Candidates as 64-bit keys that sort like (distance, id): the distance in the upper half, the id below.

/// Ids are below this: a key keeps one bit for "expanded".
pub(super) const MAX_NODES: usize = (1 << 31) - 2;

/// A key that sorts by distance, then by id, for distances of any sign.
#[inline(always)]
pub(super) fn ordered(distance: f32, id: u32) -> u64 {
    // adding zero turns -0.0 into 0.0
    let bits = (distance + 0.0).to_bits();
    let flipped = if bits >> 31 == 1 {
        !bits
    } else {
        bits | 1 << 31
    };
    u64::from(flipped) << 32 | u64::from(id)
}

/// The distance in a key of [`ordered`].
pub(super) fn ordered_distance(key: u64) -> f32 {
    let bits = (key >> 32) as u32;
    f32::from_bits(if bits >> 31 == 1 {
        bits & !(1 << 31)
    } else {
        !bits
    })
}

/// The id in a key of [`ordered`].
#[inline(always)]
pub(super) fn ordered_id(key: u64) -> u32 {
    key as u32
}

/// A key with a free lowest bit, for distances that are never negative.
#[inline(always)]
pub(super) fn key(distance: f32, node: u32) -> u64 {
    u64::from(distance.max(0.0).to_bits()) << 32 | u64::from(node << 1)
}

/// The node in a key of [`key`].
#[inline(always)]
pub(super) fn node(key: u64) -> u32 {
    key as u32 >> 1
}

/// The distance in a key of [`key`].
#[inline(always)]
pub(super) fn distance(key: u64) -> f32 {
    f32::from_bits((key >> 32) as u32)
}

/// Inserts into a sorted list of at most `cap` keys; says where, or None when it was too far.
#[inline(always)]
pub(super) fn offer(list: &mut Vec<u64>, cap: usize, key: u64) -> Option<usize> {
    if list.len() >= cap {
        if list.last().is_none_or(|last| key >= *last) {
            return None;
        }
        list.pop();
    }
    let at = list.partition_point(|e| *e < key);
    list.insert(at, key);
    Some(at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn should_order_keys_by_distance_then_id(a: f32, b: f32, i: u32, j: u32) {
            prop_assume!(!a.is_nan() && !b.is_nan());
            let want = a.partial_cmp(&b).unwrap().then(i.cmp(&j));
            prop_assert_eq!(ordered(a, i).cmp(&ordered(b, j)), want);
            prop_assert_eq!(ordered_distance(ordered(a, i)).to_bits(), (a + 0.0).to_bits());
            prop_assert_eq!(ordered_id(ordered(a, i)), i);
        }

        #[test]
        fn should_keep_the_smallest_keys(keys: Vec<u64>, cap in 0usize..20) {
            let mut list = vec![];
            for key in &keys {
                offer(&mut list, cap, *key);
            }
            let mut want = keys;
            want.sort_unstable();
            want.truncate(cap);
            prop_assert_eq!(list, want);
        }
    }
}
