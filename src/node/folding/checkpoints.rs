//! [`Rounds`]: how the folding thread follows the bucket's checkpoints, and makes its own.

use super::{Folding, Waiting};
use crate::node::opener::OpenError;
use isobath_compactor::{CheckpointJob, CompactError};
use isobath_query::view::Unfolded;
use isobath_storage::{
    catalog::OpenCheckpoint,
    model::{Namespace, VersionVector},
};
use std::{collections::BTreeMap, error::Error, sync::Arc, time::Duration};

/// How often in the time between two checkpoints a node looks whether another one made one.
const LOOKS: u32 = 4;

/// Of so many looks one asks for the newest checkpoint, the others for the next: it may have been removed already.
const LISTED: u64 = 20;

/// What the thread remembers of checkpoints from round to round.
#[derive(Debug)]
pub(super) struct Rounds {
    /// When the newest checkpoint was made or met.
    checkpoint_at: Duration,
    looked_at: Duration,
    looks: u64,
    /// A checkpoint that holds more of the log than was applied here.
    ahead: Option<OpenCheckpoint>,
}

impl Rounds {
    /// Begins at `now`.
    pub(super) fn new(now: Duration) -> Self {
        Self {
            checkpoint_at: now,
            looked_at: now,
            looks: 0,
            ahead: None,
        }
    }

    /// Whether there is a checkpoint that this node has not gone over to yet.
    pub(super) fn is_behind(&self) -> bool {
        self.ahead.is_some()
    }
}

impl Folding {
    /// Looks now and then whether there is a checkpoint of another node, and goes over to it. A node that makes
    /// checkpoints looks only before it makes one.
    pub(super) async fn follow(
        &self,
        rounds: &mut Rounds,
        due: bool,
        waiting: &mut BTreeMap<Namespace, Waiting>,
    ) {
        let now = self.clock.monotonic();
        let pause = self.config.checkpoint_interval / LOOKS;
        let late = now.saturating_sub(rounds.looked_at) >= pause;
        if rounds.ahead.is_none() && if self.compacts { due } else { late } {
            rounds.looked_at = now;
            rounds.looks += 1;
            match self.newer(rounds.looks.is_multiple_of(LISTED)).await {
                Ok(found) => rounds.ahead = found,
                Err(error) => complain_of_checkpoint(&error),
            }
        }
        let Some(checkpoint) = rounds.ahead.take() else {
            return;
        };
        if !self.applied().covers(&checkpoint.seen()) {
            rounds.ahead = Some(checkpoint);
            return;
        }
        match self.adopt(checkpoint, waiting).await {
            Ok(()) => rounds.checkpoint_at = now,
            Err(error) => complain_of_checkpoint(&error),
        }
    }

    /// The newest checkpoint, if it is newer than the one that is known; without `list` only the next is asked for.
    async fn newer(&self, list: bool) -> Result<Option<OpenCheckpoint>, OpenError> {
        let catalog = &self.opener.catalog;
        let known = self.views.checkpoint().map(|c| c.checkpoint.number);
        let known = known.unwrap_or_default();
        if !list && catalog.checkpoint(known + 1).await?.is_none() {
            return Ok(None);
        }
        let newest = catalog.newest_checkpoint().await?;
        match newest.filter(|newest| newest.number > known) {
            Some(newest) => Ok(Some(catalog.open(newest).await?)),
            None => Ok(None),
        }
    }

    /// Goes over to a checkpoint that holds no more of the log than was applied here.
    async fn adopt(
        &self,
        checkpoint: OpenCheckpoint,
        waiting: &mut BTreeMap<Namespace, Waiting>,
    ) -> Result<(), OpenError> {
        for (namespace, live) in self.views.all() {
            let known = self.opener.manifest(&namespace).map_or(0, |m| m.number);
            let next = waiting.get(&namespace).map_or(0, |w| w.manifest.number);
            let entry = checkpoint.namespaces.get(&namespace);
            let Some(entry) = entry.filter(|entry| entry.manifest > known.max(next)) else {
                continue;
            };
            let number = entry.manifest;
            let manifest = self.opener.catalog.manifest(&namespace, number).await?;
            let prior = live.installed().parts;
            let installed = self.opener.installed(&manifest, &prior).await?;
            let next = self.waiting((installed, manifest));
            self.go_over(&live, next, waiting)?;
        }
        tracing::debug!(number = checkpoint.checkpoint.number, "checkpoint adopted");
        self.views.adopt(Arc::new(checkpoint));
        Ok(())
    }

