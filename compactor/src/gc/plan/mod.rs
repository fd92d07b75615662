//! [`plan`]: what a pass does, and why.

mod catalog;
mod data;
mod floors;

use super::{Facts, Times, rules::Rules};
use catalog::Kept;
pub(super) use data::owner;
use isobath_storage::{
    catalog::Floor,
    model::{LogId, Namespace},
    store::keys::{AckKey, AnyKey},
};
use std::collections::BTreeMap;

/// What becomes of an object, with the reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It stays.
    Keep(String),
    /// It goes.
    Delete(String),
}

/// What becomes of one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The object.
    pub key: AnyKey,
    /// Its bytes.
    pub bytes: u64,
    /// What becomes of it.
    pub fate: Fate,
}

/// What a pass does, in this order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// The checkpoint that new floors stand on: it has to be sound. None where no floor rises.
    pub base: Option<u64>,
    /// Floors to create.
    pub floors: BTreeMap<LogId, Floor>,
    /// Namespaces that get the manifest after this one before anything of theirs goes. Where somebody else made that
    /// manifest since, nothing of the namespace goes: it may refer to it.
    pub renumber: BTreeMap<Namespace, u64>,
    /// After which checkpoint the next one is made before runs and maps go.
    pub next_checkpoint: Option<u64>,
    /// What becomes of each object; those that go, in the order in which they go.
    pub verdicts: Vec<Verdict>,
}

/// What to do about `facts`.
pub fn plan(facts: &Facts, times: &Times) -> Plan {
    plan_by(facts, times, Rules::ALL)
}

/// The same under some of the rules.
pub(super) fn plan_by(facts: &Facts, times: &Times, rules: Rules) -> Plan {
    if rules.prompt && facts.read_for > Times::MIN_AGE / 4 {
        return Plan::default();
    }
    let kept = Kept::of(facts, times, rules);
    let floors = floors::rise(facts, &kept, rules);
    let mut plan = Plan {
        base: kept.base.filter(|_| !floors.is_empty()),
        floors,
        ..Plan::default()
    };
    let reachable = data::Reachable::of(facts, &kept);
    for (key, seen) in &facts.objects {
        let fate = match key {
            AnyKey::Marker(_)
            | AnyKey::Cluster(_)
            | AnyKey::Claim(_)
            | AnyKey::Floor(_)
            | AnyKey::Audit(_) => keep("it is never deleted"),
            AnyKey::Segment(segment) => floors::segment(facts, times, rules, &plan, segment),
            AnyKey::Checkpoint(checkpoint) => kept.checkpoint(checkpoint.0),
            AnyKey::Manifest(manifest) => kept.manifest(manifest),
            AnyKey::Ack(ack) => old_ack(facts, *ack, seen.created_ms),
            AnyKey::Pin(pin) => pins(facts, pin.0),
            AnyKey::Probe(_) if is_young(facts, seen.created_ms) => keep("a probe may be running"),
            AnyKey::Probe(_) => delete("its probe is over"),
            _ => reachable.data(facts, rules, key, *seen, &mut plan),
        };
        plan.verdicts.push(Verdict {
            key: key.clone(),
            bytes: seen.bytes,
            fate,
        });
    }
    plan.verdicts.sort_by_key(|verdict| order(&verdict.key));
    plan
}

/// What refers to others goes before them.
fn order(key: &AnyKey) -> u8 {
    match key {
        AnyKey::Pin(_) => 0,
        AnyKey::Checkpoint(_) => 1,
        AnyKey::Manifest(_) => 2,
        AnyKey::Index(index) => match index.file {
            isobath_storage::store::keys::IndexFile::Meta => 3,
            _ => 4,
        },
        AnyKey::Map(_) | AnyKey::Run(_) | AnyKey::Dead(_) => 5,
        AnyKey::Part(_) => 6,
        _ => 7,
    }
}

fn keep(why: impl Into<String>) -> Fate {
    Fate::Keep(why.into())
}

fn delete(why: impl Into<String>) -> Fate {
    Fate::Delete(why.into())
}

/// Whether something was created less than a day ago.
fn is_young(facts: &Facts, created_ms: u64) -> bool {
    facts.now_ms.saturating_sub(created_ms) < Times::min_age_ms()
}

fn old_ack(facts: &Facts, key: AckKey, created_ms: u64) -> Fate {
    let newer = AnyKey::Ack(AckKey(key.0.saturating_add(1)));
    let last = AnyKey::Ack(AckKey(u64::MAX));
    if facts.objects.range(newer..=last).next().is_none() {
        return keep("it is the newest");
    }
    if is_young(facts, created_ms) {
        return keep("it is younger than a day");
    }
    delete("a newer one says more")
}

fn pins(facts: &Facts, id: uuid::Uuid) -> Fate {
    let pin = facts.pins.iter().find(|(known, _)| *known == id);
    match pin {
        Some((_, pin)) if !pin.holds_at(facts.now_ms) => delete("it has expired"),
        _ => keep("it is a snapshot"),
    }
}
