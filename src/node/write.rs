//! From a [`WriteCommand`] to a request in the log.

use super::{
    Node, Refusal,
    bucket::Bucket,
    pending::{Selected, patch_bytes},
    sink::Terms,
};
use crate::server::{
    ByFilter, Concern, Engine as _, EngineError, EngineErrorKind, PatchByFilter, WriteCommand,
    WriteOptions, Written,
};
use isobath_config::{FoldConfig, ServerConfig};
use isobath_query::{
    search::{self, Filter},
    view::View,
};
use isobath_storage::{
    log::{AppendError, Committed},
    model::{Control, Counts, Mutation, Namespace, Region, Request},
    store::Space,
    trace::{ActiveSpan, SpanKind},
};
use std::{sync::Arc, time::Duration};

use EngineErrorKind as Kind;

/// How much one write may change.
#[derive(Debug, Clone)]
pub(super) struct WriteLimits {
    delete_by_filter_rows: usize,
    patch_by_filter_rows: usize,
    /// Bytes of the largest request.
    pub(super) max_body: usize,
    /// Bytes of the largest namespace whose rows a copy writes again, where its parts can be named instead.
    pub(super) max_copied: usize,
    /// What room a bucket on this machine has.
    space: Option<Space>,
}

impl WriteLimits {
    pub(super) fn of(config: &ServerConfig, fold: &FoldConfig, bucket: &Bucket) -> Self {
        let bytes = |size: u64| usize::try_from(size).unwrap_or(usize::MAX);
        Self {
            delete_by_filter_rows: config.delete_by_filter_rows,
            patch_by_filter_rows: config.patch_by_filter_rows,
            max_body: bytes(config.max_body.as_u64()),
            max_copied: bytes(fold.min_part_bytes.min(config.max_body).as_u64()),
            space: bucket.store.space.clone(),
        }
    }
}

/// Said where a bucket on this machine has no more room.
pub(super) const FULL: &str =
    "the file system of the bucket has less free space than `store.reserve`";

impl Node {
    /// Whether the bucket is out of room, as far as this machine can tell.
    pub(super) fn is_full(&self) -> bool {
        self.limits
            .space
            .as_ref()
            .is_some_and(|space| space.lacks(0))
    }

    /// Refuses a write for which there is no room, before anything of it is applied. What only deletes may use
    /// the reserve: it makes room.
    fn has_room(&self, command: &WriteCommand) -> Result<(), EngineError> {
        let deletes = |mutation: &Mutation| {
            matches!(
                mutation,
                Mutation::Delete(_) | Mutation::Control(Control::Delete)
            )
        };
        let grows = command.copy_from.is_some()
            || command.patch_by_filter.is_some()
            || !command.mutations.iter().all(deletes);
        if !grows || !self.is_full() {
            return Ok(());
        }
        Err(EngineError::new(Kind::DiskFull, FULL))
    }

    /// Commits a write that has reached its token.
    pub(super) async fn commit(
        &self,
        namespace: &Namespace,
        mut command: WriteCommand,
        options: WriteOptions,
    ) -> Result<Written, EngineError> {
        self.has_room(&command)?;
        let depends = command.depends_on_rows();
        self.check_home(namespace, depends)?;
        self.check_concern(options.concern)?;
        let intent = self.intent(namespace, &command);
        let copied = command.copy_from.take();
        let mut follows = None;
        if let Some(from) = &copied {
            (command, follows) = self.copy(namespace, from).await?;
        }
        let selected = self.select(namespace, &mut command, &options).await?;
        let request = Request {
            first_index: 0,
            key: options.key,
            body: options.body,
            api_key: options.api_key.clone(),
            counts: Counts::default(),
            declarations: command.declarations,
            mutations: command.mutations,
        };
        let terms = Terms {
            existence: command.existence,
            retry: options.retry,
            selected,
            conditions: command.conditions,
            guard: command.guard,
            return_ids: command.return_ids,
            policy: command.policy,
            fills: copied.as_ref().map(|from| from.kind),
            follows,
        };
        let trace = options.read.trace;
        let mut span = self.tracer.step(trace, SpanKind::Internal, "commit");
        let committed = self.log.append(namespace.clone(), request, terms).await;
        self.trace_commit(&mut span, &committed);
        drop(span);
        self.audit(namespace, intent, &options, &committed).await;
        let committed = committed.map_err(|error| append_error(error, !depends))?;
        if copied.is_some() {
            self.open_adopted(namespace).await;
        }
        let concern = trace.filter(|_| options.concern.is_some());
        let span = self
            .tracer
            .step(concern, SpanKind::Internal, "wait for copies");
        let replicated_to = self.replicated(&committed, options.concern).await;
        drop(span);
        Ok(Written {
            replicated_to,
            counts: committed.counts,
            token: self.token_after(&options.read, &committed),
            committed_at_ms: committed.stamp.hlc.millis(),
            affected: committed.affected,
        })
    }

