//! [`Moment`]: what a bucket holds at a moment.

use super::{LogSpan, OpenParts, StateError, log_span::origin};
use crate::{Folded, Prior, fold, mask};
use futures::{StreamExt, TryStreamExt, stream};
use isobath_storage::{
    catalog::{Catalog, OpenCheckpoint},
    fold::{NamespaceDigest, StateDigest},
    format::{Manifest, Position, segment::Directory},
    model::{
        Block, ClusterId, ContentHash, Hlc, IdKind, LogId, Namespace, PartEntry, Segment,
        SegmentHeader, Seq, Stamp, VersionVector,
    },
    store::keys::{DeadKey, Key, SegmentKey},
};
use object_store::{ObjectStore, ObjectStoreExt, path::Path};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// Requests at a time.
const AT_ONCE: usize = 16;

/// What a bucket holds at a moment: the newest checkpoint up to then, and the logs after it.
#[derive(Debug)]
pub struct Moment {
    store: Arc<dyn ObjectStore>,
    catalog: Catalog,
    /// The checkpoint; none where there is none up to then.
    pub checkpoint: Option<OpenCheckpoint>,
    /// The logs after it.
    pub logs: BTreeMap<LogId, LogSpan>,
    /// Logs that have segments behind a hole: the first that is missing, and how many come after it.
    pub gaps: BTreeMap<LogId, (Seq, usize)>,
}

/// What a namespace stands on at a moment, and what was written to it since.
#[derive(Debug, Default)]
pub struct Grounds {
    /// What names the parts of `prior`, in their order.
    pub entries: Vec<PartEntry>,
    /// What it stands on.
    pub prior: Prior,
    /// What was written since, in the order of each log.
    pub blocks: Vec<(SegmentHeader, Block)>,
}

/// A namespace at a moment, folded.
#[derive(Debug)]
pub struct Contents {
    /// Its parts, before what came after them.
    pub prior: Prior,
    /// What came after them made of it.
    pub folded: Folded,
}

/// The segments of each log that a listing finds.
pub(crate) async fn list_segments(
    store: &Arc<dyn ObjectStore>,
) -> Result<BTreeMap<LogId, BTreeSet<Seq>>, StateError> {
    let root = Path::from("log");
    let mut logs: BTreeMap<LogId, BTreeSet<Seq>> = BTreeMap::new();
    let mut listed = store.list(Some(&root));
    while let Some(object) = listed.try_next().await.map_err(StateError::store(&root))? {
        if let Ok(SegmentKey { log, seq }) = SegmentKey::parse(&object.location) {
            logs.entry(log).or_default().insert(seq);
        }
    }
    Ok(logs)
}

/// The last segment after `from` before the first hole.
pub(crate) fn contiguous(segments: &BTreeSet<Seq>, from: Seq) -> Seq {
    let mut tail = from;
    while segments.contains(&tail.next()) {
        tail = tail.next();
    }
    tail
}

impl Moment {
    /// What the bucket in `store` holds at the end of the millisecond `at` since 1970, or now.
    ///
    /// Fails with [`StateError::NotCovered`] where segments are gone that the checkpoint of that time does not hold.
    pub async fn open(store: Arc<dyn ObjectStore>, at: Option<u64>) -> Result<Self, StateError> {
        let until = at.unwrap_or(u64::MAX);
        let catalog = Catalog::new(Arc::clone(&store));
        let checkpoint = newest_up_to(&catalog, until).await?;
        let floors = catalog.floors().await?;
        let listed = list_segments(&store).await?;
        let mut ids: BTreeSet<LogId> = listed.keys().chain(floors.keys()).copied().collect();
        ids.extend(checkpoint.iter().flat_map(|c| c.checkpoint.logs.keys()));
        let (mut logs, mut gaps) = (BTreeMap::new(), BTreeMap::new());
        for log in ids {
            let start = checkpoint
                .as_ref()
                .and_then(|c| c.checkpoint.logs.get(&log));
            let start = start.copied().unwrap_or_else(origin);
            let segments = listed.get(&log).cloned().unwrap_or_default();
            let floor = floors.get(&log).map_or(Seq::ZERO, |floor| floor.seq);
            let first = segments.range(start.seq.next()..).next();
            let gone = first.is_some_and(|first| start.seq == Seq::ZERO && first.0 > 1);
            if floor > start.seq || gone {
                let floor = first.map_or(floor, |first| floor.max(first.previous()));
                return Err(StateError::NotCovered { log, floor });
            }
            let tail = contiguous(&segments, start.seq);
            let span = LogSpan::read(&store, log, start, tail, until).await?;
            let behind = segments.range(tail.next()..).count();
            if behind > 0 && span.end.seq == tail {
                gaps.insert(log, (tail.next(), behind));
            }
            logs.insert(log, span);
        }
        let moment = Self {
            store,
            catalog,
            checkpoint,
            logs,
            gaps,
        };
        moment.check_cluster()?;
        Ok(moment)
    }

