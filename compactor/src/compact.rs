//! [`Compactor`]: carries out a plan and writes what comes out.

use crate::{
    CompactError, Merged, PlanInput, Prior, Scratch, ScratchFile, fold, fold::kind_of, merge, plan,
};
use isobath_storage::{
    catalog::Catalog,
    fold::{PartRows, SchemaState, Settled},
    format::{
        Manifest, PartEntry, dead,
        part::{Part, PickedVectors},
    },
    model::{Block, ContentHash, Hlc, IdKind, Namespace, SegmentHeader, VersionVector},
    store::keys::{DeadKey, Key, ManifestKey, PartKey},
};
use roaring::RoaringBitmap;
use std::{
    collections::BTreeMap,
    fs::File,
    io::{BufWriter, Write as _},
    sync::Arc,
};

/// What is to be compacted.
#[derive(Debug)]
pub struct Job<'a> {
    /// The namespace.
    pub namespace: &'a Namespace,
    /// Its newest manifest; none where it has none.
    pub manifest: Option<&'a Manifest>,
    /// What the manifest describes, in the manifest's order.
    pub prior: Prior,
    /// What was written since, in any order.
    pub blocks: Vec<(&'a SegmentHeader, &'a Block)>,
    /// What of each log the parts and the blocks hold together.
    pub seen: VersionVector,
    /// When the last write was committed.
    pub last_write: Hlc,
    /// No mutation with a time up to this one can come any more, see [`isobath_storage::fold::stable`].
    pub stable: Hlc,
    /// Merge whatever is more than one part.
    pub all: bool,
    /// The most rows of a part.
    pub max_part_rows: u64,
}

/// What a compaction made.
#[derive(Debug)]
pub struct Compacted {
    /// The new manifest, which is written.
    pub manifest: Manifest,
    /// By part of the manifest the number of the prior part that it is; none where it is new.
    pub kept: Vec<Option<usize>>,
    /// The deletion vectors of the manifest's parts.
    pub dead: Vec<Arc<RoaringBitmap>>,
    /// The files of the parts that are new, so that who made them need not fetch them.
    pub written: Vec<(ContentHash, ScratchFile)>,
}

/// A part on its way into a manifest.
enum Candidate {
    /// The prior part of this number, with its deletion vector now.
    Kept(usize, PartRows),
    /// Rows that were folded.
    Folded(PartRows),
    /// Rows of several parts.
    Merged(Merged),
}

/// Writes parts, deletion vectors and manifests to a store: a bucket, or a folder of a node.
#[derive(Debug, Clone)]
pub struct Compactor {
    pub(crate) catalog: Catalog,
    scratch: Arc<Scratch>,
}

impl Compactor {
    /// Writes to the bucket of `catalog`, parts by way of files in `scratch`.
    pub fn new(catalog: Catalog, scratch: Scratch) -> Self {
        let scratch = Arc::new(scratch);
        Self { catalog, scratch }
    }

