//! [`Segments`]: the segments of one log in a bucket, as objects.

use super::chain;
use crate::catalog::{Outcome, Patience};
use crate::format::segment;
use crate::model::{ClusterId, ContentHash, LogId, Segment, SegmentHeader, Seq};
use crate::store::keys::{Key, SegmentKey};
use bytes::Bytes;
use std::sync::Arc;
use tokio::runtime::{Handle, RuntimeFlavor};

/// Work on fewer bytes than this is done on the spot.
const HEAVY: usize = 256 * 1024;

/// A segment as it was read or written.
#[derive(Debug, Clone)]
pub(crate) struct Read {
    pub(crate) segment: Arc<Segment>,
    /// All of it; the segment's columns borrow from it.
    pub(crate) raw: Bytes,
    pub(crate) digest: ContentHash,
}

/// What is wrong with a segment that cannot be what the log holds.
pub(crate) type Fault = String;

/// The segments of one log in a bucket.
#[derive(Debug, Clone)]
pub(crate) struct Segments {
    store: Patience,
    cluster: ClusterId,
    log: LogId,
}

impl Segments {
    pub(crate) fn new(store: Patience, cluster: ClusterId, log: LogId) -> Self {
        Self {
            store,
            cluster,
            log,
        }
    }

    pub(crate) fn store(&self) -> &Patience {
        &self.store
    }

    /// One create-if-absent.
    pub(crate) async fn create(&self, seq: Seq, bytes: Bytes) -> Outcome {
        self.store.create(&self.key(seq), bytes).await
    }

    /// The header of segment `seq`; `None` where there is none.
    pub(crate) async fn header(&self, seq: Seq) -> Option<Result<SegmentHeader, Fault>> {
        let bytes = self
            .store
            .get(&self.key(seq), Some(0..segment::PREFIX as u64))
            .await?;
        let header = segment::decode_header(&bytes).map_err(chain_text);
        Some(header.and_then(|header| self.check(seq, &header).map(|()| header)))
    }

    /// Segment `seq`; `None` where there is none.
    pub(crate) async fn read(&self, seq: Seq) -> Option<Result<Read, Fault>> {
        let bytes = self.store.get(&self.key(seq), None).await?;
        let size = bytes.len();
        let read = heavy(size, || self.decode(seq, &bytes));
        if read.is_ok() {
            return Some(read);
        }
        // The bytes may have been damaged on the way: damage in the bucket is there a second time.
        let bytes = self.store.get(&self.key(seq), None).await?;
        Some(heavy(size, || self.decode(seq, &bytes)))
    }

    /// The bytes of segment `seq` as they are; `None` where there is none.
    pub(crate) async fn raw(&self, seq: Seq) -> Option<Bytes> {
        self.store.get(&self.key(seq), None).await
    }

    /// The segments after `seq` that are there, ascending, by one LIST.
    pub(crate) async fn all_after(&self, seq: Seq) -> Vec<Seq> {
        let prefix = SegmentKey::prefix(self.log);
        let paths = self.store.list(&prefix, Some(&self.key(seq))).await;
        let keys = paths.iter().filter_map(|path| SegmentKey::parse(path).ok());
        keys.map(|key| key.seq)
            .filter(|found| *found > seq)
            .collect()
    }

    /// The end of the contiguous prefix after `seq`, by one LIST.
    pub(crate) async fn tail_after(&self, seq: Seq) -> Seq {
        Self::prefix(seq, self.all_after(seq).await)
    }

    /// The end of the contiguous prefix after `seq` of ascending numbers.
    pub(crate) fn prefix(seq: Seq, all: Vec<Seq>) -> Seq {
        let step = |tail: Seq, found: Seq| if found == tail.next() { found } else { tail };
        all.into_iter().fold(seq, step)
    }

    /// Lays `segment` out.
    pub(crate) fn encode(segment: &Segment) -> Result<(Bytes, ContentHash), Fault> {
        let bytes = segment::encode(segment).map_err(chain_text)?;
        let digest = chain::link(&bytes);
        Ok((bytes, digest))
    }

    /// The segment that `bytes` hold, verified as number `seq` of this log.
    pub(crate) fn decode(&self, seq: Seq, bytes: &Bytes) -> Result<Read, Fault> {
        let digest = chain::link(bytes);
        let segment = segment::decode(bytes).map_err(chain_text)?;
        self.check(seq, &segment.header)?;
        Ok(Read {
            segment: Arc::new(segment),
            digest,
            raw: bytes.clone(),
        })
    }

    fn check(&self, seq: Seq, header: &SegmentHeader) -> Result<(), Fault> {
        if header.cluster != self.cluster {
            return Err("it belongs to another cluster".to_owned());
        }
        if (header.log, header.seq) != (self.log, seq) {
            return Err(format!(
                "it says it is segment {} of {}",
                header.seq, header.log
            ));
        }
        Ok(())
    }

    fn key(&self, seq: Seq) -> object_store::path::Path {
        SegmentKey { log: self.log, seq }.path()
    }
}

fn chain_text(error: impl std::error::Error) -> Fault {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

/// Does `work` on `bytes` bytes without keeping other tasks from this thread.
pub(crate) fn heavy<T>(bytes: usize, work: impl FnOnce() -> T) -> T {
    match Handle::current().runtime_flavor() {
        RuntimeFlavor::MultiThread if bytes >= HEAVY => tokio::task::block_in_place(work),
        _ => work(),
    }
}