    /// What checkpoint `number` holds, and nothing after it.
    pub async fn at_checkpoint(
        store: Arc<dyn ObjectStore>,
        number: u64,
    ) -> Result<Self, StateError> {
        let catalog = Catalog::new(Arc::clone(&store));
        let checkpoint = catalog.checkpoint(number).await?;
        let checkpoint = checkpoint
            .ok_or_else(|| StateError::Invalid(format!("there is no checkpoint {number}")))?;
        let checkpoint = catalog.open(checkpoint).await?;
        let ends = checkpoint.checkpoint.logs.iter();
        let logs = ends.map(|(log, end)| (*log, LogSpan::empty(*log, *end)));
        Ok(Self {
            store,
            catalog,
            logs: logs.collect(),
            checkpoint: Some(checkpoint),
            gaps: BTreeMap::new(),
        })
    }

    /// The cluster that its segments are of, where there are any.
    pub fn cluster(&self) -> Option<ClusterId> {
        let segments = self.logs.values().flat_map(|span| &span.segments);
        segments.map(|directory| directory.header.cluster).next()
    }

    /// Segments of several clusters are no one's history.
    fn check_cluster(&self) -> Result<(), StateError> {
        let segments = self.logs.values().flat_map(|span| &span.segments);
        for Directory { header, .. } in segments {
            if Some(header.cluster) != self.cluster() {
                let (log, seq) = (header.log, header.seq);
                return Err(StateError::Damaged {
                    key: SegmentKey { log, seq }.path().to_string(),
                    why: "it belongs to another cluster than the segments before it".to_owned(),
                });
            }
        }
        Ok(())
    }

    /// The catalog that it was read from.
    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// Up to where each log is part of it.
    pub fn positions(&self) -> BTreeMap<LogId, Position> {
        self.logs
            .iter()
            .map(|(log, span)| (*log, span.end))
            .collect()
    }

    /// The newest time in it.
    pub fn newest(&self) -> Hlc {
        let cut = self.checkpoint.as_ref().map(|c| c.checkpoint.hlc_cut);
        let ends = self.logs.values().map(|span| span.end.hlc);
        ends.chain(cut).max().unwrap_or_default()
    }

    /// Every namespace that it says something about.
    pub fn names(&self) -> BTreeSet<Namespace> {
        let known = self.checkpoint.iter().flat_map(OpenCheckpoint::names);
        let mut names: BTreeSet<Namespace> = known.cloned().collect();
        let segments = self.logs.values().flat_map(|span| &span.segments);
        let entries = segments.flat_map(|directory| &directory.entries);
        names.extend(entries.map(|entry| entry.namespace.clone()));
        names
    }

    /// The manifest of a namespace under the checkpoint, if it has one.
    pub async fn manifest(&self, namespace: &Namespace) -> Result<Option<Manifest>, StateError> {
        let entry = self
            .checkpoint
            .as_ref()
            .and_then(|c| c.namespaces.get(namespace));
        match entry {
            Some(entry) => Ok(Some(
                self.catalog.manifest(namespace, entry.manifest).await?,
            )),
            None => Ok(None),
        }
    }

    /// The blocks of a namespace that a manifest which has seen `seen` does not cover, in the order of each log.
    pub async fn blocks(
        &self,
        namespace: &Namespace,
        seen: &VersionVector,
    ) -> Result<Vec<(SegmentHeader, Block)>, StateError> {
        let mut blocks = vec![];
        if let Some(open) = &self.checkpoint {
            for (run, slice) in open.slices(namespace) {
                if seen.covers(&slice.upto) {
                    continue;
                }
                let segments = self.catalog.slice(run, slice).await?.into_iter();
                let newer = segments.filter(|s| s.header.seq > seen.get(s.header.log));
                blocks.extend(newer.flat_map(|segment| {
                    let Segment { header, blocks } = segment;
                    blocks.into_iter().map(move |block| (header.clone(), block))
                }));
            }
        }
        let segments = self.logs.values().flat_map(|span| &span.segments);
        let reads = segments
            .filter(|directory| directory.get(namespace).is_some())
            .map(|directory| self.block(directory, namespace));
        let mut reads = stream::iter(reads).buffered(AT_ONCE);
        while let Some(read) = reads.next().await {
            blocks.extend(read?);
        }
        Ok(blocks)
    }

    /// A namespace's block of a segment.
    async fn block(
        &self,
        directory: &Directory,
        namespace: &Namespace,
    ) -> Result<Option<(SegmentHeader, Block)>, StateError> {
        let Some(entry) = directory.get(namespace) else {
            return Ok(None);
        };
        let header = directory.header.clone();
        let path = SegmentKey {
            log: header.log,
            seq: header.seq,
        };
        let path = path.path();
        let range = entry.offset..entry.offset.saturating_add(entry.length);
        let bytes = self.store.get_range(&path, range).await;
        let bytes = bytes.map_err(StateError::store(&path))?;
        let block = directory.decode_block(entry, &bytes);
        Ok(Some((header, block.map_err(StateError::format(&path))?)))
    }

