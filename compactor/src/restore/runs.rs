//! The runs of a restored bucket: those of the checkpoint, and the segments after it as more of them.

use super::{Restore, copy::Copying};
use crate::state::StateError;
use futures::{StreamExt, TryStreamExt, stream};
use isobath_storage::{
    format::{RunEntry, run::RunWriter, segment},
    model::{Block, ContentHash, Namespace, Segment, SegmentHeader},
    store::keys::{Key, RunKey, SegmentKey},
};
use std::collections::BTreeMap;

/// Segments that are read at a time.
const AT_ONCE: usize = 4;
/// A run is about this long, in bytes of segments.
const RUN: usize = 64 << 20;

/// Writes the runs; oldest first.
pub(super) async fn write(
    restore: &Restore<'_>,
    copying: &mut Copying<'_>,
) -> Result<Vec<RunEntry>, StateError> {
    let mut runs = vec![];
    if let Some(open) = &restore.moment.checkpoint {
        for (entry, directory) in &open.runs {
            match restore.namespace {
                None => {
                    copying
                        .object(RunKey(entry.hash).path(), entry.hash)
                        .await?;
                    runs.push(*entry);
                }
                Some(namespace) => {
                    let Some(slice) = directory.get(namespace) else {
                        continue;
                    };
                    let bytes = copying.source.slice_bytes(entry.hash, slice).await?;
                    let key = RunKey(entry.hash).path();
                    let mut run = RunWriter::new(1);
                    run.start(namespace)
                        .and_then(|()| run.slice(slice, &bytes))
                        .map_err(StateError::format(&key))?;
                    runs.extend(finish(run, 0, copying).await?);
                }
            }
        }
    }
    for span in restore.moment.logs.values() {
        let mut batch = Batch::default();
        let keys = span.segments.iter().map(|directory| SegmentKey {
            log: span.log,
            seq: directory.header.seq,
        });
        let source = copying.source.clone();
        let reads = keys.map(|key| {
            let (source, path) = (source.clone(), key.path());
            async move {
                let bytes = source.get(&path).await?;
                let segment = segment::decode(&bytes).map_err(StateError::format(&path))?;
                Ok::<_, StateError>((bytes.len(), segment))
            }
        });
        let mut reads = stream::iter(reads).buffered(AT_ONCE);
        while let Some((bytes, segment)) = reads.try_next().await? {
            batch.add(bytes, segment, restore);
            if batch.bytes >= RUN {
                runs.extend(std::mem::take(&mut batch).write(copying).await?);
            }
        }
        runs.extend(batch.write(copying).await?);
    }
    Ok(runs)
}

/// Segments on their way into a run, by namespace.
#[derive(Debug, Default)]
struct Batch {
    blocks: BTreeMap<Namespace, Vec<(SegmentHeader, Block)>>,
    bytes: usize,
    mutations: u64,
}

impl Batch {
    fn add(&mut self, bytes: usize, segment: Segment, restore: &Restore<'_>) {
        let Segment { header, blocks } = segment;
        self.bytes += bytes;
        for block in blocks {
            if restore.wants(&block.namespace) {
                let rows = block.requests.iter().map(|request| request.len() as u64);
                self.mutations += rows.sum::<u64>();
                let of = self.blocks.entry(block.namespace.clone()).or_default();
                of.push((header.clone(), block));
            }
        }
    }

    async fn write(self, copying: &mut Copying<'_>) -> Result<Option<RunEntry>, StateError> {
        let mut run = RunWriter::new(1);
        for (namespace, blocks) in &self.blocks {
            run.start(namespace)
                .map_err(StateError::format("data/run"))?;
            for (header, block) in blocks {
                run.block(header, block)
                    .map_err(StateError::format("data/run"))?;
            }
        }
        finish(run, self.mutations, copying).await
    }
}

async fn finish(
    run: RunWriter,
    mutations: u64,
    copying: &mut Copying<'_>,
) -> Result<Option<RunEntry>, StateError> {
    if run.is_empty() {
        return Ok(None);
    }
    let (bytes, _) = run.finish().map_err(StateError::format("data/run"))?;
    let entry = RunEntry {
        hash: ContentHash::of(&bytes),
        bytes: bytes.len() as u64,
    };
    copying
        .create(&RunKey(entry.hash).path(), bytes, mutations)
        .await?;
    Ok(Some(entry))
}
