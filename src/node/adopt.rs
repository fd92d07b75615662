//! What makes one namespace a branch or a copy of another by reference: the parts of the source are named in the
//! target's log, no row is written again.

use super::{
    Node,
    bucket::Bucket,
    compacts,
    copy::{controls, declarations},
    opener::OpenError,
};
use crate::server::{CopyFrom, EngineError, EngineErrorKind as Kind, WriteCommand};
use isobath_compactor::{CompactError, Compactor, Prior, Stage, Staged};
use isobath_config::Config;
use isobath_query::view::{FoldInput, Live};
use isobath_storage::{
    error::ErrorKind,
    model::{Block, Control, Mutation, Namespace, PartEntry, SegmentHeader, VersionVector},
};
use object_store::ObjectStore;
use std::{sync::Arc, time::Duration};
use tokio::{runtime::Handle, sync::Mutex};

/// When to try again what the store did not answer.
const AGAIN: Duration = Duration::from_secs(1);

/// What taking over rows by reference needs.
#[derive(Debug)]
pub(super) struct Adopting {
    /// The bucket.
    pub(super) data: Arc<dyn ObjectStore>,
    /// Writes what is new, where the node has the role.
    pub(super) compactor: Option<Compactor>,
    /// For how long the bucket keeps what was replaced.
    pub(super) retention: Duration,
    /// Whose turn it is.
    turn: Mutex<()>,
}

impl Adopting {
    pub(super) fn new(config: &Config, bucket: &Bucket, compactor: Compactor) -> Self {
        Self {
            data: Arc::clone(&bucket.store.data),
            compactor: compacts(config).then_some(compactor),
            retention: config.gc.retention,
            turn: Mutex::default(),
        }
    }
}

/// A namespace whose rows are to be adopted, at one version vector.
#[derive(Debug)]
pub(super) struct Source {
    /// What names the parts of `prior`.
    pub(super) entries: Vec<PartEntry>,
    pub(super) prior: Prior,
    /// What was written since, in log order.
    pub(super) blocks: Vec<(SegmentHeader, Block)>,
    pub(super) seen: VersionVector,
}

impl Source {
    /// A namespace as it is now.
    pub(super) fn now(live: &Live) -> Self {
        let FoldInput {
            installed,
            blocks,
            seen,
            ..
        } = live.fold_input();
        let blocks = blocks.iter();
        let blocks = blocks.filter_map(|b| Some((b.segment().header.clone(), b.block()?.clone())));
        Self {
            entries: installed.parts.iter().map(|p| p.entry.clone()).collect(),
            prior: Prior {
                schema: installed.schema,
                parts: installed.parts.into_iter().map(|part| part.rows).collect(),
            },
            blocks: blocks.collect(),
            seen,
        }
    }
}

impl Node {
    /// The write that makes `target` stand on the parts of a source.
    pub(super) async fn adopt(
        &self,
        target: &Namespace,
        from: &CopyFrom,
        source: Source,
    ) -> Result<WriteCommand, EngineError> {
        let field = from.kind.field();
        let Some(compactor) = self.adopting.compactor.clone() else {
            let text = format!(
                "{field}: the rows of '{}' are too many for one request, and the node that owns the log does not \
                 have the role `compact`, which writes what a namespace takes over by reference",
                from.source
            );
            return Err(EngineError::new(Kind::Invalid, text));
        };
        // one at a time: what is written is held in memory until it is
        let _turn = self.adopting.turn.lock().await;
        let (target_name, source_name) = (target.clone(), from.source.clone());
        let (now_ms, runtime) = (self.clock.now_ms(), Handle::current());
        let staged = tokio::task::spawn_blocking(move || {
            let job = Stage {
                namespace: &target_name,
                source: &source_name,
                entries: source.entries,
                prior: source.prior,
                blocks: source.blocks.iter().map(|(h, b)| (h, b)).collect(),
                seen: source.seen,
                now_ms,
            };
            runtime.block_on(compactor.stage(&job))
        });
        let staged = staged.await.map_err(|error| {
            let said = format!("{field}: the rows could not be gathered");
            EngineError::new(Kind::Internal, said).caused_by(error)
        })?;
        let staged = staged.map_err(|error| stage_error(field, error))?;
        self.keep(&staged).await;
        Ok(self.adopting_command(target, staged))
    }

    /// Keeps the parts that were written just now, which will be opened soon.
    async fn keep(&self, staged: &Staged) {
        for (hash, file) in &staged.written {
            if let Err(error) = self.opener.keep(file.path(), *hash).await {
                // it is in the bucket
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, part = %hash, "part could not be kept in the cache");
            }
        }
    }

    fn adopting_command(&self, target: &Namespace, staged: Staged) -> WriteCommand {
        let schema = staged.schema.schema();
        // what is left of the target's past vanishes, but for its policy
        let mut mutations = vec![Mutation::Control(Control::Delete)];
        let policy = self.views.get(target).map(|live| live.view());
        let policy = policy.map(|view| serde_json::Value::clone(&view.policy));
        if let Some(policy) = policy.filter(|policy| !policy.is_null()) {
            mutations.push(Mutation::Control(Control::Policy { policy }));
        }
        mutations.extend(controls(&schema));
        mutations.push(Mutation::Control(Control::Adopt {
            adopt: staged.adoption,
        }));
        WriteCommand {
            declarations: declarations(&schema),
            mutations,
            ..WriteCommand::default()
        }
    }
}

fn stage_error(field: &str, error: CompactError) -> EngineError {
    let error = OpenError::from(error);
    if error.kind() == ErrorKind::Unavailable {
        let said = format!("{field}: the bucket cannot be written now");
        let unavailable = EngineError::new(Kind::Unavailable, said).caused_by(error);
        return unavailable.retry_after(AGAIN);
    }
    let said = format!("{field}: the rows could not be gathered");
    EngineError::new(Kind::Internal, said).caused_by(error)
}
