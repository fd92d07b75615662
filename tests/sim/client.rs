//! A client: writes, and reads what it wrote, wherever it is sent to.

use super::{
    bugs::Bug,
    life::Life,
    sink::Shared,
    world::{Acked, REGIONS, World, log},
};
use isobath_storage::{
    log::Committed,
    model::{
        AttributeName, BodyHash, Column, Control, Counts, Declaration, Id, IdColumn,
        IdempotencyKey, Mutation, Namespace, PatchMask, Request, Rows, SparsePatch, Value,
        VectorValue, VersionVector,
    },
};
use rand::{RngExt, rngs::StdRng};
use std::{sync::Arc, time::Duration};
use tokio::time::{Instant, sleep, timeout};

/// A session: what it has seen.
struct Session {
    world: Arc<World>,
    number: u64,
    rng: StdRng,
    seen: VersionVector,
    writes: u64,
    /// Nothing goes wrong any more: what it does must succeed soon.
    calm: bool,
}

/// Writes and reads for so long.
pub(crate) async fn client(world: Arc<World>, number: u64, time: Duration, calm: bool) {
    let rng = world.rng(100 + number);
    let until = Instant::now() + time;
    let mut session = Session {
        world,
        number,
        rng,
        seen: VersionVector::default(),
        writes: 0,
        calm,
    };
    while Instant::now() < until {
        let region = session.region();
        if session.rng.random_bool(0.65) {
            session.write(region).await;
        } else {
            session.read(region).await;
        }
        let pause = session.rng.random_range(20..1_500);
        sleep(Duration::from_millis(pause)).await;
    }
}

/// Waits until a process has applied what a session has seen; whether it has.
async fn covers(life: &Life, seen: &VersionVector, time: Duration) -> bool {
    let until = Instant::now() + time;
    while !life.shared.seen().covers(seen) {
        if Instant::now() >= until {
            return false;
        }
        sleep(Duration::from_millis(150)).await;
    }
    true
}

/// Waits until a write is closed into a segment, durable or not.
async fn closed(shared: Arc<Shared>, key: IdempotencyKey) -> Committed {
    loop {
        if let Some(committed) = shared.foreseen(key) {
            return committed;
        }
        sleep(Duration::from_millis(1)).await;
    }
}

impl Session {
    /// Mostly the region that is near.
    fn region(&mut self) -> usize {
        let near = usize::try_from(self.number).unwrap() % REGIONS.len();
        let regions = self.world.regions();
        if regions.contains(&near) && self.rng.random_bool(0.6) {
            return near;
        }
        regions[self.rng.random_range(0..regions.len())]
    }

    async fn write(&mut self, region: usize) {
        self.writes += 1;
        let key = IdempotencyKey(u128::from(self.number * 100_000 + self.writes));
        let (name, request) = self.request(key);
        let until = Instant::now() + Duration::from_secs(40);
        while Instant::now() < until && self.world.regions().contains(&region) {
            if let Some(committed) = self.try_write(region, &name, &request).await {
                self.committed(region, key, &committed).await;
                return;
            }
            let pause = self.rng.random_range(50..600);
            sleep(Duration::from_millis(pause)).await;
        }
        assert!(!self.calm, "I17: a write was not acked");
        // what is lost with a region is not waited for for ever
        self.seen = VersionVector::default();
    }

    async fn try_write(
        &self,
        region: usize,
        name: &Namespace,
        request: &Request,
    ) -> Option<Committed> {
        let life = self.world.life(region)?;
        if self.world.bug != Some(Bug::WallClock)
            && !covers(&life, &self.seen, Duration::from_secs(5)).await
        {
            return None;
        }
        let append = life.own.append(name.clone(), request.clone(), ());
        if self.world.bug == Some(Bug::AckOutOfOrder) {
            let shared = Arc::clone(&life.shared);
            let closed = timeout(Duration::from_secs(12), closed(shared, request.key));
            return tokio::select! {
                appended = append => appended.ok(),
                closed = closed => closed.ok(),
            };
        }
        timeout(Duration::from_secs(12), append).await.ok()?.ok()
    }

