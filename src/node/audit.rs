//! Audit records of what a node commits.

use super::Node;
use crate::server::{CopyKind, WriteCommand, WriteOptions};
use isobath_storage::{
    audit::{AuditLog, AuditOutcome, AuditParts, AuditRecord},
    log::{AppendError, Committed},
    model::{Control, Mutation, Namespace},
};
use tokio_util::task::TaskTracker;

/// Starts what stores records; it ends with the other tasks.
pub(super) fn start(parts: AuditParts, tasks: &TaskTracker) -> AuditLog {
    let (log, task) = AuditLog::start(parts);
    tasks.spawn(async move {
        if let Err(error) = task.await {
            tracing::error!(%error, "the task of audit records failed");
        }
    });
    log
}

/// What the record of a write says of it, taken down before it is carried out.
#[derive(Debug)]
pub(super) struct Intent {
    kind: String,
    subject: Option<String>,
    asked_at_ms: u64,
}

impl Node {
    /// What is to be recorded of a write; none where nothing is.
    pub(super) fn intent(&self, namespace: &Namespace, command: &WriteCommand) -> Option<Intent> {
        self.audit.as_ref()?;
        let of_keys = namespace.is_reserved();
        let mutations = command.mutations.iter().filter(|_| of_keys);
        let keys = mutations.flat_map(Mutation::ids);
        let subjects: Vec<String> = keys.map(|key| key.to_string()).collect();
        Some(Intent {
            kind: kinds(command, of_keys).join(","),
            subject: (!subjects.is_empty()).then(|| subjects.join(",")),
            asked_at_ms: self.clock.now_ms(),
        })
    }

    /// Records what became of a write, unless it surely had no effect.
    pub(super) async fn audit(
        &self,
        namespace: &Namespace,
        intent: Option<Intent>,
        options: &WriteOptions,
        outcome: &Result<Committed, AppendError>,
    ) {
        let (Some(log), Some(intent)) = (&self.audit, intent) else {
            return;
        };
        let (at_ms, rows, token, outcome) = match outcome {
            Ok(committed) => {
                let token = self.token_after(&options.read, committed);
                let at_ms = committed.stamp.hlc.millis();
                let rows = committed.counts.affected();
                (
                    at_ms,
                    rows,
                    Some(token.to_string()),
                    AuditOutcome::Committed,
                )
            }
            Err(AppendError::Unknown) => (intent.asked_at_ms, 0, None, AuditOutcome::Unknown),
            Err(_) => return,
        };
        let record = AuditRecord {
            at_ms,
            region: self.log_id.region,
            key: options.api_key.clone(),
            namespace: Some(namespace.clone()),
            kind: intent.kind,
            subject: intent.subject,
            rows,
            token,
            outcome,
        };
        log.record(record).await;
    }
}

/// What a write does, each kind once, in the order in which it is done.
fn kinds(command: &WriteCommand, of_keys: bool) -> Vec<&'static str> {
    let copied = command.copy_from.as_ref().map(|from| match from.kind {
        CopyKind::Copy => "copy",
        CopyKind::Branch => "branch",
    });
    let policy = command.policy.as_ref().map(|_| "policy");
    let deleted = command.delete_by_filter.as_ref();
    let patched = command.patch_by_filter.as_ref();
    let by_filter = [
        deleted.map(|_| "delete_by_filter"),
        patched.map(|_| "patch_by_filter"),
    ];
    let mutations = command.mutations.iter().map(|mutation| match mutation {
        Mutation::Upsert(_) if of_keys => "create_key",
        Mutation::Delete(_) if of_keys => "revoke_key",
        Mutation::Upsert(_) => "upsert",
        Mutation::Patch(..) | Mutation::SparsePatch(_) => "patch",
        Mutation::Delete(_) => "delete",
        Mutation::Control(control) => control_kind(control),
    });
    let mut kinds: Vec<&'static str> = vec![];
    let all = copied
        .into_iter()
        .chain(policy)
        .chain(by_filter.into_iter().flatten());
    for kind in all.chain(mutations) {
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
    }
    if kinds.is_empty() && !command.declarations.is_empty() {
        kinds.push("schema");
    }
    kinds
}

fn control_kind(control: &Control) -> &'static str {
    match control {
        Control::Create => "create_namespace",
        Control::Delete => "delete_namespace",
        Control::Switch { .. } => "schema",
        Control::DropAttribute { .. } => "drop_attribute",
        Control::Policy { .. } => "policy",
        Control::Adopt { .. } => "adopt",
        Control::Batch { .. } | Control::Publish { .. } => "copy",
    }
}