    /// Links the span of a commit to the segment that holds it.
    fn trace_commit(&self, span: &mut ActiveSpan, committed: &Result<Committed, AppendError>) {
        let Ok(committed) = committed else {
            span.fail();
            return;
        };
        let stamp = committed.stamp;
        span.set("isobath.seq", stamp.seq.0);
        span.set("isobath.rows", committed.counts.affected());
        let segment = self.tracer.segment(self.cluster, stamp.log, stamp.seq);
        if let Some(segment) = segment {
            span.link(segment);
        }
    }

    /// Refuses a write that another region has to decide on.
    fn check_home(&self, namespace: &Namespace, depends: bool) -> Result<(), EngineError> {
        let home = depends.then(|| self.home(namespace)).flatten();
        home.map_or(Ok(()), |home| {
            let said = format!(
                "conditional and by-filter writes to namespace '{namespace}' are taken in region {} only",
                home.region
            );
            Err(EngineError::new(Kind::NotHome, said))
        })
    }

    /// Refuses a write that is wanted in more regions than there are.
    fn check_concern(&self, concern: Option<Concern>) -> Result<(), EngineError> {
        let wanted = concern.map_or(1, |concern| concern.regions);
        let regions = self.regions.as_ref().map_or(1, |regions| regions.count());
        if wanted <= regions {
            return Ok(());
        }
        let said = format!("write_concern.regions: {wanted} are more than the cluster's {regions}");
        Err(EngineError::new(Kind::Invalid, said))
    }

    /// Waits until enough regions' buckets hold a write, where it asked for several; those that do.
    async fn replicated(
        &self,
        committed: &Committed,
        concern: Option<Concern>,
    ) -> Option<Vec<Region>> {
        let Concern { regions, wait } = concern?;
        let Some(others) = &self.regions else {
            return Some(vec![self.log_id.region]);
        };
        Some(others.replicated(committed.stamp.seq, regions, wait).await)
    }

    /// Opens what a namespace adopted just now, so that the next request need not.
    async fn open_adopted(&self, namespace: &Namespace) {
        if let Err(error) = self.live(namespace).await {
            // it is committed; whoever asks for it next tries again
            tracing::warn!(%namespace, error = &error as &dyn std::error::Error, "adopted parts cannot be opened");
        }
    }

