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
/// `all` = merge whatever is more than one part or holds dead rows: after a pause, or because an attribute was
/// dropped. No merge makes a part of more than `max_rows` rows.
pub fn plan(parts: &[PlanInput], all: bool, max_rows: u64) -> Option<Plan> {
    let live = |from: usize| {
        parts[from..]
            .iter()
            .map(|p| p.rows - p.dead.min(p.rows))
            .sum::<u64>()
    };
    let worth = |from: usize| {
        let many = parts.len() - from;
        let dead: u64 = parts[from..].iter().map(|p| p.dead).sum();
        if all {
            many > 1 || dead > 0
        } else {
            many > FAN_IN || dead > live(from)
        }
    };
    let fits = |from: usize| live(from) <= max_rows;
    let mut from = (0..parts.len()).find(|from| fits(*from))?;
    if !all {
        // an older part much larger than all younger ones together is not copied for their sake
        while from + 1 < parts.len()
            && parts[from].rows > 2 * live(from + 1)
            && parts[from].dead * 2 < parts[from].rows
        {
            from += 1;
        }
    }
    worth(from).then_some(Plan { from })
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
        assert_eq!(
            plan(&parts(&[(100, 1)]), true, 1_000),
            Some(Plan { from: 0 })
        );
    }

    #[test]
    fn should_not_make_parts_beyond_the_limit() {
        let large = parts(&[(900, 0), (800, 0), (100, 0)]);
        assert_eq!(plan(&large, true, 1_000), Some(Plan { from: 1 }));
    }
}
