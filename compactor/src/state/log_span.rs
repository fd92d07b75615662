//! [`LogSpan`]: the segments of a log from a position on.

use super::StateError;
use futures::{StreamExt, stream};
use isobath_storage::{
    format::{
        FormatError, Position,
        segment::{self, Directory},
    },
    log::{
        Start, chain,
        protocol::{Reader, Rules, Verdict},
    },
    model::{ContentHash, LogId, SegmentKind, Seq},
    store::{
        get_suffix,
        keys::{Key, SegmentKey},
    },
};
use object_store::ObjectStore;
use std::sync::Arc;

/// Requests at a time.
const AT_ONCE: usize = 16;

/// The segments of a log after a position that count and hold mutations, up to a time.
#[derive(Debug, Clone)]
pub struct LogSpan {
    /// The log.
    pub log: LogId,
    /// The position after which it starts.
    pub start: Position,
    /// The directories of the segments, in log order.
    pub segments: Vec<Directory>,
    /// The position up to which it goes, void segments and heartbeats included.
    pub end: Position,
}

/// The position before the first segment of a log.
pub(crate) fn origin() -> Position {
    let Start {
        seq,
        max_epoch,
        chain,
        hlc,
    } = Start::default();
    Position {
        seq,
        max_epoch,
        chain,
        hlc,
    }
}

impl LogSpan {
    /// Nothing after `end`.
    pub(super) fn empty(log: LogId, end: Position) -> Self {
        Self {
            log,
            start: end,
            segments: vec![],
            end,
        }
    }

    /// Reads the directories of the segments of `log` after `start` up to `tail`, all of which are there; ends before
    /// the first that counts and is newer than `until` milliseconds since 1970.
    pub async fn read(
        store: &Arc<dyn ObjectStore>,
        log: LogId,
        start: Position,
        tail: Seq,
        until: u64,
    ) -> Result<Self, StateError> {
        let mut span = Self::empty(log, start);
        let mut reader = Reader::new(Rules::ALL, start.seq, start.max_epoch);
        let keys =
            (start.seq.0.saturating_add(1)..=tail.0).map(|seq| SegmentKey { log, seq: Seq(seq) });
        let reads = keys.map(|key| directory(store, key));
        let mut reads = stream::iter(reads).buffered(AT_ONCE);
        while let Some(read) = reads.next().await {
            let (directory, link) = read?;
            let header = &directory.header;
            let mut next = reader;
            let live = next.consume(header.epoch) == Verdict::Live;
            if live && header.hlc_max.millis() > until {
                break;
            }
            reader = next;
            span.end.seq = reader.seq();
            span.end.max_epoch = reader.max_epoch();
            span.end.hlc = span.end.hlc.max(header.hlc_max);
            if live {
                span.end.chain = chain::extend(span.end.chain, link);
                if header.kind == SegmentKind::Data {
                    span.segments.push(directory);
                }
            }
        }
        Ok(span)
    }
}

/// The directory of a segment, and what stands for it in the running hash.
async fn directory(
    store: &Arc<dyn ObjectStore>,
    key: SegmentKey,
) -> Result<(Directory, ContentHash), StateError> {
    let path = key.path();
    let mut length = segment::SUFFIX as u64;
    loop {
        let suffix = get_suffix(store.as_ref(), &path, length).await;
        let (suffix, _) = suffix.map_err(StateError::store(&path))?;
        match segment::decode_directory(&suffix) {
            Err(FormatError::Truncated { needed, .. }) if needed > length => length = needed,
            directory => {
                let directory = directory.map_err(StateError::format(&path))?;
                let header = &directory.header;
                if (header.log, header.seq) != (key.log, key.seq) {
                    let why = format!("it says it is segment {} of {}", header.seq, header.log);
                    return Err(StateError::Damaged {
                        key: path.to_string(),
                        why,
                    });
                }
                return Ok((directory, chain::link(&suffix)));
            }
        }
    }
}
