//! [`Scene`]: a bucket with a history, for tests: segments are written, folded and checkpointed as a test says.

#[path = "../../storage/src/fold/tests/history.rs"]
#[expect(dead_code, reason = "the fold's own tests use the rest of it")]
pub(crate) mod history;

use crate::{
    CheckpointJob, Compactor, Job, Prior, Scratch,
    state::{OpenParts, PartsInMemory, origin},
};
use bytes::Bytes;
use isobath_storage::{
    catalog::{Catalog, OpenCheckpoint},
    fold::{NamespaceState, StateDigest, stable},
    format::{Manifest, Position, segment},
    log::chain,
    model::{
        Block, ContentHash, Hlc, LogId, Namespace, Segment, SegmentHeader, Seq, VersionVector,
    },
    store::keys::{Key, SegmentKey},
};
use object_store::{ObjectStore, ObjectStoreExt, memory::InMemory, path::Path};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// A bucket with a history.
#[derive(Debug)]
pub(crate) struct Scene {
    pub(crate) store: Arc<dyn ObjectStore>,
    pub(crate) catalog: Catalog,
    pub(crate) segments: Vec<Segment>,
    pub(crate) manifests: BTreeMap<Namespace, Manifest>,
    pub(crate) positions: BTreeMap<LogId, Position>,
    pub(crate) checkpoint: Option<OpenCheckpoint>,
    dir: tempfile::TempDir,
    /// The logs of all members; none: those that were written.
    pub(crate) members: Vec<LogId>,
    /// The wall clock.
    pub(crate) now_ms: u64,
}

impl Scene {
    /// An empty bucket.
    pub(crate) fn new() -> Self {
        let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        Self {
            catalog: Catalog::new(Arc::clone(&store)),
            store,
            segments: vec![],
            manifests: BTreeMap::new(),
            positions: BTreeMap::new(),
            checkpoint: None,
            dir: tempfile::tempdir().unwrap(),
            members: vec![],
            now_ms: 0,
        }
    }

    /// The next segment of the log of `header`, which gets its number.
    pub(crate) async fn write(&mut self, mut header: SegmentHeader, blocks: Vec<Block>) {
        let position = self.positions.entry(header.log).or_insert_with(origin);
        header.seq = position.seq.next();
        header.seen.advance(header.log, position.seq);
        let segment = Segment { header, blocks };
        let bytes = segment::encode(&segment).unwrap();
        position.seq = segment.header.seq;
        position.max_epoch = segment.header.epoch;
        position.hlc = position.hlc.max(segment.header.hlc_max);
        position.chain = chain::extend(position.chain, chain::link(&bytes));
        let (log, seq) = (segment.header.log, segment.header.seq);
        self.put(&SegmentKey { log, seq }.path(), bytes).await;
        self.segments.push(segment);
    }

    /// Creates an object.
    pub(crate) async fn put(&self, path: &Path, bytes: Bytes) {
        assert!(self.catalog.create(path, bytes).await.unwrap(), "{path}");
    }

    /// What of each log was written.
    pub(crate) fn seen(&self) -> VersionVector {
        let logs = self.positions.iter();
        logs.map(|(log, position)| (*log, position.seq)).collect()
    }

    fn compactor(&self) -> Compactor {
        let dir = self.dir.path().join(self.segments.len().to_string());
        Compactor::new(self.catalog.clone(), Scratch::open(&dir).unwrap())
    }

    fn newest(&self) -> Hlc {
        let times = self.positions.values().map(|position| position.hlc);
        times.max().unwrap_or_default()
    }

    /// No mutation of a time up to this one can come any more.
    fn stable(&self) -> Hlc {
        let times = self.positions.iter();
        let times: BTreeMap<_, _> = times.map(|(log, position)| (*log, position.hlc)).collect();
        if self.members.is_empty() {
            return stable(times.keys().copied(), &times);
        }
        stable(self.members.iter().copied(), &times)
    }

    fn blocks(
        &self,
        namespace: &Namespace,
        after: &VersionVector,
    ) -> Vec<(&SegmentHeader, &Block)> {
        let newer = self
            .segments
            .iter()
            .filter(|s| s.header.seq > after.get(s.header.log));
        let blocks = newer.flat_map(|s| s.blocks.iter().map(|block| (&s.header, block)));
        blocks
            .filter(|(_, block)| block.namespace == *namespace)
            .collect()
    }

    /// Folds a namespace up to the end of all logs; merges its parts if `all`.
    pub(crate) async fn fold(&mut self, namespace: &Namespace, all: bool) {
        let manifest = self.manifests.get(namespace);
        let mut prior = Prior::default();
        let parts = PartsInMemory(self.catalog.clone());
        for entry in manifest.iter().flat_map(|m| &m.parts) {
            let dead = match entry.dead {
                None => Arc::default(),
                Some(hash) => {
                    let namespace = namespace.clone();
                    let key = isobath_storage::store::keys::DeadKey { namespace, hash };
                    Arc::new(self.catalog.dead(&key).await.unwrap())
                }
            };
            prior
                .parts
                .push(parts.open(namespace, entry, dead).await.unwrap());
        }
        prior.schema = manifest.map(|m| m.schema.clone()).unwrap_or_default();
        let seen = manifest.map(|m| m.seen.clone()).unwrap_or_default();
        let job = Job {
            namespace,
            manifest,
            prior,
            blocks: self.blocks(namespace, &seen),
            seen: self.seen(),
            last_write: self.newest(),
            stable: self.stable(),
            all,
            max_part_rows: 1_000,
        };
        let compactor = self.compactor();
        if let Some(compacted) = compactor.compact(job).await.unwrap() {
            self.manifests.insert(namespace.clone(), compacted.manifest);
        }
    }

