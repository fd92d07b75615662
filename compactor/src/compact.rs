//! [`Compactor`]: carries out a plan and writes what comes out.

use crate::{CompactError, Merged, PlanInput, Prior, Scratch, ScratchFile, fold, merge, plan};
use isobath_storage::{
    catalog::Catalog,
    fold::{PartRows, ResolvedRows, SchemaState},
    format::{
        Manifest, PartEntry, dead,
        part::{Part, PickedVectors},
    },
    model::{Block, ContentHash, Hlc, Namespace, SegmentHeader, StampColumn, VersionVector},
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
    /// What was written since, in log order.
    pub blocks: Vec<(&'a SegmentHeader, &'a Block)>,
    /// What of each log the parts and the blocks hold together.
    pub seen: VersionVector,
    /// When the last write was committed.
    pub last_write: Hlc,
    /// No mutation with a time up to this one can arrive any more.
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
                let stamps = StampColumn::from_stamps(&merged.stamps);
                let stamps = stamps.ok_or(CompactError::TooManyLogs)?;
                let (rows, vectors) = merged.split()?;
                let rows = PartRows {
                    rows: Arc::new(rows),
                    stamps,
                    dead: Arc::default(),
                };
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
        residue: BTreeMap::new(),
    }
}

impl Candidate {
    /// Its rows, and how many of them are dead.
    fn size(&self) -> PlanInput {
        match self {
            Self::Kept(_, rows) | Self::Folded(rows) => PlanInput {
                rows: rows.rows.len() as u64,
                dead: rows.dead.len(),
            },
            Self::Merged(merged) => PlanInput {
                rows: merged.len() as u64,
                dead: 0,
            },
        }
    }

    /// Its rows, where they are in memory or mapped.
    fn into_rows(self) -> Option<PartRows> {
        match self {
            Self::Kept(_, rows) | Self::Folded(rows) => Some(rows),
            Self::Merged(_) => None,
        }
    }
}

/// What the namespace consists of after the job; none where that is what it consists of already.
fn decide(job: &Job<'_>) -> Result<Option<(SchemaState, Vec<Candidate>)>, CompactError> {
    let folded = fold(&job.prior, job.blocks.iter().copied())?;
    let mut schema = folded.schema;
    let parts = job.prior.parts.iter().zip(folded.dead).enumerate();
    let mut candidates: Vec<Candidate> = parts
        .map(|(at, (part, dead))| {
            let rows = PartRows {
                dead: Arc::new(dead),
                ..part.clone()
            };
            Candidate::Kept(at, rows)
        })
        .collect();
    candidates.extend(candidate(folded.rows)?.map(Candidate::Folded));
    // a drop is forgotten below, so that no part may hold what it hides
    let dropped = schema
        .attributes
        .values()
        .any(|attribute| attribute.dropped.is_some());
    let (all, most) = if dropped {
        (true, u64::MAX)
    } else {
        (job.all, job.max_part_rows)
    };
    let inputs: Vec<PlanInput> = candidates.iter().map(Candidate::size).collect();
    let plan = plan(&inputs, all, most)
        .map(|plan| plan.from)
        .or(dropped.then_some(0));
    if job.blocks.is_empty() && plan.is_none() {
        return Ok(None);
    }
    if let Some(from) = plan {
        let merged = candidates.drain(from..);
        let merged: Vec<PartRows> = merged.filter_map(Candidate::into_rows).collect();
        candidates.push(Candidate::Merged(merge(&merged, &schema)));
    }
    candidates.retain(|candidate| {
        let PlanInput { rows, dead } = candidate.size();
        rows > dead
    });
    schema.settle(job.stable);
    Ok(Some((schema, candidates)))
}

/// Rows as those of a new part; none for no rows.
pub(crate) fn candidate(rows: ResolvedRows) -> Result<Option<PartRows>, CompactError> {
    if rows.rows.is_empty() {
        return Ok(None);
    }
    let stamps = StampColumn::from_stamps(&rows.stamps).ok_or(CompactError::TooManyLogs)?;
    Ok(Some(PartRows {
        rows: Arc::new(rows.rows),
        stamps,
        dead: Arc::default(),
    }))
}
