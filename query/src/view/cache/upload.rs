//! A file → an object, in pieces.

use super::{CacheError, CachedFile, ObjectCache};
use futures::{StreamExt, TryStreamExt, stream};
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutPayload, path::Path};
use std::{fs::File, os::unix::fs::FileExt, sync::Arc};

/// Larger objects are sent in several requests of this many bytes.
const PIECE: u64 = 8 << 20;
/// Pieces of one object on their way at a time.
const AT_ONCE: usize = 4;

impl ObjectCache {
    /// Creates the object at `key`, which is called by its content, from a file that is kept here. One that is
    /// there already holds the same bytes, and stays or is replaced by them.
    pub async fn upload(&self, key: &Path, file: &CachedFile) -> Result<(), CacheError> {
        let bytes = file.len();
        let own = file.file().try_clone();
        let own = Arc::new(own.map_err(CacheError::disk("open", file.path()))?);
        if bytes > PIECE {
            return upload_pieces(self.store(), key, bytes, &own).await;
        }
        let payload = read(&own, 0, bytes, key).await?;
        let created = self.store().put_opts(key, payload, PutMode::Create.into());
        match created.await {
            Ok(_) | Err(object_store::Error::AlreadyExists { .. }) => Ok(()),
            Err(source) => Err(sent(key)(source)),
        }
    }
}

async fn upload_pieces(
    store: &Arc<dyn ObjectStore>,
    key: &Path,
    bytes: u64,
    file: &Arc<File>,
) -> Result<(), CacheError> {
    let mut upload = store.put_multipart(key).await.map_err(sent(key))?;
    let starts = (0..).map(|n| n * PIECE).take_while(|start| *start < bytes);
    let pieces = stream::iter(starts).map(|start| read(file, start, PIECE.min(bytes - start), key));
    let mut pieces = pieces.buffered(1);
    let mut underway = stream::FuturesUnordered::new();
    let outcome = async {
        while let Some(piece) = pieces.next().await {
            underway.push(upload.put_part(piece?));
            if underway.len() >= AT_ONCE {
                underway.try_next().await.map_err(sent(key))?;
            }
        }
        while underway.try_next().await.map_err(sent(key))?.is_some() {}
        Ok(())
    };
    let outcome = outcome.await;
    drop(underway);
    if let Err(error) = outcome {
        // What was sent costs space until the bucket's own rules remove it.
        drop(upload.abort().await);
        return Err(error);
    }
    upload.complete().await.map_err(sent(key))?;
    Ok(())
}

async fn read(
    file: &Arc<File>,
    start: u64,
    bytes: u64,
    key: &Path,
) -> Result<PutPayload, CacheError> {
    let file = Arc::clone(file);
    let read = tokio::task::spawn_blocking(move || {
        let mut piece = vec![0; usize::try_from(bytes).unwrap_or(0)];
        file.read_exact_at(&mut piece, start)?;
        Ok(PutPayload::from(piece))
    });
    let read = read.await.unwrap_or_else(|error| Err(error.into()));
    read.map_err(CacheError::disk("read", key.as_ref()))
}

fn sent(key: &Path) -> impl FnOnce(object_store::Error) -> CacheError {
    let key = key.to_string();
    move |source| CacheError::Send { key, source }
}