    /// What a namespace stands on, and what was written to it since. What it adopted takes the place of its manifest's
    /// parts: with that, what was before has vanished.
    pub async fn grounds(
        &self,
        namespace: &Namespace,
        parts: &dyn OpenParts,
    ) -> Result<Grounds, StateError> {
        let manifest = self.manifest(namespace).await?;
        let seen = manifest.as_ref().map(|m| m.seen.clone());
        let mut grounds = Grounds {
            blocks: self.blocks(namespace, &seen.unwrap_or_default()).await?,
            ..Grounds::default()
        };
        if let Some(manifest) = manifest {
            grounds.prior.schema = manifest.schema;
            grounds.entries = manifest.parts;
        }
        if let Some((stamp, entries)) = adopted(&mut grounds.blocks) {
            grounds.entries.retain(|entry| entry.hlc_max >= stamp.hlc);
            grounds.entries.extend(entries);
        }
        for entry in &grounds.entries {
            let dead = match entry.dead {
                None => Arc::default(),
                Some(hash) => {
                    let namespace = namespace.clone();
                    let key = DeadKey { namespace, hash };
                    Arc::new(self.catalog.dead(&key).await?)
                }
            };
            let opened = parts.open(namespace, entry, dead).await?;
            grounds.prior.parts.push(opened);
        }
        Ok(grounds)
    }

    /// A namespace, folded.
    pub async fn contents(
        &self,
        namespace: &Namespace,
        parts: &dyn OpenParts,
    ) -> Result<Contents, StateError> {
        let Grounds { prior, blocks, .. } = self.grounds(namespace, parts).await?;
        let blocks = blocks.iter().map(|(header, block)| (header, block));
        // nothing is applied to it any more
        let folded = fold(&prior, blocks, Hlc(u64::MAX)).map_err(|source| StateError::Fold {
            namespace: namespace.clone(),
            source,
        })?;
        Ok(Contents { prior, folded })
    }

    /// Names what readers see of the namespaces for which `wanted` holds.
    pub async fn digest(
        &self,
        parts: &dyn OpenParts,
        wanted: impl Fn(&Namespace) -> bool,
    ) -> Result<ContentHash, StateError> {
        let mut state = StateDigest::default();
        for namespace in self.names().iter().filter(|name| wanted(name)) {
            if let Some(digest) = self.contents(namespace, parts).await?.digest() {
                state.add(namespace, digest);
            }
        }
        Ok(state.finish())
    }
}

impl Contents {
    /// Names what readers see of the namespace; none where it does not exist.
    pub fn digest(&self) -> Option<ContentHash> {
        let state = &self.folded.schema;
        if !state.exists() {
            return None;
        }
        let schema = state.schema();
        let kind = schema.id_kind.unwrap_or(IdKind::Uint);
        let mut digest = NamespaceDigest::default();
        for part in self.folded.parts(&self.prior) {
            if part.rows.ids().kind() != kind {
                continue;
            }
            let (rows, hidden) = (mask(&part, state), part.hidden());
            let live = (0u32..).zip(0..rows.len());
            let live = live.filter(|(row, _)| !hidden.contains(*row));
            digest.add(&schema, &rows, live.map(|(_, row)| row));
        }
        Some(digest.finish(&schema))
    }
}

/// What the newest adoption among `blocks` adopts, with its stamp; it comes first from now on, and those of its log
/// before it are taken out.
fn adopted(blocks: &mut Vec<(SegmentHeader, Block)>) -> Option<(Stamp, Vec<PartEntry>)> {
    let stamped = |(at, (header, block)): (usize, &(SegmentHeader, Block))| {
        let (index, adoption) = block.adoption()?;
        Some((header.stamp(index), at, adoption.parts.clone()))
    };
    let newest = blocks.iter().enumerate().filter_map(stamped);
    let (stamp, at, parts) = newest.max_by_key(|(stamp, ..)| *stamp)?;
    let first = blocks.remove(at);
    blocks.retain(|(header, _)| header.log != stamp.log || header.seq > stamp.seq);
    blocks.insert(0, first);
    let parts = parts.into_iter().map(|part| part.stamped(stamp));
    Some((stamp, parts.collect()))
}

/// The newest checkpoint that holds nothing newer than `until` milliseconds since 1970.
async fn newest_up_to(catalog: &Catalog, until: u64) -> Result<Option<OpenCheckpoint>, StateError> {
    for number in catalog.checkpoints().await?.into_iter().rev() {
        // one that is gone by now was superseded long ago
        let Some(checkpoint) = catalog.checkpoint(number).await? else {
            continue;
        };
        let logs = checkpoint.logs.values().map(|position| position.hlc);
        let newest = logs.chain([checkpoint.hlc_cut]).max().unwrap_or_default();
        if newest.millis() <= until {
            return Ok(Some(catalog.open(checkpoint).await?));
        }
    }
    Ok(None)
}
