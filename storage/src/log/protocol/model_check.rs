//! Every reachable state of small worlds, explored with the production state machines.
//!
//! An object is a slot with an epoch and a batch, or a fence. Every PUT is create-if-absent and may land
//! at any later time, also after its sender gave up; its reply may be lost. The environment folds the
//! log, raises the floor and deletes below it. What is looked for stands in [`World::violation`].

use super::{Fate, Holder, Reader, Resolved, Rules, Step, Takeover, Verdict, Window};
use crate::model::{Epoch, Seq};
use stateright::{Checker, HasDiscoveries, Model, Property};
use std::collections::{BTreeMap, BTreeSet};

/// The size of a world and the rules in it.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    writers: usize,
    batches: u64,
    window: u64,
    last_slot: Seq,
    lost_replies: u8,
    rules: Rules,
}

const DEFAULT: Bounds = Bounds {
    writers: 2,
    batches: 2,
    window: 2,
    last_slot: Seq(8),
    lost_replies: 1,
    rules: Rules::ALL,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Object {
    epoch: Epoch,
    batch: Option<u64>,
}

/// A PUT under way; `awaited` until its sender stops listening for the reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Put {
    writer: usize,
    slot: Seq,
    object: Object,
    awaited: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Writer {
    Idle,
    Claiming {
        takeover: Takeover,
        step: Step,
    },
    /// `probes`: slots whose header it is about to read.
    Active {
        window: Window,
        epoch: Epoch,
        probes: BTreeSet<Seq>,
        sent: u64,
    },
    Fenced {
        window: Window,
        epoch: Epoch,
    },
    Stopped,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct World {
    objects: BTreeMap<Seq, Object>,
    claimed: Epoch,
    floor: (Seq, Epoch),
    fold: Reader,
    folded: BTreeSet<u64>,
    puts: BTreeSet<Put>,
    writers: Vec<Writer>,
    acked: BTreeSet<(Seq, u64)>,
    refused: BTreeSet<u64>,
    lost_replies: u8,
    corrupt: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Move {
    Land(Put),
    Lose(Put),
    Claim(usize),
    /// Scan, probe or validate of a claimant.
    Advance(usize),
    Send(usize),
    Probe(usize, Seq),
    Check(usize),
    Settle(usize),
    Fold,
    Floor(Seq),
    Delete,
}

impl World {
    fn reader(&self, rules: Rules) -> Reader {
        Reader::new(rules, self.floor.0, self.floor.1)
    }

    /// Runs `reader` to the tail; what it accepts.
    fn read(&self, reader: &mut Reader) -> Vec<(Seq, u64)> {
        let mut seen = Vec::new();
        while let Some(object) = self.objects.get(&reader.seq().next()) {
            let live = reader.consume(object.epoch) == Verdict::Live;
            seen.extend(object.batch.filter(|_| live).map(|b| (reader.seq(), b)));
        }
        seen
    }

    fn holder(&self, slot: Seq, mine: Object) -> Holder {
        match self.objects.get(&slot) {
            None => Holder::Missing,
            Some(object) if *object == mine => Holder::Mine,
            Some(object) => Holder::Other(object.epoch),
        }
    }

    fn violation(&self, rules: Rules) -> Option<&'static str> {
        let seen = self.read(&mut self.reader(rules));
        let visible = |b: &u64| self.folded.contains(b) || seen.iter().any(|(_, s)| s == b);
        let slots: BTreeSet<Seq> = self.acked.iter().map(|(s, _)| *s).collect();
        let batches: BTreeSet<u64> = seen.iter().map(|(_, b)| *b).collect();
        if self.corrupt {
            Some("an older epoch holds a slot of the active owner")
        } else if self.acked.iter().any(|(_, b)| !visible(b)) {
            Some("an acked batch is lost")
        } else if self.refused.iter().any(visible) {
            Some("a refused batch is visible")
        } else if batches.len() < seen.len() {
            Some("a batch is twice in the log")
        } else if seen
            .iter()
            .any(|(s, b)| *s <= self.fold.seq() && !self.folded.contains(b))
        {
            Some("a fresh reader sees what the fold did not")
        } else if slots.len() < self.acked.len() {
            Some("two batches were acked in one slot")
        } else {
            None
        }
    }

    fn step(&mut self, i: usize, takeover: Takeover, step: Step, bounds: Bounds) {
        let epoch = takeover.epoch();
        self.writers[i] = match step {
            Step::Lost => Writer::Stopped,
            Step::Won(next) => {
                let window = Window::new(bounds.rules, epoch, bounds.window, next);
                Writer::Active {
                    window,
                    epoch,
                    probes: BTreeSet::new(),
                    sent: 0,
                }
            }
            step => Writer::Claiming { takeover, step },
        };
        if let Step::Fence(slot) = step {
            let object = Object { epoch, batch: None };
            self.send(i, slot, object, bounds);
        }
        if step == Step::Lost {
            self.ignore_replies(i);
        }
    }

    fn send(&mut self, writer: usize, slot: Seq, object: Object, bounds: Bounds) {
        if slot <= bounds.last_slot {
            self.puts.insert(Put {
                writer,
                slot,
                object,
                awaited: true,
            });
        }
    }

    fn ignore_replies(&mut self, writer: usize) {
        let puts = std::mem::take(&mut self.puts);
        let ignored = |p: Put| Put {
            awaited: p.awaited && p.writer != writer,
            ..p
        };
        self.puts = puts.into_iter().map(ignored).collect();
    }

    fn replied(&mut self, put: Put, created: bool, bounds: Bounds) {
        match &mut self.writers[put.writer] {
            Writer::Claiming {
                takeover,
                step: Step::Fence(slot),
            } if *slot == put.slot => {
                let mut takeover = *takeover;
                let step = takeover.put(created);
                self.step(put.writer, takeover, step, bounds);
            }
            Writer::Active { window, .. } => {
                let resolved = window.put(put.slot, created);
                self.resolved(put, resolved, bounds);
            }
            _ => {}
        }
    }

    fn resolved(&mut self, put: Put, resolved: Resolved, bounds: Bounds) {
        let Writer::Active {
            window,
            epoch,
            probes,
            ..
        } = &mut self.writers[put.writer]
        else {
            return;
        };
        match resolved {
            Resolved::Probe => {
                probes.insert(put.slot);
            }
            Resolved::Resend => self.send(put.writer, put.slot, put.object, bounds),
            Resolved::Fenced(_) => {
                let (window, epoch) = (window.clone(), *epoch);
                self.writers[put.writer] = Writer::Fenced { window, epoch };
                self.ignore_replies(put.writer);
            }
            Resolved::Corrupt(_) => self.corrupt = true,
            Resolved::Created | Resolved::Stale => {}
        }
    }

    fn advance(&mut self, i: usize, bounds: Bounds) {
        let Writer::Claiming { mut takeover, step } = self.writers[i] else {
            return;
        };
        let step = match step {
            Step::Scan => {
                let mut reader = self.reader(bounds.rules);
                self.read(&mut reader);
                takeover.scanned(reader.seq(), reader.max_epoch())
            }
            Step::Probe(slot) => {
                let mine = Object {
                    epoch: takeover.epoch(),
                    batch: None,
                };
                takeover.probed(self.holder(slot, mine))
            }
            _ => takeover.validated(self.claimed, self.floor.0),
        };
        self.step(i, takeover, step, bounds);
    }

    fn append(&mut self, i: usize, bounds: Bounds) {
        let Writer::Active {
            window,
            epoch,
            sent,
            ..
        } = &mut self.writers[i]
        else {
            return;
        };
        let batch = i as u64 * 10 + *sent;
        let object = Object {
            epoch: *epoch,
            batch: Some(batch),
        };
        *sent += 1;
        if let Some(slot) = window.append(batch) {
            self.send(i, slot, object, bounds);
        }
    }

    fn probe(&mut self, i: usize, slot: Seq, bounds: Bounds) {
        let Writer::Active {
            window,
            epoch,
            probes,
            ..
        } = &mut self.writers[i]
        else {
            return;
        };
        probes.remove(&slot);
        let Some(batch) = window.batch_at(slot) else {
            return;
        };
        let object = Object {
            epoch: *epoch,
            batch: Some(batch),
        };
        let put = Put {
            writer: i,
            slot,
            object,
            awaited: true,
        };
        let holder = self.holder(slot, object);
        let Writer::Active { window, .. } = &mut self.writers[i] else {
            return;
        };
        let resolved = window.probed(slot, holder);
        self.resolved(put, resolved, bounds);
    }

    /// Reads the floor, in one go with what the owner does upon it.
    fn check(&mut self, i: usize) {
        let floor = self.floor.0;
        let Writer::Active { window, .. } = &mut self.writers[i] else {
            return;
        };
        if window.begin_check() && !window.checked(floor) {
            self.writers[i] = Writer::Stopped;
            self.ignore_replies(i);
            return;
        }
        while let Some(ack) = window.pop_ack() {
            self.acked.insert(ack);
        }
    }

    /// The newer epoch's segment that ends the log of a fenced owner, once it can be read.
    fn newer_fence(&self, window: &Window, epoch: Epoch) -> Option<Seq> {
        let mut slot = window.oldest_slot();
        while let Some(object) = self.objects.get(&slot) {
            if object.epoch > epoch {
                return Some(slot);
            }
            slot = slot.next();
        }
        None
    }

    fn settle(&mut self, i: usize) {
        let Writer::Fenced { mut window, epoch } = self.writers[i].clone() else {
            return;
        };
        let Some(fence) = self.newer_fence(&window, epoch) else {
            return;
        };
        let own = |slot| {
            self.objects
                .get(&slot)
                .is_some_and(|o: &Object| o.epoch == epoch)
        };
        let settled = window.settle(fence, self.floor.0, own);
        self.writers[i] = Writer::Stopped;
        for s in settled {
            match s.fate {
                Fate::Committed => _ = self.acked.insert((s.slot, s.batch)),
                Fate::Refused => _ = self.refused.insert(s.batch),
                Fate::Unknown => {}
            }
        }
    }

    fn raise_floor(&mut self, to: Seq, rules: Rules) {
        let mut reader = self.reader(rules);
        while reader.seq() < to {
            let Some(object) = self.objects.get(&reader.seq().next()) else {
                return;
            };
            reader.consume(object.epoch);
        }
        self.floor = (to, reader.max_epoch());
    }
}

impl Model for Bounds {
    type State = World;
    type Action = Move;

    fn init_states(&self) -> Vec<World> {
        vec![World {
            objects: BTreeMap::new(),
            claimed: Epoch::ZERO,
            floor: (Seq::ZERO, Epoch::ZERO),
            fold: Reader::new(self.rules, Seq::ZERO, Epoch::ZERO),
            folded: BTreeSet::new(),
            puts: BTreeSet::new(),
            writers: vec![Writer::Idle; self.writers],
            acked: BTreeSet::new(),
            refused: BTreeSet::new(),
            lost_replies: 0,
            corrupt: false,
        }]
    }

    fn actions(&self, world: &World, moves: &mut Vec<Move>) {
        for put in &world.puts {
            moves.push(Move::Land(*put));
            if put.awaited && world.lost_replies < self.lost_replies {
                moves.push(Move::Lose(*put));
            }
        }
        for (i, writer) in world.writers.iter().enumerate() {
            match writer {
                Writer::Idle => moves.push(Move::Claim(i)),
                Writer::Claiming {
                    step: Step::Scan | Step::Probe(_) | Step::Validate,
                    ..
                } => {
                    moves.push(Move::Advance(i));
                }
                Writer::Active {
                    window,
                    probes,
                    sent,
                    ..
                } => {
                    let fits = window.next() <= self.last_slot && *sent < self.batches;
                    moves.extend((fits && window.has_room()).then_some(Move::Send(i)));
                    moves.extend(probes.iter().map(|slot| Move::Probe(i, *slot)));
                    moves.push(Move::Check(i));
                }
                Writer::Fenced { window, epoch } => {
                    let known = world.newer_fence(window, *epoch);
                    moves.extend(known.map(|_| Move::Settle(i)));
                }
                _ => {}
            }
        }
        moves.push(Move::Fold);
        let newest = world
            .objects
            .keys()
            .next_back()
            .map_or(Seq::ZERO, |s| s.previous());
        let to = world.fold.seq().min(newest);
        moves.extend((world.floor.0.next().0..=to.0).map(|s| Move::Floor(Seq(s))));
        moves.push(Move::Delete);
    }

    fn next_state(&self, last: &World, action: Move) -> Option<World> {
        let mut world = last.clone();
        match action {
            Move::Land(put) => {
                world.puts.remove(&put);
                let created = !world.objects.contains_key(&put.slot);
                world.objects.entry(put.slot).or_insert(put.object);
                if put.awaited {
                    world.replied(put, created, *self);
                }
            }
            Move::Lose(put) => {
                world.lost_replies += 1;
                world.puts.remove(&put);
                world.puts.insert(Put {
                    awaited: false,
                    ..put
                });
                world.replied(put, false, *self);
            }
            Move::Claim(i) => {
                world.claimed = world.claimed.next();
                let takeover = Takeover::new(self.rules, world.claimed, self.window);
                world.step(i, takeover, Step::Scan, *self);
            }
            Move::Advance(i) => world.advance(i, *self),
            Move::Send(i) => world.append(i, *self),
            Move::Probe(i, slot) => world.probe(i, slot, *self),
            Move::Check(i) => world.check(i),
            Move::Settle(i) => world.settle(i),
            Move::Fold => {
                let seen = last.read(&mut world.fold);
                world.folded.extend(seen.iter().map(|(_, batch)| *batch));
            }
            Move::Floor(to) => world.raise_floor(to, self.rules),
            Move::Delete => world.objects.retain(|slot, _| *slot > last.floor.0),
        }
        (world != *last).then_some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![Property::always(
            "safe",
            |bounds: &Bounds, world: &World| world.violation(bounds.rules).is_none(),
        )]
    }
}

/// The first violation found and the moves to it, or `None`; and how many states there were.
fn explore(bounds: Bounds, states: Option<usize>) -> (Option<(&'static str, Vec<Move>)>, usize) {
    let mut builder = bounds.checker().threads(2).finish_when(HasDiscoveries::Any);
    if let Some(limit) = states {
        builder = builder.target_state_count(limit);
    }
    let checker = builder.spawn_bfs().join();
    let found = checker.discovery("safe").map(|path| {
        let what = path
            .last_state()
            .violation(bounds.rules)
            .unwrap_or("nothing");
        (what, path.into_actions())
    });
    (found, checker.unique_state_count())
}

fn broken_without(switch_off: impl Fn(&mut Rules)) -> &'static str {
    let mut bounds = DEFAULT;
    switch_off(&mut bounds.rules);
    let (found, states) = explore(bounds, None);
    found
        .unwrap_or_else(|| panic!("no counterexample in {states} states"))
        .0
}

#[test]
fn should_hold_in_every_state_with_all_rules() {
    let (found, states) = explore(DEFAULT, None);
    assert_eq!(found, None);
    assert!(states > 6_000_000, "the world shrank to {states} states");
}

#[test]
#[ignore = "minutes and gigabytes: run by .ci/full"]
fn should_hold_in_larger_worlds() {
    let worlds = [
        Bounds {
            lost_replies: 2,
            ..DEFAULT
        },
        Bounds {
            window: 3,
            last_slot: Seq(9),
            ..DEFAULT
        },
        Bounds {
            writers: 3,
            batches: 1,
            ..DEFAULT
        },
    ];
    for bounds in worlds {
        let (found, _) = explore(bounds, Some(20_000_000));
        assert_eq!(found, None, "{bounds:?}");
    }
}

#[test]
fn should_need_every_rule() {
    let lost = "an acked batch is lost";
    let taken = "an older epoch holds a slot of the active owner";
    let diverged = "a fresh reader sees what the fold did not";
    assert_eq!(broken_without(|rules| rules.check = false), lost);
    assert_eq!(broken_without(|rules| rules.own = false), taken);
    assert_eq!(broken_without(|rules| rules.prefix = false), lost);
    assert_eq!(broken_without(|rules| rules.carry = false), diverged);
    assert_eq!(broken_without(|rules| rules.scan = false), taken);
    assert_eq!(broken_without(|rules| rules.fill = false), taken);
    assert_eq!(
        broken_without(|rules| rules.void = false),
        "a refused batch is visible"
    );
}

#[test]
fn should_stay_safe_without_validate() {
    let mut bounds = DEFAULT;
    bounds.rules.validate = false; // it only spares a doomed owner its work
    assert_eq!(explore(bounds, Some(500_000)).0, None);
}