    /// What was written since the newest checkpoint and is in no manifest.
    fn since_checkpoint(&self) -> BTreeMap<Namespace, Vec<Unfolded>> {
        let checkpoint = self.views.checkpoint();
        let seen = checkpoint.map_or_else(VersionVector::default, |c| c.seen());
        self.unfolded(&seen, &self.applied())
    }

    /// What was written after `seen` and up to `upto` and is in no manifest, in log order.
    fn unfolded(
        &self,
        seen: &VersionVector,
        upto: &VersionVector,
    ) -> BTreeMap<Namespace, Vec<Unfolded>> {
        let mut unfolded = self.views.unfolded(seen);
        for blocks in unfolded.values_mut() {
            blocks.retain(|block| block.is_covered(upto));
        }
        unfolded.retain(|_, blocks| !blocks.is_empty());
        unfolded
    }

    /// Whether anything was written since the newest checkpoint.
    pub(super) fn is_behind(&self) -> bool {
        !self.since_checkpoint().is_empty() || self.has_newer(self.views.checkpoint().as_deref())
    }

    /// Whether so much was written, or so long ago, that a checkpoint is worth it.
    pub(super) fn is_due(&self, rounds: &Rounds) -> bool {
        let checkpoint = self.views.checkpoint();
        let covered = checkpoint.as_ref().map(|c| c.seen()).unwrap_or_default();
        if covered.covers(&self.applied()) {
            return false;
        }
        let waiting = self.since_checkpoint();
        let blocks = waiting.values().flatten();
        let bytes: u64 = blocks.map(Unfolded::memory).sum();
        let age = self.clock.monotonic().saturating_sub(rounds.checkpoint_at);
        let old = age >= self.config.checkpoint_interval;
        bytes >= self.config.checkpoint_bytes.as_u64()
            || (old && (bytes > 0 || self.has_newer(checkpoint.as_deref())))
    }

    /// Whether a namespace of this node stands on a newer manifest than the checkpoint names.
    fn has_newer(&self, checkpoint: Option<&OpenCheckpoint>) -> bool {
        let known = checkpoint.map(|checkpoint| &checkpoint.namespaces);
        known != Some(&self.opener.namespaces(checkpoint))
    }

    /// Makes what was applied so far a checkpoint.
    pub(super) async fn checkpoint(&self, rounds: &mut Rounds) {
        match self.make_checkpoint().await {
            Ok(Some(checkpoint)) => {
                rounds.checkpoint_at = self.clock.monotonic();
                self.views.adopt(Arc::new(checkpoint));
            }
            Ok(None) => {}
            Err(OpenError::Compact(CompactError::Lost { .. })) => {
                // another compactor was faster: its checkpoint counts
                rounds.checkpoint_at = self.clock.monotonic();
                match self.newer(true).await {
                    Ok(found) => rounds.ahead = found,
                    Err(error) => complain_of_checkpoint(&error),
                }
            }
            Err(error) => complain_of_checkpoint(&error),
        }
    }

    async fn make_checkpoint(&self) -> Result<Option<OpenCheckpoint>, OpenError> {
        let logs = self.positions.now();
        let upto: VersionVector = logs.iter().map(|(log, at)| (*log, at.seq)).collect();
        let prior = self.views.checkpoint();
        let namespaces = self.opener.namespaces(prior.as_deref());
        let seen = prior.as_ref().map(|prior| prior.seen()).unwrap_or_default();
        let ahead = namespaces.values().any(|entry| !upto.covers(&entry.seen));
        if ahead || !upto.covers(&seen) {
            return Ok(None);
        }
        let unfolded = self.unfolded(&seen, &upto);
        let start = self.clock.monotonic();
        let folded = unfolded.values().flatten();
        let folded = self.spans.of(folded.map(|block| &block.segment().header));
        let blocks = unfolded.iter().map(|(name, blocks)| {
            let blocks = blocks.iter();
            let blocks = blocks.filter_map(|b| Some((&b.segment().header, b.block()?)));
            (name.clone(), blocks.collect())
        });
        let job = CheckpointJob {
            prior: prior.as_deref(),
            logs,
            namespaces,
            blocks: blocks.collect(),
            now_ms: self.clock.now_ms(),
        };
        let made = self.compactor.checkpoint(job).await?;
        let time = self.clock.monotonic().saturating_sub(start);
        self.spans.folded(&folded, "run", time);
        tracing::info!(number = made.checkpoint.number, ?upto, "checkpoint made");
        Ok(Some(made))
    }
}

fn complain_of_checkpoint(error: &OpenError) {
    let error = error as &dyn Error;
    tracing::error!(error, "no checkpoint could be made or read");
}