    /// Publishes a checkpoint at the end of all logs.
    pub(crate) async fn checkpoint(&mut self) {
        let namespaces: BTreeMap<_, _> = self
            .manifests
            .iter()
            .map(|(name, manifest)| (name.clone(), manifest.entry()))
            .collect();
        let before = self.checkpoint.take();
        let seen = before
            .as_ref()
            .map(OpenCheckpoint::seen)
            .unwrap_or_default();
        let mut blocks = BTreeMap::new();
        for namespace in self.names() {
            let mut newer = seen.clone();
            if let Some(entry) = namespaces.get(&namespace) {
                newer.merge(&entry.seen);
            }
            let found = self.blocks(&namespace, &newer);
            if !found.is_empty() {
                blocks.insert(namespace, found);
            }
        }
        let job = CheckpointJob {
            prior: before.as_ref(),
            logs: self.positions.clone(),
            namespaces,
            blocks,
            now_ms: self.now_ms,
        };
        let compactor = self.compactor();
        self.checkpoint = Some(compactor.checkpoint(job).await.unwrap());
    }

    fn names(&self) -> BTreeSet<Namespace> {
        let blocks = self.segments.iter().flat_map(|segment| &segment.blocks);
        blocks.map(|block| block.namespace.clone()).collect()
    }

    /// The digest of the plain fold of all segments for which `counts` holds.
    pub(crate) fn expected(&self, counts: impl Fn(&SegmentHeader) -> bool) -> ContentHash {
        let mut state = StateDigest::default();
        for namespace in self.names() {
            let mut fold = NamespaceState::default();
            for (header, block) in self.blocks(&namespace, &VersionVector::default()) {
                if counts(header) {
                    fold.apply(header, block).unwrap();
                }
            }
            if fold.schema_state().exists() {
                state.add(&namespace, fold.digest().unwrap());
            }
        }
        state.finish()
    }

    /// The digest of what the bucket holds, read as anybody reads it.
    pub(crate) async fn digest(&self, at: Option<u64>) -> ContentHash {
        digest_of(&self.store, at).await
    }

    /// Changes the bytes of an object, past all rules.
    pub(crate) async fn damage(&self, path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
        let mut bytes = self
            .store
            .get(path)
            .await
            .unwrap()
            .bytes()
            .await
            .unwrap()
            .to_vec();
        change(&mut bytes);
        self.store.put(path, bytes.into()).await.unwrap();
    }

    /// The paths of all objects whose path contains `text`.
    pub(crate) async fn paths(&self, text: &str) -> Vec<Path> {
        use futures::TryStreamExt;
        let listed: Vec<_> = self.store.list(None).try_collect().await.unwrap();
        let mut paths: Vec<Path> = listed.into_iter().map(|meta| meta.location).collect();
        paths.retain(|path| path.as_ref().contains(text));
        paths.sort();
        paths
    }
}

/// The digest of what a bucket holds.
pub(crate) async fn digest_of(store: &Arc<dyn ObjectStore>, at: Option<u64>) -> ContentHash {
    let moment = crate::state::Moment::open(Arc::clone(store), at)
        .await
        .unwrap();
    let parts = PartsInMemory(moment.catalog().clone());
    moment.digest(&parts, |_| true).await.unwrap()
}

/// A short history of one log: three namespaces, each written, two folded, then a checkpoint, then more writes.
pub(crate) async fn usual() -> Scene {
    let mut scene = Scene::new();
    for round in 1..=3 {
        for name in ["a", "b", "c"] {
            write_some(&mut scene, name, round).await;
        }
        if round == 1 {
            scene.fold(&"a".parse().unwrap(), false).await;
            scene.fold(&"b".parse().unwrap(), false).await;
        }
        if round == 2 {
            scene.fold(&"a".parse().unwrap(), false).await;
            scene.checkpoint().await;
        }
    }
    scene
}

/// A segment with some rows of a namespace, a second after the last one.
pub(crate) async fn write_some(scene: &mut Scene, name: &str, first: u64) {
    let (mut header, mut block) = history::upserts(&[first, first + 1, first + 2]);
    let before = scene.positions.values().map(|p| p.hlc.millis()).max();
    header.hlc_max = Hlc::from_millis(before.unwrap_or(0) + 1_000);
    header.hlc_min = header.hlc_max;
    header.seq = Seq::ZERO;
    block.namespace = name.parse().unwrap();
    scene.write(header, vec![block]).await;
}
