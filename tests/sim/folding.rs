//! How a region's process folds and makes checkpoints.

use super::{
    bugs::Bug,
    life::Life,
    opening::{installed, newest_checkpoint, part},
};
use isobath_compactor::{CheckpointJob, CompactError, Compacted, Job, Prior};
use isobath_query::view::{FoldInput, Live, PartSet, Unfolded};
use isobath_storage::{
    fold::stable,
    format::{Manifest, Position},
    log::Start,
    model::{Hlc, LogId, Namespace, Seq, VersionVector},
};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use std::{collections::BTreeMap, sync::Arc, time::Duration};

impl Life {
    /// Folds now and then, and makes checkpoints.
    pub(crate) async fn keep_folding(self: Arc<Self>) {
        let seed = self
            .birth
            .seed
            .wrapping_mul(31)
            .wrapping_add(self.birth.number);
        let mut rng = StdRng::seed_from_u64(seed);
        loop {
            let pause = Duration::from_millis(rng.random_range(2_000..9_000));
            self.birth.clock.sleep(pause).await;
            for (name, live) in self.shared.views.all() {
                if rng.random_bool(0.6) {
                    // what fails is tried again next time
                    drop(self.fold(&name, &live, rng.random_bool(0.4)).await);
                }
            }
            if rng.random_bool(0.7) {
                drop(self.checkpoint().await);
            }
        }
    }

    fn positions(&self) -> BTreeMap<LogId, Start> {
        let logs = self.logs.iter();
        logs.map(|(log, handle)| (*log, *handle.watch_position().borrow()))
            .collect()
    }

    /// No mutation up to this time can come any more.
    fn stable(&self) -> Hlc {
        if self.birth.bug == Some(Bug::Resurrection) {
            return Hlc(u64::MAX);
        }
        let read = self.positions().into_iter();
        let read = read.map(|(log, start)| (log, start.hlc)).collect();
        stable(self.birth.members.iter().copied(), &read)
    }

    async fn fold(&self, name: &Namespace, live: &Live, all: bool) -> Result<(), CompactError> {
        let stable = self.stable();
        let FoldInput {
            installed,
            blocks,
            seen,
            last_write,
        } = live.fold_input();
        let manifest = self.manifests.lock().get(name).cloned();
        let blocks: Vec<_> = blocks
            .iter()
            .map(|u: &Unfolded| (&u.segment().header, u.block().unwrap()))
            .collect();
        let parts = installed.parts.iter();
        let job = Job {
            namespace: name,
            manifest: manifest.as_ref(),
            prior: Prior {
                schema: installed.schema.clone(),
                parts: parts.map(|part| part.rows.clone()).collect(),
            },
            blocks,
            seen,
            last_write,
            stable,
            all,
            max_part_rows: 1_000,
        };
        match self.compactor.compact(job).await {
            Ok(None) => {}
            Ok(Some(made)) => {
                let (manifest, parts) = self.made(made, &installed.parts).await?;
                self.install(live, manifest, parts);
            }
            Err(CompactError::Lost { .. }) => self.take_over(name, live).await?,
            Err(error) => return Err(error),
        }
        Ok(())
    }

    async fn made(
        &self,
        made: Compacted,
        prior: &[PartSet],
    ) -> Result<(Manifest, Vec<PartSet>), CompactError> {
        let mut parts = vec![];
        for ((entry, kept), dead) in made.manifest.parts.iter().zip(made.kept).zip(made.dead) {
            parts.push(match kept {
                Some(at) => prior[at].under(entry, dead),
                None => part(&self.catalog, &made.manifest.namespace, entry).await?,
            });
        }
        Ok((made.manifest, parts))
    }

    /// The manifest of an earlier life that landed late.
    async fn take_over(&self, name: &Namespace, live: &Live) -> Result<(), CompactError> {
        let numbers = self.catalog.manifests(name).await?;
        let Some(number) = numbers.last() else {
            return Ok(());
        };
        let manifest = self.catalog.manifest(name, *number).await?;
        let mut parts = vec![];
        for entry in &manifest.parts {
            parts.push(part(&self.catalog, name, entry).await?);
        }
        if self.shared.seen().covers(&manifest.seen) {
            self.install(live, manifest, parts);
        }
        Ok(())
    }

    fn install(&self, live: &Live, manifest: Manifest, parts: Vec<PartSet>) {
        live.install(installed(&manifest, parts)).unwrap();
        let mut manifests = self.manifests.lock();
        manifests.insert(manifest.namespace.clone(), manifest);
    }

    async fn checkpoint(&self) -> Result<(), CompactError> {
        let prior = self.shared.views.checkpoint();
        let mut namespaces = prior
            .as_ref()
            .map(|p| p.namespaces.clone())
            .unwrap_or_default();
        for (name, manifest) in self.manifests.lock().iter() {
            let known = namespaces.get(name).map(|entry| entry.manifest);
            if known.is_none_or(|known| known < manifest.number) {
                namespaces.insert(name.clone(), manifest.entry());
            }
        }
        let logs: BTreeMap<LogId, Position> = self
            .positions()
            .into_iter()
            .filter(|(_, start)| start.seq > Seq::ZERO)
            .map(|(log, start)| (log, self.position(log, start)))
            .collect();
        let upto: VersionVector = logs.iter().map(|(log, at)| (*log, at.seq)).collect();
        let seen = prior.as_ref().map(|p| p.seen()).unwrap_or_default();
        let ahead = namespaces.values().any(|entry| !upto.covers(&entry.seen));
        if ahead || !upto.covers(&seen) {
            return Ok(());
        }
        let unfolded = self.shared.views.unfolded(&seen);
        let blocks = unfolded.iter().map(|(name, blocks)| {
            let blocks = blocks
                .iter()
                .map(|b| (&b.segment().header, b.block().unwrap()));
            (name.clone(), blocks.collect())
        });
        let job = CheckpointJob {
            prior: prior.as_deref(),
            logs,
            namespaces,
            blocks: blocks.collect(),
            now_ms: self.birth.clock.now_ms(),
        };
        match self.compactor.checkpoint(job).await {
            Ok(made) => self.shared.views.adopt(Arc::new(made)),
            Err(CompactError::Lost { .. }) => {
                let newest = newest_checkpoint(&self.catalog).await?;
                let newest = newest.filter(|newest| self.shared.seen().covers(&newest.seen()));
                if let Some(newest) = newest {
                    self.shared.views.adopt(Arc::new(newest));
                }
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn position(&self, log: LogId, start: Start) -> Position {
        let held = self.held.get(&log).map(|held| *held.borrow());
        let ahead = held.filter(|_| self.birth.bug == Some(Bug::CheckpointAhead));
        Position {
            seq: start.seq.max(ahead.unwrap_or_default()),
            max_epoch: start.max_epoch,
            chain: start.chain,
            hlc: start.hlc,
        }
    }
}
