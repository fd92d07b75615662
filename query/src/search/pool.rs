//! [`SearchPool`]: the threads that search.

use super::{Deadline, FilterCache, SearchContext, SearchError};
use crate::{index::Scratch, metrics::SEARCH_QUEUE};
use isobath_config::{ByteSize, SearchConfig};
use isobath_storage::Clock;
use parking_lot::{Condvar, Mutex};
use std::{
    collections::VecDeque,
    fmt, io,
    num::NonZero,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread::{self, JoinHandle},
    time::Duration,
};
use tokio::sync::oneshot;

/// The threads that search. Searching is CPU work: it never runs on the threads that serve requests.
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

    /// Runs `search` on one of the threads, unless too many others wait; it has `timeout` from now.
    pub async fn run<T, F>(&self, timeout: Duration, search: F) -> Result<T, SearchError>
    where
        T: Send + 'static,
        F: FnOnce(&mut SearchContext<'_>) -> Result<T, SearchError> + Send + 'static,
    {
        let deadline = Deadline::after(Arc::clone(&self.clock), timeout);
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
        answered.await.unwrap_or(Err(SearchError::Interrupted))
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
