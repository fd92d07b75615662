//! [`SearchPool`]: the threads that search.

use super::{
    Deadline, FilterCache, SearchContext, SearchError,
    spot::{MOST, Spots},
};
use crate::{index::Scratch, metrics::SEARCH_QUEUE};
use isobath_config::{ByteSize, SearchConfig};
use isobath_storage::Clock;
use parking_lot::{Condvar, Mutex};
use std::{
    collections::VecDeque,
    fmt, io,
    num::NonZero,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};
use tokio::sync::oneshot;

/// The threads that search. Searching is CPU work, and little of it runs on the threads that serve
/// requests: what is as short as the decoding of a request, see [`SearchPool::try_here`].
///
/// Dropping the pool ends its threads after the searches they are at.
#[derive(Debug)]
pub struct SearchPool {
    shared: Arc<Shared>,
    clock: Arc<dyn Clock>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    queue: Mutex<Queue>,
    wake: Condvar,
    capacity: usize,
    filters: FilterCache,
    max_answer: usize,
    spots: Spots,
    /// Memory for searches on the threads that ask.
    scratches: Mutex<Vec<Scratch>>,
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    closed: bool,
}

type Job = Box<dyn FnOnce(&FilterCache, &mut Scratch) + Send>;

impl SearchPool {
    /// Starts the threads.
    pub fn start(config: &SearchConfig, clock: Arc<dyn Clock>) -> io::Result<Self> {
        let cores = || thread::available_parallelism().map_or(1, NonZero::get);
        let threads = match config.threads {
            0 => cores(),
            threads => threads,
        };
        let size = |size: ByteSize| usize::try_from(size.as_u64()).unwrap_or(usize::MAX);
        let shared = Arc::new(Shared {
            queue: Mutex::default(),
            wake: Condvar::new(),
            capacity: config.queue,
            filters: FilterCache::new(size(config.filter_cache)),
            max_answer: size(config.max_answer),
            spots: Spots::default(),
            scratches: Mutex::default(),
        });
        let mut pool = Self {
            shared,
            clock,
            threads: vec![],
        };
        for number in 0..threads {
            let shared = Arc::clone(&pool.shared);
            let thread = thread::Builder::new().name(format!("search-{number}"));
            pool.threads.push(thread.spawn(move || shared.work())?);
        }
        Ok(pool)
    }

    /// Forgets which rows pass which filters; the next queries find out again.
    pub fn forget_filters(&self) {
        self.shared.filters.clear();
    }

