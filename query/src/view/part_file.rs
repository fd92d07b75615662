//! Parts as mapped files.

use super::{CacheError, CachedFile, Origin, PartSet, RowSet, mapped};
use bytes::Bytes;
use isobath_storage::{
    fold::PartRows,
    format::{FormatError, part},
    model::ContentHash,
};
use roaring::RoaringBitmap;
use std::{fs::File, io, path::Path, sync::Arc};

/// Why a part cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum PartError {
    /// The file cannot be mapped.
    #[error("part {hash} cannot be mapped")]
    Io {
        /// The part.
        hash: ContentHash,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// The cached file cannot be used.
    #[error("part {hash} cannot be read from the cache")]
    Cache {
        /// The part.
        hash: ContentHash,
        /// The cause.
        #[source]
        source: Box<CacheError>,
    },
    /// The file is not that part.
    #[error("part {hash} cannot be read")]
    Format {
        /// The part.
        hash: ContentHash,
        /// The cause.
        #[source]
        source: FormatError,
    },
}

/// Opens the part `hash` from a local file; its columns stay in the file. With `verify`, all of it is read and
/// compared with its name.
pub fn open_part(
    file: &Path,
    hash: ContentHash,
    dead: Arc<RoaringBitmap>,
    verify: bool,
) -> Result<PartSet, PartError> {
    let map = File::open(file).and_then(|file| mapped::map(&file));
    let map = map.map_err(|source| PartError::Io { hash, source })?;
    if verify {
        part::verify(&map, hash).map_err(|source| PartError::Format { hash, source })?;
    }
    open(Bytes::from_owner(map), hash, dead)
}

/// Opens the part `hash` from the node's cache, which has compared it with its name; its columns stay in the file.
pub fn open_cached_part(
    file: CachedFile,
    hash: ContentHash,
    dead: Arc<RoaringBitmap>,
) -> Result<PartSet, PartError> {
    let map = file.map().map_err(|source| PartError::Cache {
        hash,
        source: source.into(),
    })?;
    open(map, hash, dead)
}

fn open(bytes: Bytes, hash: ContentHash, dead: Arc<RoaringBitmap>) -> Result<PartSet, PartError> {
    let part = part::Part::open(bytes).map_err(|source| PartError::Format { hash, source })?;
    let rows = PartRows {
        rows: part.rows,
        stamps: part.stamps,
        dead,
    };
    let origin = Origin::Part(hash.to_string().into());
    let set = RowSet::new(origin, Arc::clone(&rows.rows), rows.stamps.clone());
    Ok(PartSet {
        set: Arc::new(set),
        rows,
    })
}
