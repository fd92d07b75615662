//! [`SqlEngine`]: what all sessions share: functions, rules, threads and limits.

use crate::{
    Scope, Session, Source, SqlError, SqlErrorKind,
    catalog::{DATABASE, PUBLIC},
    functions::{Measure, ToVector, VectorOperators},
    plan::{AnnRule, SearchOptions},
    system,
};
use datafusion::{
    execution::{
        FunctionRegistry, SessionState, SessionStateBuilder,
        disk_manager::{DiskManagerBuilder, DiskManagerMode},
        memory_pool::GreedyMemoryPool,
        runtime_env::{RuntimeEnv, RuntimeEnvBuilder},
    },
    logical_expr::ScalarUDF,
    physical_optimizer::optimizer::PhysicalOptimizer,
    prelude::SessionConfig,
};
use isobath_storage::model::IdempotencyKey;
use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{
    runtime::{Builder, Handle, Runtime},
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tokio_util::task::AbortOnDropHandle;

/// The rule of the query engine before which ours comes: the plan is final but for what it needs of its
/// inputs.
const AFTER_OURS: &str = "EnsureRequirements";

/// How much statements may take.
#[derive(Debug, Clone)]
pub struct SqlLimits {
    /// Bytes that one statement may hold for sorting, joining and grouping.
    pub memory: usize,
    /// Statements that run at a time.
    pub concurrent: usize,
    /// Statements that may wait to run.
    pub queue: usize,
    /// How long a statement may take.
    pub timeout: Duration,
    /// Threads that run statements; 0 = as many as there are cores.
    pub threads: usize,
}

/// What all sessions share.
#[derive(Debug)]
pub struct SqlEngine {
    pub(crate) source: Arc<dyn Source>,
    pub(crate) limits: SqlLimits,
    base: SessionState,
    /// Different in every process: keys of writes grow out of it.
    seed: u128,
    keys: AtomicU64,
    places: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
    threads: Threads,
}

/// The threads that run statements: apart from those that serve requests.
#[derive(Debug)]
struct Threads(Option<Runtime>);

impl Drop for Threads {
    fn drop(&mut self) {
        // may be dropped on a thread that must not wait
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl SqlEngine {
    /// Starts the threads. Keys of writes grow out of `seed`.
    pub fn start(
        source: Arc<dyn Source>,
        limits: SqlLimits,
        seed: u128,
    ) -> Result<Arc<Self>, SqlError> {
        let base = base_state()?;
        let runtime = runtime(limits.threads).map_err(|error| {
            let said = format!("the threads for SQL do not start: {error}");
            SqlError::new(SqlErrorKind::Internal, said)
        })?;
        let most = Semaphore::MAX_PERMITS;
        Ok(Arc::new(Self {
            source,
            places: Arc::new(Semaphore::new(limits.concurrent.min(most))),
            waiting: Arc::new(Semaphore::new(limits.queue.min(most))),
            limits,
            base,
            seed,
            keys: AtomicU64::new(0),
            threads: Threads(Some(runtime)),
        }))
    }

    /// A new session of a caller.
    pub fn session(self: &Arc<Self>, scope: Scope) -> Session {
        Session::new(Arc::clone(self), scope)
    }

    /// A key that no other write has.
    pub(crate) fn new_key(&self) -> IdempotencyKey {
        let n = self.keys.fetch_add(1, Ordering::Relaxed);
        IdempotencyKey::from_text(&format!("sql/{:032x}/{n}", self.seed))
    }

    /// The state that sessions start from.
    pub(crate) fn base(&self) -> SessionState {
        self.base.clone()
    }

    /// Where statements run.
    pub(crate) fn handle(&self) -> Result<&Handle, SqlError> {
        let runtime = self.threads.0.as_ref().map(Runtime::handle);
        runtime.ok_or_else(|| SqlError::new(SqlErrorKind::Unavailable, "the node is stopping"))
    }

    /// Runs `work` on the threads for statements; it ends when nobody waits for it any more.
    pub(crate) async fn on_threads<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, SqlError>> + Send + 'static,
    ) -> Result<T, SqlError> {
        let task = AbortOnDropHandle::new(self.handle()?.spawn(work));
        let said = "the statement could not be planned";
        task.await
            .unwrap_or_else(|_| Err(SqlError::new(SqlErrorKind::Internal, said)))
    }

    /// Waits for a place to run in.
    pub(crate) async fn place(&self) -> Result<OwnedSemaphorePermit, SqlError> {
        if let Ok(place) = Arc::clone(&self.places).try_acquire_owned() {
            return Ok(place);
        }
        let said = "too many statements are waiting: try again later";
        let busy = || SqlError::new(SqlErrorKind::Overloaded, said);
        let waiting = self.waiting.try_acquire().map_err(|_| busy())?;
        let place = Arc::clone(&self.places).acquire_owned().await;
        drop(waiting);
        place.map_err(|_| busy())
    }

    /// What one statement may use.
    pub(crate) fn environment(&self) -> Result<Arc<RuntimeEnv>, SqlError> {
        let disk = DiskManagerBuilder::default().with_mode(DiskManagerMode::Disabled);
        let environment = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(GreedyMemoryPool::new(self.limits.memory)))
            .with_disk_manager_builder(disk)
            .build_arc()?;
        Ok(environment)
    }
}

fn runtime(threads: usize) -> io::Result<Runtime> {
    let cores = || std::thread::available_parallelism().map_or(1, usize::from);
    let threads = if threads == 0 { cores() } else { threads };
    Builder::new_multi_thread()
        .worker_threads(threads)
        .thread_name("sql")
        .enable_all()
        .build()
}

fn base_state() -> Result<SessionState, SqlError> {
    let mut config = SessionConfig::new()
        .with_target_partitions(1)
        .with_information_schema(true)
        .with_default_catalog_and_schema(DATABASE, PUBLIC)
        .with_create_default_catalog_and_schema(false)
        .with_option_extension(SearchOptions::default());
    config
        .options_mut()
        .set("datafusion.sql_parser.dialect", "postgres")?;
    config.options_mut().set(
        "datafusion.sql_parser.map_string_types_to_utf8view",
        "false",
    )?;
    let mut rules = PhysicalOptimizer::new().rules;
    let at = rules.iter().position(|rule| rule.name() == AFTER_OURS);
    let at = at.ok_or_else(|| {
        let said = format!("the query engine has no rule {AFTER_OURS}");
        SqlError::new(SqlErrorKind::Internal, said)
    })?;
    rules.insert(at, Arc::new(AnnRule));
    let mut state = SessionStateBuilder::new()
        .with_config(config)
        .with_default_features()
        .with_physical_optimizer_rules(rules)
        .build();
    for function in Measure::functions() {
        state.register_udf(function)?;
    }
    state.register_udf(Arc::new(ScalarUDF::from(ToVector::default())))?;
    for function in system::functions() {
        state.register_udf(function)?;
    }
    if let Some(operators) = VectorOperators::new() {
        state.register_expr_planner(Arc::new(operators))?;
    }
    Ok(state)
}
