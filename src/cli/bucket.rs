//! A region's bucket read directly: its logs and their segments.

use super::settings;
use anyhow::Context as _;
use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use isobath_config::Config;
use isobath_storage::{
    Clock, SystemClock,
    format::{
        FormatError,
        segment::{self, Directory},
    },
    model::{Epoch, LogId, Namespace, Seq},
    store::{
        Store, StoreError, StoreOptions, get_suffix,
        keys::{AnyKey, ClaimKey, Key as _, SegmentKey},
    },
};
use object_store::{ObjectStoreExt as _, path::Path};
use std::{collections::BTreeMap, sync::Arc};

/// Requests at a time.
const PARALLEL: usize = 16;

/// What a listing tells about a log.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct LogObjects {
    /// The segments with their bytes.
    pub(super) segments: BTreeMap<Seq, u64>,
    /// The claims.
    pub(super) claims: Vec<Epoch>,
}

impl LogObjects {
    /// Bytes of all segments.
    pub(super) fn bytes(&self) -> u64 {
        self.segments.values().sum()
    }

    /// The first and the last segment.
    pub(super) fn ends(&self) -> Option<(Seq, Seq)> {
        let first = *self.segments.first_key_value()?.0;
        Some((first, *self.segments.last_key_value()?.0))
    }

    /// How many segments are missing between the first and the last.
    pub(super) fn gaps(&self) -> u64 {
        let slots = self.ends().map_or(0, |(first, last)| last.0 - first.0 + 1);
        slots.saturating_sub(self.segments.len() as u64)
    }
}

/// Opens the bucket of these settings as a node does, but makes no directory.
pub(super) fn open(config: &Config) -> anyhow::Result<Store> {
    open_with(config, false)
}

/// Opens the bucket of these settings as a node does, and makes its directory where there is none.
pub(super) fn open_or_make(config: &Config) -> anyhow::Result<Store> {
    open_with(config, true)
}

fn open_with(config: &Config, create_dir: bool) -> anyhow::Result<Store> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let options = StoreOptions {
        create_dir,
        ..StoreOptions::from_config(&config.store, &config.log)
    };
    Store::open(&config.bucket, settings::environment(), &options, &clock)
        .context("cannot open the bucket")
}

/// All logs, by a listing of segments and claims.
pub(super) async fn logs(store: &Store) -> anyhow::Result<BTreeMap<LogId, LogObjects>> {
    let mut logs: BTreeMap<LogId, LogObjects> = BTreeMap::new();
    for prefix in ["log", "claim"] {
        let prefix = Path::from(prefix);
        let mut objects = store.data.list(Some(&prefix));
        let failed = |source| StoreError::request("list", &prefix, source);
        while let Some(object) = objects.try_next().await.map_err(failed)? {
            match AnyKey::parse(&object.location)? {
                AnyKey::Segment(SegmentKey { log, seq }) => {
                    let log = logs.entry(log).or_default();
                    log.segments.insert(seq, object.size);
                }
                AnyKey::Claim(ClaimKey { log, epoch }) => {
                    logs.entry(log).or_default().claims.push(epoch);
                }
                _ => {}
            }
        }
    }
    for log in logs.values_mut() {
        log.claims.sort_unstable();
    }
    Ok(logs)
}

/// The bytes of an object.
pub(super) async fn read(store: &Store, path: &Path) -> anyhow::Result<Bytes> {
    let failed = |source| StoreError::request("read", path, source);
    let object = store.data.get(path).await.map_err(failed)?;
    Ok(object.bytes().await.map_err(failed)?)
}

/// The directory of a segment, by one request where it is not unusually long.
pub(super) async fn directory(store: &Store, key: SegmentKey) -> anyhow::Result<Directory> {
    let path = key.path();
    let mut length = segment::SUFFIX as u64;
    loop {
        let suffix = get_suffix(store.data.as_ref(), &path, length).await;
        let (suffix, _) = suffix.map_err(|source| StoreError::request("read", &path, source))?;
        match segment::decode_directory(&suffix) {
            Err(FormatError::Truncated { needed, .. }) if needed > length => length = needed,
            directory => return directory.with_context(|| format!("{path} is damaged")),
        }
    }
}

/// The directories of segments, in their order, several requests at a time.
pub(super) async fn directories(
    store: &Store,
    log: LogId,
    segments: impl IntoIterator<Item = Seq>,
) -> anyhow::Result<Vec<Directory>> {
    let keys: Vec<SegmentKey> = segments
        .into_iter()
        .map(|seq| SegmentKey { log, seq })
        .collect();
    stream::iter(keys)
        .map(|key| directory(store, key))
        .buffered(PARALLEL)
        .try_collect()
        .await
}

/// The block of a namespace in a segment whose directory names one.
pub(super) async fn block(
    store: &Store,
    directory: &Directory,
    namespace: &Namespace,
) -> anyhow::Result<Option<isobath_storage::model::Block>> {
    let Some(entry) = directory.get(namespace) else {
        return Ok(None);
    };
    let (log, seq) = (directory.header.log, directory.header.seq);
    let path = SegmentKey { log, seq }.path();
    let range = entry.offset..entry.offset.saturating_add(entry.length);
    let bytes = store.data.get_range(&path, range).await;
    let bytes = bytes.map_err(|source| StoreError::request("read", &path, source))?;
    let block = directory.decode_block(entry, &bytes);
    Ok(Some(block.with_context(|| format!("{path} is damaged"))?))
}