    /// Runs `search` on the thread that asks, to which a search costs less than handing it to another
    /// and waiting. `None` where it took too long for that, or those of the same `name` did lately: then
    /// it is to be [run](Self::run) by the threads that search. It has `timeout` from now.
    pub fn try_here<T>(
        &self,
        name: &str,
        timeout: Duration,
        search: impl FnOnce(&mut SearchContext<'_>) -> Result<T, SearchError>,
    ) -> Option<Result<T, SearchError>> {
        let shared = &self.shared;
        if !shared.spots.tries(name) {
            return None;
        }
        let start = self.clock.monotonic();
        let deadline = Deadline::after(Arc::clone(&self.clock), timeout.min(MOST));
        let mut scratch = shared.scratches.lock().pop().unwrap_or_default();
        let mut context = SearchContext {
            filters: &shared.filters,
            scratch: &mut scratch,
            deadline: Some(&deadline),
            answer_bytes: shared.max_answer,
        };
        let run = AssertUnwindSafe(|| context.check().and_then(|()| search(&mut context)));
        let Ok(found) = catch_unwind(run) else {
            tracing::error!("a search panicked");
            return Some(Err(SearchError::Interrupted));
        };
        shared.scratches.lock().push(scratch);
        let time = self.clock.monotonic().saturating_sub(start);
        shared.spots.took(name, time);
        let in_time = timeout <= MOST || !matches!(found, Err(SearchError::DeadlineExceeded));
        in_time.then_some(found)
    }

    /// Runs `search` on one of the threads, unless too many others wait; it has `timeout` from now. It ends
    /// soon after the caller stops waiting for it.
    pub async fn run<T, F>(&self, timeout: Duration, search: F) -> Result<T, SearchError>
    where
        T: Send + 'static,
        F: FnOnce(&mut SearchContext<'_>) -> Result<T, SearchError> + Send + 'static,
    {
        let abandoned = Arc::new(AtomicBool::new(false));
        let caller = Abandon(Arc::clone(&abandoned));
        let deadline = Deadline::after(Arc::clone(&self.clock), timeout).or_when(abandoned);
        let (answer, answered) = oneshot::channel();
        let answer_bytes = self.shared.max_answer;
        let job = move |filters: &FilterCache, scratch: &mut Scratch| {
            if answer.is_closed() {
                return;
            }
            let mut context = SearchContext {
                filters,
                scratch,
                deadline: Some(&deadline),
                answer_bytes,
            };
            let found = context.check().and_then(|()| search(&mut context));
            // Whoever asked may have left.
            drop(answer.send(found));
        };
        self.shared.push(Box::new(job))?;
        let found = answered.await.unwrap_or(Err(SearchError::Interrupted));
        drop(caller);
        found
    }
}

/// Says, when it is dropped, that nobody waits any more.
struct Abandon(Arc<AtomicBool>);

impl Drop for Abandon {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Drop for SearchPool {
    fn drop(&mut self) {
        self.shared.queue.lock().closed = true;
        self.shared.wake.notify_all();
        for thread in self.threads.drain(..) {
            // A thread that panicked has said so.
            drop(thread.join());
        }
    }
}

impl Shared {
    fn push(&self, job: Job) -> Result<(), SearchError> {
        let mut queue = self.queue.lock();
        if queue.closed {
            return Err(SearchError::Interrupted);
        }
        if queue.jobs.len() >= self.capacity {
            return Err(SearchError::Overloaded);
        }
        queue.jobs.push_back(job);
        queue.measure();
        drop(queue);
        self.wake.notify_one();
        Ok(())
    }

    /// Searches until the pool is dropped.
    fn work(&self) {
        let mut scratch = Scratch::default();
        while let Some(job) = self.next() {
            let run = AssertUnwindSafe(|| job(&self.filters, &mut scratch));
            if catch_unwind(run).is_err() {
                scratch = Scratch::default();
                tracing::error!("a search panicked");
            }
        }
    }

    fn next(&self) -> Option<Job> {
        let mut queue = self.queue.lock();
        loop {
            if queue.closed {
                queue.jobs.clear();
                return None;
            }
            if let Some(job) = queue.jobs.pop_front() {
                queue.measure();
                return Some(job);
            }
            self.wake.wait(&mut queue);
        }
    }
}

impl Queue {
    fn measure(&self) {
        let waiting = u32::try_from(self.jobs.len()).unwrap_or(u32::MAX);
        metrics::gauge!(SEARCH_QUEUE).set(waiting);
    }
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue")
            .field("jobs", &self.jobs.len())
            .field("closed", &self.closed)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use isobath_storage::SystemClock;

    const SECOND: Duration = Duration::from_secs(1);

    fn pool() -> SearchPool {
        SearchPool::start(&SearchConfig::default(), Arc::new(SystemClock)).unwrap()
    }

    #[test]
    fn should_search_on_the_spot() {
        let (pool, here) = (pool(), thread::current().id());
        let found = pool.try_here("a", SECOND, |_| Ok(thread::current().id()));
        assert!(matches!(found, Some(Ok(id)) if id == here));
        let failed: Option<Result<(), _>> =
            pool.try_here("a", SECOND, |_| Err(SearchError::AnswerSize));
        assert!(matches!(failed, Some(Err(SearchError::AnswerSize))));
    }

    #[test]
    fn should_give_a_long_search_up_on_the_spot() {
        let pool = pool();
        let long = |context: &mut SearchContext<'_>| -> Result<(), SearchError> {
            loop {
                context.check()?;
            }
        };
        assert!(pool.try_here("a", SECOND, long).is_none());
        assert!(pool.try_here("a", SECOND, long).is_none());
        // No longer tried.
        assert!(pool.try_here("a", SECOND, |_| Ok(())).is_none());
        let other = pool.try_here("b", SECOND, |_| Ok(()));
        assert!(matches!(other, Some(Ok(()))));
        let late = pool.try_here("b", Duration::ZERO, |_| Ok(()));
        assert!(matches!(late, Some(Err(SearchError::DeadlineExceeded))));
    }

    #[test]
    fn should_survive_a_search_that_panics_on_the_spot() {
        let pool = pool();
        let broken = pool.try_here("a", SECOND, |_| -> Result<(), _> { panic!("a bug") });
        assert!(matches!(broken, Some(Err(SearchError::Interrupted))));
        let next = pool.try_here("a", SECOND, |_| Ok(()));
        assert!(matches!(next, Some(Ok(()))));
    }
}
