//! [`plan`]: which parts are worth merging.

/// What is known of a part when a plan is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlanInput {
    /// Its rows, dead ones too.
    pub rows: u64,
    /// Its dead rows.
    pub dead: u64,
}

/// Which parts are merged into one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// The first of them; all younger parts are merged with it.
    pub from: usize,
}

/// How many parts of about one size are left alone.
const FAN_IN: usize = 4;

/// Which parts to merge: the youngest ones whose rows together outweigh the next older part, so that a row is
/// copied a logarithmic number of times. `None` = leave them.
///
/// `all` = merge whatever is more than one part, after a pause; only a part that is more than 50 times larger
/// than all younger ones together is left alone, as is one of which fewer than a tenth is dead. No merge makes a
/// part of more than `max_rows` rows.
pub fn plan(parts: &[PlanInput], all: bool, max_rows: u64) -> Option<Plan> {
    let live = |from: usize| {
        let rows = parts[from..].iter().map(|p| p.rows - p.dead.min(p.rows));
        rows.sum::<u64>()
    };
    let (factor, wasted) = if all { (50, 10) } else { (2, 2) };
    let outweighs = |at: usize| {
        let part = parts[at];
        part.rows > live(at + 1).saturating_mul(factor) && part.dead * wasted < part.rows
    };
    let mut from = (0..parts.len()).find(|from| live(*from) <= max_rows)?;
    while from + 1 < parts.len() && outweighs(from) {
        from += 1;
    }
    let many = parts.len() - from;
    let merged = &parts[from..];
    let (rows, dead) = merged
        .iter()
        .fold((0, 0), |(r, d), p| (r + p.rows, d + p.dead));
    let crowded = many > if all { 1 } else { FAN_IN };
    (crowded || (dead > 0 && dead * wasted >= rows)).then_some(Plan { from })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(rows: &[(u64, u64)]) -> Vec<PlanInput> {
        rows.iter()
            .map(|(rows, dead)| PlanInput {
                rows: *rows,
                dead: *dead,
            })
            .collect()
    }

    #[test]
    fn should_leave_few_parts_alone_until_a_pause() {
        let few = parts(&[(1_000, 0), (1_000, 0)]);
        assert_eq!(plan(&few, false, 1_000_000), None);
        assert_eq!(plan(&few, true, 1_000_000), Some(Plan { from: 0 }));
        assert_eq!(plan(&parts(&[(1_000, 0)]), true, 1_000_000), None);
        assert_eq!(plan(&[], true, 1_000_000), None);
    }

    #[test]
    fn should_not_copy_a_large_part_for_small_ones() {
        let trickle = parts(&[(100_000, 3), (10, 0), (10, 0)]);
        assert_eq!(plan(&trickle, true, 1_000_000), Some(Plan { from: 1 }));
        let tail = parts(&[(100_000, 3), (2_500, 0)]);
        assert_eq!(plan(&tail, true, 1_000_000), Some(Plan { from: 0 }));
        let mixed = parts(&[(100_000, 0), (10, 0), (10, 0), (10, 0), (10, 0), (10, 0)]);
        assert_eq!(plan(&mixed, false, 1_000_000), Some(Plan { from: 1 }));
    }

    #[test]
    fn should_rewrite_a_part_that_is_mostly_dead() {
        assert_eq!(
            plan(&parts(&[(100, 60)]), false, 1_000),
            Some(Plan { from: 0 })
        );
        assert_eq!(plan(&parts(&[(100, 40)]), false, 1_000), None);
        assert_eq!(plan(&parts(&[(100, 1)]), true, 1_000), None);
        assert_eq!(
            plan(&parts(&[(100, 10)]), true, 1_000),
            Some(Plan { from: 0 })
        );
    }

    #[test]
    fn should_not_make_parts_beyond_the_limit() {
        let large = parts(&[(900, 0), (800, 0), (100, 0)]);
        assert_eq!(plan(&large, true, 1_000), Some(Plan { from: 1 }));
    }
}
