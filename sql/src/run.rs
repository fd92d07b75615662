//! [`RowStream`]: the rows of a running statement.

use crate::{SqlEngine, SqlError, SqlErrorKind};
use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use datafusion::{
    execution::TaskContext,
    physical_plan::{ExecutionPlan, execute_stream},
};
use futures::StreamExt;
use isobath_storage::Clock;
use std::{fmt, sync::Arc, time::Duration};
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio_util::task::AbortOnDropHandle;

/// Batches that wait to be taken.
const AHEAD: usize = 2;

/// The rows of a running statement. Dropping it ends the statement.
pub struct RowStream {
    /// The columns.
    pub schema: SchemaRef,
    batches: mpsc::Receiver<Result<RecordBatch, SqlError>>,
    until: Option<Until>,
    _task: Option<AbortOnDropHandle<()>>,
}

impl fmt::Debug for RowStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RowStream")
            .field("schema", &self.schema)
            .finish_non_exhaustive()
    }
}

impl RowStream {
    /// Rows that are known already.
    pub(crate) fn of(batch: RecordBatch) -> Self {
        let schema = batch.schema();
        let (sender, batches) = mpsc::channel(1);
        // there is room for one
        drop(sender.try_send(Ok(batch)));
        Self {
            schema,
            batches,
            until: None,
            _task: None,
        }
    }

    /// Starts a plan on the threads for statements.
    pub(crate) fn start(
        engine: &SqlEngine,
        plan: Arc<dyn ExecutionPlan>,
        context: Arc<TaskContext>,
        (place, until): (OwnedSemaphorePermit, Until),
    ) -> Result<Self, SqlError> {
        let schema = plan.schema();
        let (sender, batches) = mpsc::channel(AHEAD);
        let deadline = until.clone();
        let work = async move {
            let _place = place;
            let run = send_all(plan, context, &sender);
            if let Err(error) = until.limit(run).await {
                // whoever asked may have left
                drop(sender.send(Err(error)).await);
            }
        };
        let task = engine.handle()?.spawn(work);
        Ok(Self {
            schema,
            batches,
            until: Some(deadline),
            _task: Some(AbortOnDropHandle::new(task)),
        })
    }

    /// The next rows; `None` after the last.
    pub async fn next(&mut self) -> Option<Result<RecordBatch, SqlError>> {
        let Some(until) = &self.until else {
            return self.batches.recv().await;
        };
        // also where the statement is within a long step, and does not look at the time
        let batch = until.limit(async { Ok(self.batches.recv().await) }).await;
        batch.unwrap_or_else(|error| Some(Err(error)))
    }
}

async fn send_all(
    plan: Arc<dyn ExecutionPlan>,
    context: Arc<TaskContext>,
    sender: &mpsc::Sender<Result<RecordBatch, SqlError>>,
) -> Result<(), SqlError> {
    let mut rows = execute_stream(plan, context)?;
    while let Some(batch) = rows.next().await {
        if sender.send(Ok(batch?)).await.is_err() {
            break;
        }
    }
    Ok(())
}

/// When a statement's time is over.
#[derive(Debug, Clone)]
pub(crate) struct Until {
    clock: Arc<dyn Clock>,
    /// On the clock's monotonic time.
    at: Duration,
    whole: Duration,
}

impl Until {
    /// In `time` from now.
    pub(crate) fn after(clock: Arc<dyn Clock>, time: Duration) -> Self {
        let at = clock.monotonic().saturating_add(time);
        Self {
            clock,
            at,
            whole: time,
        }
    }

    /// What is left.
    pub(crate) fn left(&self) -> Duration {
        self.at.saturating_sub(self.clock.monotonic())
    }

    /// The outcome of `work` if it comes in time.
    pub(crate) async fn limit<T>(
        &self,
        work: impl Future<Output = Result<T, SqlError>>,
    ) -> Result<T, SqlError> {
        tokio::select! {
            biased;
            () = self.clock.sleep(self.left()) => {
                let said = format!("canceling statement due to statement timeout ({:?})", self.whole);
                Err(SqlError::new(SqlErrorKind::Timeout, said))
            }
            done = work => done,
        }
    }
}
