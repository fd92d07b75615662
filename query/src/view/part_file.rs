//! Parts as mapped files.

use super::{CacheError, CachedFile, PartSet, mapped};
use bytes::Bytes;
use isobath_storage::{
    fold::PartRows,
    format::{FormatError, part},
    model::{ContentHash, PartEntry},
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

/// Opens the part that `entry` names from a local file; its columns stay in the file. With `verify`, all of it is
/// read and compared with its name.
pub fn open_part(
    file: &Path,
    entry: PartEntry,
    dead: Arc<RoaringBitmap>,
    verify: bool,
) -> Result<PartSet, PartError> {
    let hash = entry.hash;
    let map = File::open(file).and_then(|file| mapped::map(&file));
    let map = map.map_err(|source| PartError::Io { hash, source })?;
    if verify {
        part::verify(&map, hash).map_err(|source| PartError::Format { hash, source })?;
    }
    open(Bytes::from_owner(map), entry, dead)
}

/// Opens the part that `entry` names from the node's cache, which has compared it with its name; its columns stay in
/// the file.
pub fn open_cached_part(
    file: CachedFile,
    entry: PartEntry,
    dead: Arc<RoaringBitmap>,
) -> Result<PartSet, PartError> {
    let map = file.map().map_err(|source| PartError::Cache {
        hash: entry.hash,
        source: source.into(),
    })?;
    open(map, entry, dead)
}

fn open(bytes: Bytes, entry: PartEntry, dead: Arc<RoaringBitmap>) -> Result<PartSet, PartError> {
    let hash = entry.hash;
    let part = part::Part::open(bytes).map_err(|source| PartError::Format { hash, source })?;
    let rows = PartRows {
        rows: part.rows,
        stamps: part.stamps,
        dead,
        residue: Arc::new(part.residue),
    };
    Ok(PartSet::new(rows, entry))
}
