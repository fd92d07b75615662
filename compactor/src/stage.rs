//! [`Stage`]: makes the rows of a namespace ready to be adopted by another.

use crate::{
    CompactError, Compactor, Prior, ScratchFile, compact::part_of, fold, fold::kind_of, merge,
};
use isobath_storage::{
    fold::{PartRows, SchemaState},
    format::dead,
    model::{
        Adoption, Block, ContentHash, Hlc, Namespace, PartEntry, SegmentHeader, VersionVector,
    },
    store::keys::{DeadKey, Key},
};

/// What is to be adopted.
#[derive(Debug)]
pub struct Stage<'a> {
    /// Who is to adopt it.
    pub namespace: &'a Namespace,
    /// Whose rows they are.
    pub source: &'a Namespace,
    /// What names the parts of `prior`, in their order.
    pub entries: Vec<PartEntry>,
    /// The source at a manifest.
    pub prior: Prior,
    /// What was written to it since, in log order.
    pub blocks: Vec<(&'a SegmentHeader, &'a Block)>,
    /// What of each log the parts and the blocks hold together.
    pub seen: VersionVector,
    /// Now, in milliseconds since 1970: what is written now shares no name with what another plan wrote long ago.
    pub now_ms: u64,
}

/// Parts that are ready to be adopted; garbage, as far as they are new, until a record names them.
#[derive(Debug)]
pub struct Staged {
    /// What the record says.
    pub adoption: Adoption,
    /// Everything known of the source but the rows.
    pub schema: SchemaState,
    /// The files of the parts that are new, so that who made them need not fetch them.
    pub written: Vec<(ContentHash, ScratchFile)>,
}

impl Compactor {
    /// Makes the rows of a namespace ready to be adopted by another. Its parts are only named; written are deletion
    /// vectors, and one part with the rows that no part holds. Both lie among the objects of who adopts.
    ///
    /// Only where a drop hides values in the source's parts, which one stamp for all rows could not do, its rows are
    /// written again.
    ///
    /// The CPU work runs where the future is polled: keep it off threads that serve requests.
    pub async fn stage(&self, job: &Stage<'_>) -> Result<Staged, CompactError> {
        // what is adopted are rows as they are now: nothing older comes to them under their new stamps
        let folded = fold(&job.prior, job.blocks.iter().copied(), Hlc(u64::MAX))?;
        let parts = folded.parts(&job.prior);
        let schema = folded.schema;
        let (mut entries, mut written) = (vec![], vec![]);
        let mut attributes = schema.attributes.values();
        if attributes.any(|attribute| attribute.dropped.is_some()) {
            entries.extend(self.rewritten(job, &parts, &schema, &mut written).await?);
        } else {
            let (kept, new) = parts.split_at(job.prior.parts.len());
            let kind = kind_of(&schema);
            let kept = kept.iter().enumerate();
            for (at, part) in kept.filter(|(_, part)| part.rows.ids().kind() == kind) {
                entries.extend(self.named(job, at, part).await?);
            }
            for rows in new {
                let part = part_of(job.namespace, job.now_ms, &job.seen, rows);
                entries.push(self.write_part(&part, &[], &mut written).await?);
            }
        }
        let adoption = Adoption {
            source: job.source.clone(),
            parts: entries,
        };
        Ok(Staged {
            adoption,
            schema,
            written,
        })
    }

    /// A part of the source under the name that it has for who adopts it; none where all its rows are dead.
    async fn named(
        &self,
        job: &Stage<'_>,
        at: usize,
        rows: &PartRows,
    ) -> Result<Option<PartEntry>, CompactError> {
        let entry = job
            .entries
            .get(at)
            .ok_or(CompactError::UnknownPart { at })?;
        if rows.live() == 0 {
            return Ok(None);
        }
        let mut dead = None;
        let hidden = rows.hidden();
        if !hidden.is_empty() {
            let bytes = dead::encode(&hidden, job.now_ms)?;
            let hash = ContentHash::of(&bytes);
            let namespace = job.namespace.clone();
            let key = DeadKey { namespace, hash };
            self.catalog.create(&key.path(), bytes).await?;
            dead = Some(hash);
        }
        let owner = entry.owner(job.source);
        Ok(Some(PartEntry {
            dead,
            dead_rows: hidden.len(),
            owner: (owner != job.namespace).then(|| owner.clone()),
            stamp: None,
            ..entry.clone()
        }))
    }

    /// One part with the rows of all, without the values that drops hide; none for no rows.
    async fn rewritten(
        &self,
        job: &Stage<'_>,
        parts: &[PartRows],
        schema: &SchemaState,
        written: &mut Vec<(ContentHash, ScratchFile)>,
    ) -> Result<Option<PartEntry>, CompactError> {
        let merged = merge(parts, schema, Hlc(u64::MAX))?;
        if merged.is_empty() {
            return Ok(None);
        }
        let (rows, vectors) = merged.split()?;
        let part = part_of(job.namespace, job.now_ms, &job.seen, &rows);
        Ok(Some(self.write_part(&part, &vectors, written).await?))
    }
}