    /// Carries out a job; nothing where there is nothing to do. Fails with [`CompactError::Lost`] where
    /// another compactor wrote the next manifest first.
    ///
    /// The CPU work runs where the future is polled: keep it off threads that serve requests.
    pub async fn compact(&self, job: Job<'_>) -> Result<Option<Compacted>, CompactError> {
        let Some((schema, candidates)) = decide(&job)? else {
            return Ok(None);
        };
        let number = job.manifest.map_or(1, |manifest| manifest.number + 1);
        let mut compacted = Compacted {
            manifest: Manifest {
                namespace: job.namespace.clone(),
                number,
                seen: job.seen.clone(),
                hlc_cut: job
                    .manifest
                    .map_or(job.last_write, |m| m.hlc_cut.max(job.last_write)),
                last_write: job.last_write,
                schema,
                parts: vec![],
            },
            kept: vec![],
            dead: vec![],
            written: vec![],
        };
        for candidate in candidates {
            let written = &mut compacted.written;
            let entry = self.entry(&job, number, &candidate, written).await?;
            compacted.manifest.parts.push(entry);
            let (kept, dead) = match candidate {
                Candidate::Kept(at, rows) => (Some(at), rows.dead),
                Candidate::Folded(_) | Candidate::Merged(_) => (None, Arc::default()),
            };
            compacted.kept.push(kept);
            compacted.dead.push(dead);
        }
        let key = ManifestKey {
            namespace: job.namespace.clone(),
            version: number,
        };
        let bytes = compacted.manifest.encode()?;
        let created = self.catalog.create_numbered(&key.path(), bytes).await?;
        // A plan that was made long ago may find its number free because newer ones were made and removed since.
        let newest = self.catalog.manifests(job.namespace).await?;
        if created && newest.last() == Some(&number) {
            return Ok(Some(compacted));
        }
        let what = "manifest";
        Err(CompactError::Lost { what, number })
    }

    /// Writes what of a part is not there yet.
    async fn entry(
        &self,
        job: &Job<'_>,
        number: u64,
        candidate: &Candidate,
        written: &mut Vec<(ContentHash, ScratchFile)>,
    ) -> Result<PartEntry, CompactError> {
        match candidate {
            Candidate::Kept(at, rows) => self.kept_entry(job, number, *at, rows).await,
            Candidate::Folded(rows) => {
                let part = part_of(job.namespace, number, &job.seen, rows);
                self.write_part(&part, &[], written).await
            }
            Candidate::Merged(merged) => {
                let (rows, vectors) = merged.split()?;
                let part = part_of(job.namespace, number, &job.seen, &rows);
                self.write_part(&part, &vectors, written).await
            }
        }
    }

    /// The entry of a part that stays, with a deletion vector of its own if rows of it died.
    async fn kept_entry(
        &self,
        job: &Job<'_>,
        number: u64,
        at: usize,
        rows: &PartRows,
    ) -> Result<PartEntry, CompactError> {
        let prior = job.manifest.and_then(|manifest| manifest.parts.get(at));
        let mut entry = prior.cloned().ok_or(CompactError::UnknownPart { at })?;
        if entry.dead_rows != rows.dead.len() {
            let bytes = dead::encode(&rows.dead, number)?;
            let hash = ContentHash::of(&bytes);
            let key = DeadKey {
                namespace: job.namespace.clone(),
                hash,
            };
            self.catalog.create(&key.path(), bytes).await?;
            entry.dead = Some(hash);
            entry.dead_rows = rows.dead.len();
        }
        Ok(entry)
    }

    pub(crate) async fn write_part(
        &self,
        part: &Part,
        vectors: &[PickedVectors<'_>],
        written: &mut Vec<(ContentHash, ScratchFile)>,
    ) -> Result<PartEntry, CompactError> {
        let (scratch, file) = self.scratch.create()?;
        let failed = || CompactError::scratch(scratch.path());
        let mut out = BufWriter::with_capacity(1 << 20, file);
        let (hash, bytes) = part.write(vectors, &mut out)?;
        out.flush().map_err(failed())?;
        drop(out);
        let key = PartKey {
            namespace: part.namespace.clone(),
            hash,
        };
        let mut file = File::open(scratch.path()).map_err(failed())?;
        self.catalog.upload(&key.path(), &mut file, bytes).await?;
        written.push((hash, scratch));
        Ok(PartEntry {
            hash,
            rows: part.rows.len() as u64,
            bytes,
            hlc_max: part.stamps.newest(),
            dead: None,
            dead_rows: 0,
            owner: None,
            stamp: None,
        })
    }
}

/// A part of the rows, but for vectors that are written beside them.
pub(crate) fn part_of(
    namespace: &Namespace,
    manifest: u64,
    seen: &VersionVector,
    rows: &PartRows,
) -> Part {
    Part {
        namespace: namespace.clone(),
        manifest,
        seen: seen.clone(),
        rows: Arc::clone(&rows.rows),
        stamps: rows.stamps.clone(),
        residue: BTreeMap::clone(&rows.residue),
    }
}

impl Candidate {
    /// How many rows it has, and how many of them nobody can need any more.
    fn size(&self, settling: &Settling) -> PlanInput {
        match self {
            Self::Kept(_, rows) | Self::Folded(rows) => PlanInput {
                rows: rows.rows.len() as u64,
                dead: settling.gone(rows),
            },
            Self::Merged(merged) => PlanInput {
                rows: merged.len() as u64,
                dead: 0,
            },
        }
    }