    async fn committed(&mut self, region: usize, key: IdempotencyKey, committed: &Committed) {
        let (seq, hlc) = (committed.stamp.seq, committed.stamp.hlc);
        let known = self.world.truth.lock().newest(&self.seen);
        assert!(
            hlc > known,
            "I7: {key} is older than what its writer had seen"
        );
        let mut twice = false;
        if self.number.is_multiple_of(2) {
            let until = Instant::now() + Duration::from_secs(30);
            while !twice && Instant::now() < until && self.world.regions().contains(&region) {
                twice = self.world.is_copied(region, seq).await;
                if !twice {
                    sleep(Duration::from_millis(400)).await;
                }
            }
        }
        self.world
            .note(&format!("{key} at {}, twice {twice}", committed.stamp));
        let log = log(region);
        if self.world.regions().contains(&region) || twice {
            self.world.acked.lock().push(Acked {
                log,
                seq,
                key,
                twice,
            });
        }
        self.seen.advance(log, seq);
    }

    async fn read(&mut self, region: usize) {
        let Some(life) = self.world.life(region) else {
            return;
        };
        let ignored = self.world.bug == Some(Bug::TokenIgnored);
        if !ignored && !covers(&life, &self.seen, Duration::from_secs(6)).await {
            assert!(!self.calm, "I17: a read did not get what its token names");
            if self.world.lost.lock().is_some() {
                self.seen = VersionVector::default();
            }
            return;
        }
        let seen = life.shared.seen();
        assert!(
            seen.covers(&self.seen),
            "I6: {} answers with {seen:?} who has seen {:?}",
            life.birth.log,
            self.seen
        );
        self.seen.merge(&seen);
        if self.rng.random_bool(0.1) {
            life.check_content("when it was read");
        }
    }

    fn request(&mut self, key: IdempotencyKey) -> (Namespace, Request) {
        let name = if self.rng.random_bool(0.8) {
            "busy"
        } else {
            "quiet"
        };
        let (mutations, declarations) = self.mutation();
        let request = Request {
            first_index: 0,
            key,
            body: BodyHash(key.0),
            api_key: None,
            counts: Counts::default(),
            declarations,
            mutations,
        };
        (name.parse().unwrap(), request)
    }

    fn mutation(&mut self) -> (Vec<Mutation>, Vec<Declaration>) {
        let id = self.rng.random_range(0..6_u64);
        let ids = || IdColumn::U64(vec![id].into());
        let (a, b) = (self.int("a"), self.int("b"));
        match self.rng.random_range(0..100) {
            0..45 => {
                let vector = self.vector();
                let rows = Rows::new(ids(), vec![a, b, vector]).unwrap();
                let declared = [("id", "uint"), ("a", "int"), ("b", "int"), ("v", "[2]f32")];
                (vec![Mutation::Upsert(rows)], declarations(&declared))
            }
            45..65 => {
                let column = if self.rng.random_bool(0.5) { a } else { b };
                let declared = [(column.name.as_str().to_owned(), "int")];
                let declared = declared.each_ref().map(|(name, ty)| (name.as_str(), *ty));
                let rows = Rows::new(ids(), vec![column.clone()]).unwrap();
                let patch = Mutation::Patch(PatchMask::all(), rows);
                (vec![patch], declarations(&declared))
            }
            65..72 => {
                let dims = [(self.rng.random_range(0..2_u32), self.number_f32())];
                let patch = SparsePatch {
                    id: Id::U64(id),
                    attribute: name("v"),
                    dims: dims.into(),
                };
                (vec![Mutation::SparsePatch(vec![patch])], vec![])
            }
            72..96 => (vec![Mutation::Delete(ids())], vec![]),
            96..98 => {
                let attribute = name("b");
                let drop = Control::DropAttribute { attribute };
                (vec![Mutation::Control(drop)], vec![])
            }
            _ => (vec![Mutation::Control(Control::Delete)], vec![]),
        }
    }

    fn number_f32(&mut self) -> f32 {
        f32::from(self.rng.random_range(0..1_000_i16))
    }

    fn int(&mut self, attribute: &str) -> Column {
        let values = [Value::Int(self.rng.random_range(0..1_000_000))];
        Column::from_values(name(attribute), "int".parse().unwrap(), &values).unwrap()
    }

    fn vector(&mut self) -> Column {
        let values = [self.number_f32(), self.number_f32()];
        let values = [Value::Vector(VectorValue::F32(values.to_vec().into()))];
        Column::from_values(name("v"), "[2]f32".parse().unwrap(), &values).unwrap()
    }
}

fn name(attribute: &str) -> AttributeName {
    attribute.parse().unwrap()
}

fn declarations(declared: &[(&str, &str)]) -> Vec<Declaration> {
    let declare = |(attribute, ty): &(&str, &str)| Declaration {
        attribute: name(attribute),
        ty: ty.parse().unwrap(),
        metric: None,
    };
    declared.iter().map(declare).collect()
}
