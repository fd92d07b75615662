//! An object → a file, by several ranged GETs at a time.

use super::CacheError;
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use object_store::{GetOptions, GetRange, ObjectStore, path::Path};
use std::{fs::File, os::unix::fs::FileExt, sync::Arc};
use tokio::sync::Semaphore;

/// Bytes of one GET.
const PIECE: u64 = 4 << 20;
/// So many bytes of a piece wait at most until they are written: a piece as a whole would take memory twice.
const BATCH: u64 = 512 << 10;
/// GETs of one object at a time.
const AT_ONCE: usize = 20;

/// How many GETs fetch an object of so many bytes.
pub fn pieces_of(bytes: u64) -> u64 {
    bytes.div_ceil(PIECE)
}

/// The GETs of all downloads at a time, which bounds their memory.
#[derive(Debug)]
pub(super) struct Pieces(Semaphore);

impl Default for Pieces {
    fn default() -> Self {
        Self(Semaphore::new(AT_ONCE))
    }
}

/// Writes the object at `key` into `file`; its length, which is `bytes` where that is known.
pub(super) async fn download(
    store: &Arc<dyn ObjectStore>,
    pieces: &Pieces,
    key: &Path,
    bytes: Option<u64>,
    file: &Arc<File>,
) -> Result<u64, CacheError> {
    let piece = |start: u64| async move {
        let _permit = pieces.0.acquire().await;
        fetch(store, key, start, bytes, file).await
    };
    let (bytes, first) = match bytes {
        Some(bytes) => (bytes, 0),
        // the first piece says how many there are
        None => (piece(0).await?, PIECE),
    };
    let starts = (0..).map(|n| first + n * PIECE);
    stream::iter(starts.take_while(|start| *start < bytes))
        .map(|start| async move {
            let found = piece(start).await?;
            if found == bytes {
                return Ok(());
            }
            Err(damaged(key, format!("{found} bytes, {bytes} expected")))
        })
        .buffer_unordered(AT_ONCE)
        .try_collect::<()>()
        .await?;
    Ok(bytes)
}

/// Writes one piece; the length of the whole object.
async fn fetch(
    store: &Arc<dyn ObjectStore>,
    key: &Path,
    start: u64,
    bytes: Option<u64>,
    file: &Arc<File>,
) -> Result<u64, CacheError> {
    let error = |source| CacheError::Fetch {
        key: key.to_string(),
        source,
    };
    let end = (start + PIECE).min(bytes.unwrap_or(u64::MAX));
    let options = GetOptions {
        range: Some(GetRange::Bounded(start..end)),
        ..GetOptions::default()
    };
    let found = store.get_opts(key, options).await.map_err(error)?;
    let (total, range) = (found.meta.size, found.range.clone());
    let wrong = |came: u64| {
        let fault = format!("{came} bytes came in place of a piece of {total}");
        damaged(key, fault)
    };
    if range != (start..end.min(total)) {
        return Err(wrong(range.end.saturating_sub(range.start)));
    }
    let wanted = range.end - range.start;
    let (mut body, mut came) = (found.into_stream(), 0);
    let (mut waiting, mut waits) = (vec![], 0);
    while let Some(bytes) = body.try_next().await.map_err(error)? {
        waits += bytes.len() as u64;
        waiting.push(bytes);
        if came + waits > wanted {
            return Err(wrong(came + waits));
        }
        if waits >= BATCH || came + waits == wanted {
            write(file, start + came, std::mem::take(&mut waiting), key).await?;
            came += std::mem::take(&mut waits);
        }
    }
    if came == wanted {
        Ok(total)
    } else {
        Err(wrong(came + waits))
    }
}

/// Writes what came at `at`.
async fn write(file: &Arc<File>, at: u64, came: Vec<Bytes>, key: &Path) -> Result<(), CacheError> {
    let file = Arc::clone(file);
    let write = move || {
        let mut at = at;
        for bytes in came {
            file.write_all_at(&bytes, at)?;
            at += bytes.len() as u64;
        }
        Ok(())
    };
    let written = tokio::task::spawn_blocking(write).await;
    let written = written.unwrap_or_else(|error| Err(error.into()));
    written.map_err(CacheError::disk("write", key.as_ref()))
}

pub(super) fn damaged(key: &Path, fault: String) -> CacheError {
    CacheError::Damaged {
        key: key.to_string(),
        fault,
    }
}
