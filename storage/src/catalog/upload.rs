//! Large objects: from a file into the bucket, in pieces.

use super::{Catalog, CatalogError};
use bytes::Bytes;
use object_store::{MultipartUpload, ObjectStoreExt, PutPayload, path::Path};
use std::{fs::File, io::Read};

/// Up to so many bytes are sent in one request, and so many at a time beyond.
const PIECE: usize = 16 << 20;

impl Catalog {
    /// Puts the `bytes` bytes of a file under the key that their hash makes, unless they are there already. Reads the
    /// file on this thread.
    pub async fn upload(
        &self,
        key: &Path,
        file: &mut File,
        bytes: u64,
    ) -> Result<(), CatalogError> {
        if bytes <= PIECE as u64 {
            let piece = read_piece(key, file, bytes)?;
            self.create(key, piece).await?;
            return Ok(());
        }
        // An upload in pieces cannot ask for there being nothing; the same bytes do no harm.
        match self.store.head(key).await {
            Ok(_) => return Ok(()),
            Err(object_store::Error::NotFound { .. }) => {}
            Err(error) => return Err(CatalogError::store(key)(error)),
        }
        let upload = self.store.put_multipart(key).await;
        let mut upload = upload.map_err(CatalogError::store(key))?;
        let sent = send(key, file, bytes, upload.as_mut()).await;
        if sent.is_err() {
            // What was sent is not an object; who pays for it wants it gone.
            drop(upload.abort().await);
        }
        sent
    }
}

async fn send(
    key: &Path,
    file: &mut File,
    mut left: u64,
    upload: &mut dyn MultipartUpload,
) -> Result<(), CatalogError> {
    while left > 0 {
        let piece = read_piece(key, file, left)?;
        left -= piece.len() as u64;
        let put = upload.put_part(PutPayload::from_bytes(piece));
        put.await.map_err(CatalogError::store(key))?;
    }
    let done = upload.complete().await;
    done.map(drop).map_err(CatalogError::store(key))
}

/// The next piece of a file of which `left` bytes are left.
fn read_piece(key: &Path, file: &mut File, left: u64) -> Result<Bytes, CatalogError> {
    let mut piece = vec![0; PIECE.min(usize::try_from(left).unwrap_or(PIECE))];
    let read = file.read_exact(&mut piece);
    let read = read.map_err(|source| object_store::Error::Generic {
        store: "file",
        source: Box::new(source),
    });
    read.map_err(CatalogError::store(key))?;
    Ok(piece.into())
}
