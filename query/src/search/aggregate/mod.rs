//! Aggregates over the rows that pass, all together or group by group.

mod float_sum;
mod groups;
mod key;
mod running;

pub(super) use float_sum::FloatSum;
pub(super) use key::KeyColumn;

use super::{
    AggregateValue, Group, Query, SearchError, context::SearchContext, matching::Matching,
};
use crate::view::View;
use groups::Groups;
use running::Running;

/// What the aggregates of one query came to.
#[derive(Debug, Default)]
pub(super) struct Aggregated {
    /// Of all rows, by label; empty where they were grouped.
    pub(super) totals: Vec<(String, AggregateValue)>,
    /// Group by group, where that was asked for.
    pub(super) groups: Option<Vec<Group>>,
}

/// A row as a member of a group.
#[derive(Debug, Clone, Copy)]
struct Member {
    row: u32,
    group: u32,
}

/// Rows that are grouped before they are aggregated, one aggregate after the other.
const BATCH: usize = 16 * 1024;

/// Aggregates the rows of `sets` as `query` asks.
pub(super) fn aggregate(
    view: &View,
    sets: &[Matching<'_>],
    query: &Query,
    context: &SearchContext<'_>,
) -> Result<Aggregated, SearchError> {
    let bind = |(label, aggregate)| Running::bind(label, aggregate, &view.schema);
    let running = query.aggregates.iter().map(|(label, a)| bind((label, a)));
    let mut running: Vec<Running> = running.collect::<Result<_, _>>()?;
    let Some(by) = &query.group_by else {
        if !running.is_empty() {
            all(sets, &mut running, context)?;
        }
        let totals = running.into_iter().map(Running::total);
        return Ok(Aggregated {
            totals: totals.collect::<Result<_, _>>()?,
            groups: None,
        });
    };
    let mut groups = Groups::bind(by, &view.schema)?;
    for set in sets {
        in_groups(set, &mut groups, &mut running, context)?;
    }
    Ok(Aggregated {
        totals: vec![],
        groups: Some(groups.finish(by.limit, &running)?),
    })
}

/// All rows are members of one group.
fn all(
    sets: &[Matching<'_>],
    running: &mut [Running],
    context: &SearchContext<'_>,
) -> Result<(), SearchError> {
    let rows = sets.iter().map(|set| set.count() as u64).sum();
    for one in running.iter_mut() {
        one.start(rows);
    }
    if running.iter().all(Running::is_count) {
        return Ok(());
    }
    let mut members = Vec::with_capacity(BATCH);
    for set in sets {
        let mut rows = set.rows();
        loop {
            context.check()?;
            members.clear();
            members.extend(
                rows.by_ref()
                    .take(BATCH)
                    .map(|row| Member { row, group: 0 }),
            );
            if members.is_empty() {
                break;
            }
            for one in running.iter_mut().filter(|one| !one.is_count()) {
                one.add(set, &members, 1);
            }
        }
    }
    Ok(())
}

/// Each row is a member of the groups of its keys.
fn in_groups(
    set: &Matching<'_>,
    groups: &mut Groups,
    running: &mut [Running],
    context: &SearchContext<'_>,
) -> Result<(), SearchError> {
    let columns = groups.columns(set);
    let mut rows = set.rows();
    let mut members = Vec::with_capacity(BATCH);
    loop {
        context.check()?;
        members.clear();
        let mut taken = 0;
        for row in rows.by_ref().take(BATCH) {
            taken += 1;
            groups.add(&columns, row, &mut members)?;
            if members.len() >= BATCH {
                break;
            }
        }
        if taken == 0 {
            return Ok(());
        }
        let count = groups.len();
        for one in running.iter_mut() {
            one.add(set, &members, count);
        }
    }
}
