//! [`LogHandle`]: how the rest of a node talks to a log.

use super::batch::{Pending, Ticket, weight};
use super::glance::Glance;
use super::{AppendError, BarrierError, Committed, Role, Start, StopReason};
use crate::Clock;
use crate::model::{Hlc, LogId, Namespace, Request, Seq, VersionVector};
use futures::future::{Either, select};
use parking_lot::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::{fmt, sync::Arc, time::Duration};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{Notify, Semaphore, mpsc, oneshot, watch};

/// Told up to where a strong read sees.
pub(super) type BarrierReply = oneshot::Sender<Result<Seq, BarrierError>>;

/// What a log's task is asked.
#[derive(Debug)]
pub(super) enum Command<T> {
    Append(Box<Pending<T>>),
    Barrier(BarrierReply),
}

/// Talks to the task of one log; clones talk to the same. `T` is what resolutions depend on besides
/// the request, see [`Sink::Terms`](super::Sink::Terms).
pub struct LogHandle<T> {
    pub(super) commands: mpsc::Sender<Command<T>>,
    pub(super) glance: Option<Glance>,
    /// A permit per KiB of requests in memory.
    pub(super) memory: Arc<Semaphore>,
    pub(super) memory_kib: u32,
    pub(super) role: watch::Receiver<Role>,
    pub(super) applied: watch::Receiver<Seq>,
    pub(super) position: watch::Receiver<Start>,
    pub(super) hints: Arc<Notify>,
    pub(super) observed: Arc<AtomicU64>,
    pub(super) others: Arc<Mutex<VersionVector>>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) hold: Duration,
}

impl<T> Clone for LogHandle<T> {
    fn clone(&self) -> Self {
        Self {
            commands: self.commands.clone(),
            glance: self.glance.clone(),
            memory: Arc::clone(&self.memory),
            memory_kib: self.memory_kib,
            role: self.role.clone(),
            applied: self.applied.clone(),
            position: self.position.clone(),
            hints: Arc::clone(&self.hints),
            observed: Arc::clone(&self.observed),
            others: Arc::clone(&self.others),
            clock: Arc::clone(&self.clock),
            hold: self.hold,
        }
    }
}

impl<T> fmt::Debug for LogHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogHandle")
            .field("role", &*self.role.borrow())
            .finish_non_exhaustive()
    }
}

impl<T> LogHandle<T> {
    /// Commits `request`: answers when it is durable, and applied to the sink. Waits at most as long
    /// as the log may hold a write. Dropping the future does not take the request back.
    pub async fn append(
        &self,
        namespace: Namespace,
        request: Request,
        terms: T,
    ) -> Result<Committed, AppendError> {
        let bytes = weight(&request);
        let kib = u32::try_from(bytes / 1024 + 1)
            .unwrap_or(u32::MAX)
            .min(self.memory_kib);
        let memory = Arc::clone(&self.memory).try_acquire_many_owned(kib);
        let permit = memory.map_err(|_| AppendError::Busy)?;
        let ticket = Arc::new(Ticket::default());
        let (reply, answer) = oneshot::channel();
        let pending = Pending {
            namespace,
            request,
            terms,
            bytes,
            arrived: self.clock.monotonic(),
            ticket: Arc::clone(&ticket),
            reply,
            permit,
        };
        self.commands
            .try_send(Command::Append(Box::new(pending)))
            .map_err(|error| match error {
                TrySendError::Full(_) => AppendError::Busy,
                TrySendError::Closed(_) => AppendError::Stopped(self.stop_reason()),
            })?;
        match select(answer, self.clock.sleep(self.hold)).await {
            Either::Left((Ok(answer), _)) => answer,
            Either::Left((Err(_), _)) if ticket.give_up() => {
                Err(AppendError::Stopped(self.stop_reason()))
            }
            Either::Right(_) if ticket.give_up() => Err(AppendError::Unavailable(self.hold)),
            Either::Left(_) | Either::Right(_) => Err(AppendError::Unknown),
        }
    }

    /// Waits until every write that was acked before the call is applied; the last segment applied
    /// then. Waits as long as the store does not answer: put a deadline around it.
    pub async fn barrier(&self) -> Result<Seq, BarrierError> {
        let owned = match *self.role.borrow() {
            Role::Owner { epoch } => Some(epoch),
            _ => None,
        };
        if let (Some(epoch), Some(glance)) = (owned, &self.glance)
            && glance.is_newest(epoch)
        {
            return Ok(self.applied());
        }
        let (reply, answer) = oneshot::channel();
        self.commands
            .try_send(Command::Barrier(reply))
            .map_err(|error| match error {
                TrySendError::Full(_) => BarrierError::Busy,
                TrySendError::Closed(_) => BarrierError::Stopped(self.stop_reason()),
            })?;
        answer
            .await
            .unwrap_or_else(|_| Err(BarrierError::Stopped(self.stop_reason())))
    }

    /// The last segment that was applied to the sink.
    pub fn applied(&self) -> Seq {
        *self.applied.borrow()
    }

    /// Follows [`LogHandle::applied`].
    pub fn watch_applied(&self) -> watch::Receiver<Seq> {
        self.applied.clone()
    }

    /// Follows up to where the sink holds the log, with what a restart from there has to know.
    pub fn watch_position(&self) -> watch::Receiver<Start> {
        self.position.clone()
    }

    /// What this process is to the log at the moment.
    pub fn role(&self) -> Role {
        self.role.borrow().clone()
    }

    /// Follows [`LogHandle::role`].
    pub fn watch_role(&self) -> watch::Receiver<Role> {
        self.role.clone()
    }

    /// Says that the log has probably grown: it is looked at now.
    pub fn hint(&self) {
        self.hints.notify_one();
    }

    /// Takes note of a time that was read elsewhere and is durable, say in another region's log: what
    /// is written from now on is newer.
    pub fn observe(&self, hlc: Hlc) {
        self.observed.fetch_max(hlc.0, Ordering::AcqRel);
    }

    /// A segment of another log was applied to what this log's sink holds: what is written from now on says that its
    /// writer had seen it. Its time must have been [observed](Self::observe) before.
    pub fn merged(&self, log: LogId, seq: Seq) {
        self.others.lock().advance(log, seq);
    }

    fn stop_reason(&self) -> StopReason {
        match &*self.role.borrow() {
            Role::Stopped(reason) => reason.clone(),
            _ => StopReason::Shutdown,
        }
    }
}
