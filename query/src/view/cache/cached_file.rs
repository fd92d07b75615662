//! [`CachedFile`]: an object as a local file.

use super::{CacheError, entries::Lease};
use crate::view::mapped;
use bytes::Bytes;
use memmap2::Mmap;
use std::{
    fs::File,
    path::{Path, PathBuf},
};

/// An object as a local file, open; what it holds cannot change or go away while this is held.
#[derive(Debug)]
pub struct CachedFile {
    path: PathBuf,
    file: File,
    bytes: u64,
    lease: Lease,
}

/// The bytes of a mapped file, which stays in the cache as long.
struct Mapped {
    map: Mmap,
    _lease: Lease,
}

impl CachedFile {
    pub(super) fn new(path: PathBuf, file: File, bytes: u64, lease: Lease) -> Self {
        Self {
            path,
            file,
            bytes,
            lease,
        }
    }

    /// Where it lies; for messages: it may be deleted there at any time.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The open file.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// How many bytes it has.
    pub fn len(&self) -> u64 {
        self.bytes
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// Its bytes, mapped.
    pub fn map(self) -> Result<Bytes, CacheError> {
        let map = mapped::map(&self.file).map_err(CacheError::disk("map", self.path))?;
        let mapped = Mapped {
            map,
            _lease: self.lease,
        };
        Ok(Bytes::from_owner(mapped))
    }
}

impl AsRef<[u8]> for Mapped {
    fn as_ref(&self) -> &[u8] {
        &self.map
    }
}