    /// Its rows, where they are in memory or mapped.
    fn rows(&self) -> Option<&PartRows> {
        match self {
            Self::Kept(_, rows) | Self::Folded(rows) => Some(rows),
            Self::Merged(_) => None,
        }
    }
}

/// What tells which rows nobody can need any more.
struct Settling {
    stable: Hlc,
    /// The kind of ids that counts.
    kind: IdKind,
}

impl Settling {
    /// How many rows of a part nobody can need any more.
    fn gone(&self, part: &PartRows) -> u64 {
        let rows = part.rows.len() as u64;
        if part.rows.ids().kind() != self.kind && part.stamps.newest() <= self.stable {
            return rows;
        }
        let residue = part.residue.iter();
        let gone = residue.filter(|(row, residue)| {
            !part.dead.contains(**row)
                && !residue.state.is_live()
                && residue.settled(self.stable) == Settled::Gone
        });
        part.dead.len() + gone.count() as u64
    }
}

/// What the namespace consists of after the job; none where that is what it consists of already.
fn decide(job: &Job<'_>) -> Result<Option<(SchemaState, Vec<Candidate>)>, CompactError> {
    let folded = fold(&job.prior, job.blocks.iter().copied(), job.stable)?;
    let kept = job.prior.parts.len();
    let parts = folded.parts(&job.prior).into_iter().enumerate();
    let mut candidates: Vec<Candidate> = parts
        .map(|(at, rows)| {
            if at < kept {
                Candidate::Kept(at, rows)
            } else {
                Candidate::Folded(rows)
            }
        })
        .collect();
    let mut schema = folded.schema;
    let settling = Settling {
        stable: job.stable,
        kind: kind_of(&schema),
    };
    // a drop that is stable is forgotten below, so that no part may hold what it hides
    let mut drops = schema.attributes.values().filter_map(|a| a.dropped);
    let dropped = drops.any(|stamp| stamp.hlc <= job.stable);
    let (all, most) = if dropped {
        (true, u64::MAX)
    } else {
        (job.all, job.max_part_rows)
    };
    let inputs = candidates.iter().map(|candidate| candidate.size(&settling));
    let inputs: Vec<PlanInput> = inputs.collect();
    let plan = plan(&inputs, all, most)
        .map(|plan| plan.from)
        .or(dropped.then_some(0));
    if job.blocks.is_empty() && plan.is_none() {
        return Ok(None);
    }
    if let Some(from) = plan {
        let is_seen = |candidate: &Candidate| {
            let rows = candidate.rows();
            rows.is_some_and(|rows| rows.rows.ids().kind() == settling.kind)
        };
        let (merged, others): (Vec<_>, Vec<_>) = candidates.drain(from..).partition(is_seen);
        let merged: Vec<PartRows> = merged.iter().filter_map(|c| c.rows().cloned()).collect();
        candidates.extend(others);
        candidates.push(Candidate::Merged(merge(&merged, &schema, job.stable)?));
    }
    candidates.retain(|candidate| {
        let PlanInput { rows, dead } = candidate.size(&settling);
        rows > dead
    });
    schema.settle(job.stable);
    Ok(Some((schema, candidates)))
}
