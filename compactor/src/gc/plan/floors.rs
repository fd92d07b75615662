//! Floors: up to where each log may go, and the segments below them.

use super::{Fate, Plan, catalog::Kept, delete, is_young, keep};
use crate::gc::{Facts, Times, rules::Rules};
use isobath_storage::{
    catalog::Floor,
    format::Position,
    model::{Epoch, LogId, Seq},
    store::keys::{AnyKey, FloorKey, SegmentKey},
};
use std::collections::BTreeMap;

/// The floors that rise. Each stands where a checkpoint does, because the highest epoch is known there.
pub(super) fn rise(facts: &Facts, kept: &Kept, rules: Rules) -> BTreeMap<LogId, Floor> {
    let mut floors = BTreeMap::new();
    let base = kept.base.and_then(|base| facts.checkpoints.get(&base));
    for (log, position) in base.into_iter().flat_map(|base| &base.logs) {
        let Some(bound) = bound(facts, *log, *position, rules) else {
            continue;
        };
        let known = facts.floors.get(log).copied().unwrap_or_default();
        let positions = facts.checkpoints.values();
        let positions = positions.filter_map(|c| c.logs.get(log));
        let reached = positions.filter(|position| position.seq <= bound);
        if let Some(position) = reached.max_by_key(|position| position.seq)
            && position.seq > known.seq
        {
            let floor = Floor {
                k: known.k + 1,
                seq: position.seq,
                max_epoch: if rules.carry {
                    position.max_epoch
                } else {
                    Epoch::ZERO
                },
            };
            floors.insert(*log, floor);
        }
    }
    floors
}

/// How high a floor may rise; none where a member's ack is not known.
fn bound(facts: &Facts, log: LogId, base: Position, rules: Rules) -> Option<Seq> {
    let mut bound = base.seq;
    match &facts.acks {
        _ if !rules.acks => {}
        Some(acks) => bound = acks.iter().map(|ack| ack.get(log)).fold(bound, Seq::min),
        None => return None,
    }
    let first = AnyKey::Segment(SegmentKey {
        log,
        seq: Seq::ZERO,
    });
    let last = AnyKey::Segment(SegmentKey { log, seq: bound });
    let floor = facts.floors.get(&log).map_or(Seq::ZERO, |floor| floor.seq);
    let young = facts
        .objects
        .range(first..=last)
        .find_map(|(key, seen)| match key {
            AnyKey::Segment(SegmentKey { seq, .. }) if *seq > floor => {
                is_young(facts, seen.created_ms).then_some(*seq)
            }
            _ => None,
        });
    Some(young.map_or(bound, |young| bound.min(young.previous())))
}

/// What becomes of a segment.
pub(super) fn segment(
    facts: &Facts,
    times: &Times,
    rules: Rules,
    plan: &Plan,
    key: &SegmentKey,
) -> Fate {
    let floor = facts.floors.get(&key.log).copied().unwrap_or_default();
    let rising = plan.floors.get(&key.log);
    if !rules.floor_first && rising.is_some_and(|rising| key.seq <= rising.seq) {
        return delete("it may go");
    }
    if key.seq > floor.seq {
        return match rising {
            Some(rising) if key.seq <= rising.seq => {
                keep(format!("floor {} is about to cover it", rising.k))
            }
            _ => keep("it is above the floor: restores, members or readers may need it"),
        };
    }
    let object = AnyKey::Floor(FloorKey {
        log: key.log,
        k: floor.k,
    });
    let since = facts.objects.get(&object).map(|seen| seen.created_ms);
    let settled = since.is_some_and(|since| facts.now_ms >= since.saturating_add(times.grace_ms()));
    if settled || !rules.grace {
        delete(format!("floor {} covers it", floor.k))
    } else {
        keep(format!(
            "floor {} covers it, and is younger than the grace",
            floor.k
        ))
    }
}
