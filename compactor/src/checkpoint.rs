//! [`CheckpointJob`]: makes what was written since a checkpoint part of the next one.

use crate::{CompactError, Compactor, runs};
use isobath_storage::{
    catalog::OpenCheckpoint,
    format::{
        Checkpoint, NamespaceEntry, NamespaceMap, Position, RunEntry,
        run::{RunDirectory, RunWriter, SliceEntry},
    },
    model::{Block, ContentHash, LogId, Namespace, SegmentHeader},
    store::keys::{CheckpointKey, Key, MapKey, RunKey},
};
use std::collections::{BTreeMap, BTreeSet};

/// What the next checkpoint is made of.
#[derive(Debug)]
pub struct CheckpointJob<'a> {
    /// The checkpoint before it; none for the first.
    pub prior: Option<&'a OpenCheckpoint>,
    /// Up to where each log is covered: no less than by the one before.
    pub logs: BTreeMap<LogId, Position>,
    /// Every namespace that has a manifest; no manifest holds more than `logs`.
    pub namespaces: BTreeMap<Namespace, NamespaceEntry>,
    /// What was written up to `logs` and is neither in the checkpoint before nor in a manifest, in log order.
    pub blocks: BTreeMap<Namespace, Vec<(&'a SegmentHeader, &'a Block)>>,
    /// Now, in milliseconds since 1970.
    pub now_ms: u64,
}

impl Compactor {
    /// Writes runs, map and checkpoint. Fails with [`CompactError::Lost`] where another compactor wrote the next
    /// checkpoint first; what was written for it is not referred to then.
    pub async fn checkpoint(&self, job: CheckpointJob<'_>) -> Result<OpenCheckpoint, CompactError> {
        let number = job.prior.map_or(1, |prior| prior.checkpoint.number + 1);
        let runs = self.write_runs(&job, number).await?;
        let chunks = self.write_maps(&job, number).await?;
        let checkpoint = Checkpoint {
            number,
            hlc_cut: job.logs.values().map(|at| at.hlc).max().unwrap_or_default(),
            logs: job.logs,
            created_at_ms: job.now_ms,
            maps: chunks.iter().map(|(hash, _)| *hash).collect(),
            runs: runs.iter().map(|(entry, _)| *entry).collect(),
        };
        let key = CheckpointKey(number).path();
        let created = self
            .catalog
            .create_numbered(&key, checkpoint.encode()?)
            .await?;
        // see `Compactor::compact`: a number may be free because newer ones were removed
        let newest = self.catalog.checkpoints().await?;
        if !created || newest.last() != Some(&number) {
            let what = "checkpoint";
            return Err(CompactError::Lost { what, number });
        }
        Ok(OpenCheckpoint {
            checkpoint,
            namespaces: job.namespaces,
            chunks,
            runs,
        })
    }

    /// The runs of the next checkpoint: those before it as far as they are needed, the youngest put together with
    /// what is new.
    async fn write_runs(
        &self,
        job: &CheckpointJob<'_>,
        number: u64,
    ) -> Result<Vec<(RunEntry, RunDirectory)>, CompactError> {
        let prior = job.prior.map_or(&[][..], |prior| &prior.runs);
        let needed = |run: &RunDirectory| {
            let slices = run.slices.iter().filter(|slice| job.needs(slice));
            slices.map(|slice| slice.length).sum::<u64>()
        };
        let mut runs: Vec<_> = prior
            .iter()
            .filter(|(_, run)| needed(run) > 0)
            .cloned()
            .collect();
        if job.blocks.is_empty() {
            return Ok(runs);
        }
        let sizes: Vec<u64> = runs.iter().map(|(_, run)| needed(run)).collect();
        let merged = runs.split_off(runs::from(&sizes, job.new_bytes()));
        let mut writer = RunWriter::new(number);
        for namespace in job.names(&merged) {
            writer.start(namespace)?;
            for (entry, run) in &merged {
                if let Some(slice) = run.get(namespace).filter(|slice| job.needs(slice)) {
                    let bytes = self.catalog.slice_bytes(entry.hash, slice).await?;
                    writer.slice(slice, &bytes)?;
                }
            }
            for (header, block) in job.blocks.get(namespace).into_iter().flatten() {
                writer.block(header, block)?;
            }
        }
        let (bytes, directory) = writer.finish()?;
        let entry = RunEntry {
            hash: ContentHash::of(&bytes),
            bytes: bytes.len() as u64,
        };
        self.catalog
            .create(&RunKey(entry.hash).path(), bytes)
            .await?;
        runs.push((entry, directory));
        Ok(runs)
    }

    /// The chunks of the map: those in which nothing changed are shared with the checkpoint before.
    async fn write_maps(
        &self,
        job: &CheckpointJob<'_>,
        number: u64,
    ) -> Result<Vec<(ContentHash, BTreeMap<Namespace, NamespaceEntry>)>, CompactError> {
        let prior = job.prior.map_or(&[][..], |prior| &prior.chunks);
        let mut chunks = vec![];
        for namespaces in NamespaceMap::chunks(&job.namespaces) {
            if let Some(known) = prior.iter().find(|(_, known)| *known == namespaces) {
                chunks.push(known.clone());
                continue;
            }
            let map = NamespaceMap {
                checkpoint: number,
                namespaces,
            };
            let bytes = map.encode()?;
            let hash = ContentHash::of(&bytes);
            self.catalog.create(&MapKey(hash).path(), bytes).await?;
            chunks.push((hash, map.namespaces));
        }
        Ok(chunks)
    }
}

impl CheckpointJob<'_> {
    /// Whether a slice of a run holds what its namespace's manifest does not.
    fn needs(&self, slice: &SliceEntry) -> bool {
        let manifest = self.namespaces.get(&slice.namespace);
        manifest.is_none_or(|manifest| !manifest.seen.covers(&slice.upto))
    }

    /// The namespaces of the run that is made of `merged` and the new blocks.
    fn names<'a>(&'a self, merged: &'a [(RunEntry, RunDirectory)]) -> BTreeSet<&'a Namespace> {
        let slices = merged.iter().flat_map(|(_, run)| &run.slices);
        let needed = slices.filter(|slice| self.needs(slice));
        let names = needed.map(|slice| &slice.namespace);
        names.chain(self.blocks.keys()).collect()
    }

    fn new_bytes(&self) -> u64 {
        let blocks = self.blocks.values().flatten();
        let requests = blocks.flat_map(|(_, block)| &block.requests);
        let mutations = requests.flat_map(|request| &request.mutations);
        mutations.map(|mutation| mutation.memory() as u64).sum()
    }
}
