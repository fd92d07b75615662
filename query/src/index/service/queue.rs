//! [`Queue`]: what is to be coded, fetched, built and deleted.

use super::{RowIndex, part};
use crate::{metrics::INDEX_QUEUE, view::RowSet};
use isobath_storage::{
    Clock,
    model::{Analysis, AttributeName, AttributeType, Metric, Namespace},
};
use parking_lot::{Condvar, Mutex};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque},
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

/// More tasks than this are not taken; the next refresh brings them again.
const CAPACITY: usize = 64 * 1024;

/// One attribute of a row set that lacks codes or an index.
#[derive(Debug, Clone)]
pub(super) struct Task {
    pub(super) namespace: Namespace,
    /// Does not keep a row set alive that no view has any more.
    pub(super) set: Weak<RowSet>,
    pub(super) attribute: AttributeName,
    pub(super) ty: AttributeType,
    pub(super) wants: Wants,
    /// How often it was put off.
    pub(super) put_off: u32,
}

/// What the values of an attribute are to be found by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wants {
    /// Vectors by their distance.
    Vectors(Metric),
    /// Texts by their terms.
    Text(Analysis),
}

/// The hashes of a namespace's parts.
pub(super) type Parts = BTreeSet<Arc<str>>;

/// A row set by its address, which is not used again while a task refers to it weakly.
type Key = (usize, AttributeName);

impl Task {
    pub(super) fn new(
        namespace: &Namespace,
        set: &Arc<RowSet>,
        attribute: &AttributeName,
        ty: AttributeType,
        wants: Wants,
    ) -> Self {
        Self {
            namespace: namespace.clone(),
            set: Arc::downgrade(set),
            attribute: attribute.clone(),
            ty,
            wants,
            put_off: 0,
        }
    }

    fn key(&self) -> Key {
        (self.set.as_ptr().addr(), self.attribute.clone())
    }
}

/// What the coder is to do.
#[derive(Debug)]
pub(super) enum CoderWork {
    /// Open the index of a row set, or code it.
    Code(Task),
    /// Delete the indexes of all other parts.
    Sweep(Namespace, Arc<Parts>),
}

/// What is to be coded, fetched, built and deleted.
#[derive(Debug, Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    wake: Condvar,
}

#[derive(Debug, Default)]
struct State {
    sweeps: HashMap<Namespace, Arc<Parts>>,
    coding: VecDeque<Task>,
    building: VecDeque<Task>,
    /// What is looked for in the bucket, by the time from when on, and a number.
    fetching: BTreeMap<(Duration, u64), Task>,
    next: u64,
    /// What waits or is being worked on.
    known: HashSet<Key>,
    /// What could not be built.
    failed: HashMap<Key, Task>,
    /// The parts of each namespace as of its newest view.
    parts: HashMap<Namespace, Arc<Parts>>,
    /// Parts that views are to go over to.
    coming: HashMap<Namespace, Parts>,
    running: Option<(Task, Arc<AtomicBool>)>,
    closed: bool,
}

impl Queue {
    /// Takes a task, unless it is here already, or failed before.
    pub(super) fn push(&self, task: Task) {
        let mut state = self.state.lock();
        let key = task.key();
        let full = state.known.len() >= CAPACITY;
        if full || state.failed.contains_key(&key) || !state.known.insert(key) {
            return;
        }
        state.coding.push_back(task);
        state.measure();
        self.wake.notify_all();
    }

    /// Hands a task over from the coder to the builder.
    pub(super) fn push_build(&self, task: Task) {
        self.state.lock().building.push_back(task);
        self.wake.notify_all();
    }

    /// Looks for the index of a part in the bucket, from `due` on.
    pub(super) fn push_fetch(&self, task: Task, due: Duration) {
        let mut state = self.state.lock();
        let number = state.next;
        state.next += 1;
        state.fetching.insert((due, number), task);
        self.wake.notify_all();
    }

    /// Notes the parts that a namespace's view is to go over to: builds for them go on.
    pub(super) fn expect_parts(&self, namespace: &Namespace, parts: Parts) {
        self.state.lock().coming.insert(namespace.clone(), parts);
    }

    /// Whether the task came to nothing, so that nobody need wait for it.
    pub(super) fn has_failed(&self, task: &Task) -> bool {
        self.state.lock().failed.contains_key(&task.key())
    }

    /// Notes the parts of a namespace: a build for another one is cancelled, its index deleted.
    pub(super) fn keep_parts(&self, namespace: &Namespace, parts: Parts) {
        let mut state = self.state.lock();
        if state
            .parts
            .get(namespace)
            .is_some_and(|known| **known == parts)
        {
            return;
        }
        let parts = Arc::new(parts);
        state.parts.insert(namespace.clone(), Arc::clone(&parts));
        state.failed.retain(|_, task| task.set.strong_count() > 0);
        let coming = state.coming.get(namespace);
        if coming.is_some_and(|coming| coming.is_subset(&parts)) {
            state.coming.remove(namespace);
        }
        let coming = state.coming.get(namespace);
        let wanted = |task: &Task| {
            task.is_among(&parts) || coming.is_some_and(|coming| task.is_among(coming))
        };
        state.cancel_unless(|task| task.namespace != *namespace || wanted(task));
        state.hurry(namespace, &parts);
        state.sweeps.insert(namespace.clone(), parts);
        self.wake.notify_all();
    }

