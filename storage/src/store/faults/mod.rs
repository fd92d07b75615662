//! [`Faults`]: a store that fails on purpose, by a seeded plan; for simulations.

mod plan;

pub use plan::{Fault, FaultPlan, FaultRates};

use super::{
    Op,
    layer::{Attempt, Layer, Layered, Listing, Request},
};
use crate::Clock;
use futures::{StreamExt, TryStreamExt, stream, stream::BoxStream};
use object_store::{Error, ObjectMeta, ObjectStore, Result, path::Path};
use parking_lot::Mutex;
use rand::{RngExt, SeedableRng, rngs::Xoshiro256PlusPlus, seq::SliceRandom};
use std::{sync::Arc, time::Duration};
use tokio_util::task::TaskTracker;

/// The handle of a store that fails on purpose: aims single faults, cuts and heals the store.
#[derive(Debug)]
pub struct Faults {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
    late: TaskTracker,
}

#[derive(Debug)]
struct State {
    plan: FaultPlan,
    rng: Xoshiro256PlusPlus,
    down: bool,
    aimed: Vec<(Op, Path, Fault)>,
    struck: u64,
}

impl Faults {
    /// Faults by `plan`, waiting on `clock`; [`Faults::wrap`] makes the store that has them.
    pub fn new(plan: FaultPlan, clock: Arc<dyn Clock>) -> Arc<Self> {
        let rng = Xoshiro256PlusPlus::seed_from_u64(plan.seed);
        let state = State {
            plan,
            rng,
            down: false,
            aimed: Vec::new(),
            struck: 0,
        };
        Arc::new(Self {
            clock,
            state: Mutex::new(state),
            late: TaskTracker::new(),
        })
    }

    /// `store` with these faults.
    pub fn wrap(self: &Arc<Self>, store: Arc<dyn ObjectStore>) -> Arc<dyn ObjectStore> {
        Arc::new(Layered::new(store, Arc::clone(self)))
    }

    /// Lets the next request `op` at `path`, or anywhere below it, meet `fault`; before the plan's.
    pub fn aim(&self, op: Op, path: Path, fault: Fault) {
        self.state.lock().aimed.push((op, path, fault));
    }

    /// Cuts the store off, or connects it again; what is under way still arrives.
    pub fn set_down(&self, down: bool) {
        self.state.lock().down = down;
    }

    /// Ends all faults to come; late writes still land.
    pub fn heal(&self) {
        let mut state = self.state.lock();
        let shuffle_lists = state.plan.shuffle_lists;
        state.plan = FaultPlan {
            shuffle_lists,
            ..FaultPlan::quiet(state.plan.seed)
        };
        state.down = false;
        state.aimed.clear();
    }

    /// Waits until every late write has landed.
    pub async fn settle(&self) {
        self.late.close();
        self.late.wait().await;
        self.late.reopen();
    }

    /// How many requests met a fault so far.
    pub fn struck(&self) -> u64 {
        self.state.lock().struck
    }

    fn next(&self, request: &Request) -> Option<Fault> {
        let mut state = self.state.lock();
        let fault = state.next(request);
        state.struck += u64::from(fault.is_some());
        fault
    }

    /// Sends the request under `fault`, unless it must be answered without.
    async fn strike<T: Send + 'static>(
        &self,
        fault: Option<Fault>,
        request: &Request,
        attempt: Attempt<'_, T>,
    ) -> Result<T> {
        match fault {
            None => attempt().await,
            Some(Fault::Slow(time)) => {
                self.clock.sleep(time).await;
                attempt().await
            }
            Some(Fault::LoseReply) => {
                drop(attempt().await);
                Err(unavailable("connection reset"))
            }
            Some(Fault::Late(time)) => {
                let (sleep, landing) = (self.clock.sleep(time), attempt());
                self.late.spawn(async move {
                    sleep.await;
                    drop(landing.await);
                });
                Err(unavailable("timeout"))
            }
            Some(Fault::Conflict) => {
                let source = "409 ConditionalRequestConflict".into();
                Err(Error::AlreadyExists {
                    path: request.path.to_string(),
                    source,
                })
            }
            Some(Fault::Refuse) => Err(unavailable("503 SlowDown")),
        }
    }
}

impl State {
    fn next(&mut self, request: &Request) -> Option<Fault> {
        if self.down {
            return Some(Fault::Refuse);
        }
        let aimed = |(op, path, _): &(Op, Path, Fault)| {
            *op == request.op && request.path.prefix_matches(path)
        };
        if let Some(at) = self.aimed.iter().position(aimed) {
            return Some(self.aimed.remove(at).2);
        }
        self.draw(request)
    }

    fn draw(&mut self, request: &Request) -> Option<Fault> {
        let rates = *self.plan.rates(request.op);
        let writes = request.op != Op::Get && request.op != Op::List;
        let mut left: f64 = self.rng.random();
        let mut hit = |rate: f64| {
            left -= rate;
            left < 0.0 && left + rate >= 0.0
        };
        if hit(rates.refuse) {
            Some(Fault::Refuse)
        } else if hit(rates.lose_reply) {
            Some(Fault::LoseReply)
        } else if hit(rates.late) {
            let late = writes.then(|| Fault::Late(self.up_to(self.plan.late_max)));
            Some(late.unwrap_or(Fault::Refuse))
        } else if hit(rates.conflict) {
            let conditional = request.op == Op::Put && !request.idempotent;
            Some(if conditional {
                Fault::Conflict
            } else {
                Fault::Refuse
            })
        } else if hit(rates.slow) {
            Some(Fault::Slow(self.up_to(self.plan.slow_max)))
        } else {
            None
        }
    }

    fn up_to(&mut self, max: Duration) -> Duration {
        max.mul_f64(self.rng.random())
    }
}

impl Layer for Faults {
    async fn around<T: Send + 'static>(
        &self,
        request: &Request,
        attempt: Attempt<'_, T>,
    ) -> Result<T> {
        self.strike(self.next(request), request, attempt).await
    }

    fn list(
        self: &Arc<Self>,
        request: Request,
        listing: Listing,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        let faults = Arc::clone(self);
        let listed = async move {
            let fault = faults.next(&request);
            let collect = || -> futures::future::BoxFuture<'static, _> {
                Box::pin(listing().try_collect::<Vec<_>>())
            };
            let mut found = faults.strike(fault, &request, &collect).await?;
            let mut state = faults.state.lock();
            if state.plan.shuffle_lists {
                found.shuffle(&mut state.rng);
            }
            Ok::<_, Error>(stream::iter(found.into_iter().map(Ok)))
        };
        stream::once(listed).try_flatten().boxed()
    }
}

fn unavailable(what: &'static str) -> Error {
    Error::Generic {
        store: "faults",
        source: what.into(),
    }
}