    /// Finds the rows that the filters of a write are about, and puts what is done to them in front of the
    /// command's other mutations of rows.
    async fn select(
        &self,
        namespace: &Namespace,
        command: &mut WriteCommand,
        options: &WriteOptions,
    ) -> Result<Vec<Selected>, EngineError> {
        let (delete, patch) = (
            command.delete_by_filter.take(),
            command.patch_by_filter.take(),
        );
        if delete.is_none() && patch.is_none() {
            return Ok(vec![]);
        }
        // what was acked before must be seen; what comes later is looked at again by the owner
        self.strong().await?;
        let Some(live) = self.views.get(namespace) else {
            return Ok(vec![]);
        };
        let (view, timeout) = (live.view(), options.read.timeout);
        let is_control = |mutation: &Mutation| matches!(mutation, Mutation::Control(_));
        let mut at = command
            .mutations
            .iter()
            .take_while(|m| is_control(m))
            .count();
        let mut selected = vec![];
        if let Some(asked) = &delete {
            let limit = ("delete_by_filter", self.limits.delete_by_filter_rows);
            let found = self.select_one(&view, asked, asked.filter.clone(), limit, timeout);
            let found = found.await?;
            command.mutations.insert(at, found.delete());
            selected.push(found);
            at += 1;
        }
        if let Some(PatchByFilter { rows, columns }) = &patch {
            let most = self.patch_rows(columns)?;
            let mut filter = rows.filter.clone();
            if let Some(gone) = &delete {
                let stay = Filter::Not(Box::new(gone.filter.clone()));
                filter = Filter::And(vec![stay, filter]);
            }
            let limit = ("patch_by_filter", most);
            let found = self.select_one(&view, rows, filter, limit, timeout).await?;
            let patched = found.patch(columns).map_err(|error| {
                EngineError::new(Kind::Internal, "the patch could not be made").caused_by(error)
            })?;
            command.mutations.insert(at, patched);
            selected.push(found);
        }
        Ok(selected)
    }

    async fn select_one(
        &self,
        view: &Arc<View>,
        asked: &ByFilter,
        filter: Filter,
        (field, most): (&str, usize),
        timeout: Duration,
    ) -> Result<Selected, EngineError> {
        let searched = Arc::clone(view);
        let selection = self
            .search(timeout, move |context| {
                search::select(&searched, &filter, most, context)
            })
            .await?;
        Selected::new(asked, selection, (field, most))
    }

    /// How many rows a patch by filter may set to `values`: the request that it becomes is as large as
    /// others may be.
    fn patch_rows(&self, values: &[isobath_storage::model::Column]) -> Result<usize, EngineError> {
        let most = self
            .limits
            .patch_by_filter_rows
            .min(self.limits.max_body / patch_bytes(values));
        if most == 0 {
            let text = "patch_by_filter: the values of `patch` are larger than a request may be";
            return Err(EngineError::new(Kind::TooLarge, text));
        }
        Ok(most)
    }
}

/// What a caller is told of a write that was not acked; `repeatable` where a client's own repeat of it is
/// recognised.
fn append_error(error: AppendError, repeatable: bool) -> EngineError {
    let busy = Duration::from_secs(1);
    match error {
        AppendError::NotOwner { address } => {
            EngineError::new(Kind::NotOwner { address }, "another node owns the log")
        }
        AppendError::Busy => {
            EngineError::new(Kind::Overloaded, "too many writes are waiting").retry_after(busy)
        }
        AppendError::Unknown => EngineError::new(
            Kind::UnknownOutcome { repeatable },
            "the outcome of the write is unknown; repeat it under the same Idempotency-Key",
        ),
        AppendError::Refused(source) => match source.downcast::<Refusal>() {
            Ok(refusal) => refused(&refusal).caused_by(*refusal),
            Err(source) => {
                EngineError::new(Kind::Internal, "the write was refused").caused_by(source)
            }
        },
        error @ AppendError::Unavailable(_) => {
            EngineError::new(Kind::Unavailable, error.to_string()).retry_after(busy)
        }
        error @ AppendError::Stopped(_) => {
            EngineError::new(Kind::Unavailable, "the log stopped").caused_by(error)
        }
    }
}

fn refused(refusal: &Refusal) -> EngineError {
    let kind = match refusal {
        Refusal::NotFound(_) => Kind::NotFound,
        Refusal::ReadOnly(_) => Kind::Forbidden,
        Refusal::Adopting(_) | Refusal::Overtaken => {
            let error = EngineError::new(Kind::Unavailable, refusal.to_string());
            return error.retry_after(Duration::from_secs(1));
        }
        Refusal::Changed | Refusal::Exists(_) | Refusal::NamespaceExists(_) => Kind::Conflict,
        Refusal::Unknown => Kind::UnknownOutcome { repeatable: false },
        Refusal::Fold(_) => Kind::Internal,
        _ => Kind::Invalid,
    };
    EngineError::new(kind, refusal.to_string())
}
