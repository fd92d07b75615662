//! The planner against everybody who relies on it: two compactors and two collectors that stall between any two
//! requests, readers of the log, of checkpoints and of manifests that sleep for days, an owner whose creates land
//! late, a member that lags, a second region's log whose copies arrive again after they were deleted, snapshots.
//!
//! After every step what must hold is looked at, past all caches: see [`checks`]. With each rule of [`Rules`] switched
//! off some seed breaks it.

mod actors;
mod checks;
mod collector;
mod readers;
mod world;

use super::rules::Rules;
use actors::Compacting;
use collector::Collecting;
use readers::{ManifestReader, Reader};
use world::World;

/// What happens until something is wrong, or for so many steps.
fn simulate(seed: u64, rules: Rules, steps: u32) -> Result<(), String> {
    let mut world = World::new(seed);
    let mut compactors = [Compacting::default(), Compacting::default()];
    let mut collectors = [Collecting::new(rules), Collecting::new(rules)];
    let mut readers = [Reader::default(), Reader::default()];
    let mut holder = ManifestReader::default();
    for _ in 0..steps {
        world.pass_time();
        let which = world.below(2);
        match world.below(20) {
            0..5 => world.append(),
            5..10 => compactors[which].step(&mut world),
            10..13 => collectors[which].step(&mut world)?,
            13..16 => readers[which].step(&mut world)?,
            16 => holder.step(&mut world)?,
            17 => world.pin(),
            18 => world.late(),
            _ => world.ack(),
        }
        if std::mem::take(&mut world.changed) {
            checks::all(&world)?;
        }
    }
    Ok(())
}

/// The first seed that breaks something.
fn broken(rules: Rules, seeds: u64) -> Option<(u64, String)> {
    (0..seeds).find_map(|seed| Some((seed, simulate(seed, rules, STEPS).err()?)))
}

const STEPS: u32 = 500;

/// As many seeds as `ISOBATH_GC_SEEDS` says.
fn seeds() -> u64 {
    let text = std::env::var("ISOBATH_GC_SEEDS").ok();
    text.and_then(|text| text.parse().ok()).unwrap_or(200)
}

#[test]
fn should_break_nothing_under_all_rules() {
    assert_eq!(broken(Rules::ALL, seeds()), None);
}

#[test]
fn should_do_the_same_for_the_same_seed() {
    let mut rules = Rules::ALL;
    rules.pins = false;
    for seed in 0..5 {
        let [one, other] = [(); 2].map(|()| simulate(seed, rules, STEPS));
        assert_eq!(one, other);
    }
}

/// A rule and how to switch it off.
type Switch = (&'static str, fn(&mut Rules));

const SWITCHES: [Switch; 9] = [
    ("retention", |rules| rules.retention = false),
    ("acks", |rules| rules.acks = false),
    ("pins", |rules| rules.pins = false),
    ("floor_first", |rules| rules.floor_first = false),
    ("grace", |rules| rules.grace = false),
    ("carry", |rules| rules.carry = false),
    ("renumber", |rules| rules.renumber = false),
    ("superseded", |rules| rules.superseded = false),
    ("prompt", |rules| rules.prompt = false),
];

#[test]
fn should_need_every_rule() {
    for (name, switch_off) in SWITCHES {
        let mut rules = Rules::ALL;
        switch_off(&mut rules);
        let Some((seed, why)) = broken(rules, 5_000) else {
            panic!("nothing breaks without {name}");
        };
        assert!(!why.is_empty(), "{name} {seed}");
    }
}