    /// The coder's next work; `None` once the queue is closed.
    pub(super) fn next_for_coder(&self) -> Option<CoderWork> {
        self.next(|state| {
            let namespace = state.sweeps.keys().next().cloned();
            let sweep = namespace.and_then(|namespace| state.sweeps.remove_entry(&namespace));
            match sweep {
                Some((namespace, parts)) => Some(CoderWork::Sweep(namespace, parts)),
                None => state.coding.pop_front().map(CoderWork::Code),
            }
        })
    }

    /// The builder's next task with what cancels it; `None` once the queue is closed.
    pub(super) fn next_for_builder(&self) -> Option<(Task, Arc<AtomicBool>)> {
        self.next(|state| {
            let task = state.building.pop_front()?;
            let cancel = Arc::new(AtomicBool::new(false));
            state.running = Some((task.clone(), Arc::clone(&cancel)));
            Some((task, cancel))
        })
    }

    /// The next task whose time has come by `clock`; `None` once the queue is closed.
    pub(super) fn next_for_fetcher(&self, clock: &dyn Clock) -> Option<Task> {
        let mut state = self.state.lock();
        while !state.closed {
            let now = clock.monotonic();
            match state.fetching.first_entry() {
                Some(first) if first.key().0 <= now => return Some(first.remove()),
                Some(first) => {
                    let wait = first.key().0.saturating_sub(now);
                    self.wake.wait_for(&mut state, wait);
                }
                None => self.wake.wait(&mut state),
            }
        }
        None
    }

    fn next<T>(&self, take: impl Fn(&mut State) -> Option<T>) -> Option<T> {
        let mut state = self.state.lock();
        while !state.closed {
            if let Some(work) = take(&mut state) {
                return Some(work);
            }
            self.wake.wait(&mut state);
        }
        None
    }

    /// A task is done with; one that failed is not taken again.
    pub(super) fn done(&self, task: Task, failed: bool) {
        let mut state = self.state.lock();
        let key = task.key();
        state.known.remove(&key);
        let running = state.running.as_ref();
        if running.is_some_and(|(running, _)| running.key() == key) {
            state.running = None;
        }
        if failed {
            state.failed.insert(key, task);
        }
        state.measure();
    }

    /// Whether the row set of a task is one that a view is to go over to, and that no view has yet.
    pub(super) fn is_coming(&self, task: &Task) -> bool {
        let state = self.state.lock();
        let among = |parts: Option<&Parts>| parts.is_some_and(|parts| task.is_among(parts));
        among(state.coming.get(&task.namespace))
            && !among(state.parts.get(&task.namespace).map(|parts| &**parts))
    }

    /// Whether a view has the row set of a task, or is to go over to it.
    pub(super) fn is_wanted(&self, task: &Task) -> bool {
        task.is_among(&self.wanted_parts(&task.namespace))
    }

    /// The parts that the newest view of a namespace has, and those that it is to go over to.
    pub(super) fn wanted_parts(&self, namespace: &Namespace) -> Parts {
        let state = self.state.lock();
        let parts = state
            .parts
            .get(namespace)
            .into_iter()
            .flat_map(|parts| &**parts);
        let coming = state.coming.get(namespace).into_iter().flatten();
        parts.chain(coming).cloned().collect()
    }

    /// Whether all work is to end.
    pub(super) fn is_closed(&self) -> bool {
        self.state.lock().closed
    }

    /// Ends all work.
    pub(super) fn close(&self) {
        let mut state = self.state.lock();
        state.closed = true;
        state.cancel_unless(|_| false);
        self.wake.notify_all();
    }
}

impl Task {
    pub(super) fn is_of_vectors(&self) -> bool {
        matches!(self.wants, Wants::Vectors(_))
    }

    fn is_among(&self, parts: &Parts) -> bool {
        let set = self.set.upgrade();
        set.is_some_and(|set| part(&set).is_some_and(|part| parts.contains(part)))
    }
}

impl State {
    /// Lets parts that are searched from now on without codes or an index wait no longer for one.
    fn hurry(&mut self, namespace: &Namespace, parts: &Parts) {
        let bare = |task: &Task| {
            let set = task.set.upgrade();
            set.is_some_and(|set| RowIndex::of(&set, &task.attribute).is_none())
        };
        let waits = self.fetching.iter().filter(|(_, task)| {
            task.namespace == *namespace
                && task.is_of_vectors()
                && task.is_among(parts)
                && bare(task)
        });
        let waits: Vec<(Duration, u64)> = waits.map(|(at, _)| *at).collect();
        for at in waits {
            if let Some(task) = self.fetching.remove(&at) {
                self.fetching.insert((Duration::ZERO, at.1), task);
            }
        }
    }

    fn cancel_unless(&self, wanted: impl Fn(&Task) -> bool) {
        if let Some((task, cancel)) = &self.running
            && !wanted(task)
        {
            cancel.store(true, Ordering::Relaxed);
        }
    }

    fn measure(&self) {
        let waiting = u32::try_from(self.known.len()).unwrap_or(u32::MAX);
        metrics::gauge!(INDEX_QUEUE).set(waiting);
    }
}
