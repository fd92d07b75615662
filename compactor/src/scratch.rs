//! [`Scratch`]: files on the way into the bucket.

use crate::CompactError;
use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

/// A folder for files that are on their way into the bucket; what is in it may be lost.
#[derive(Debug)]
pub struct Scratch {
    dir: PathBuf,
    next: AtomicU64,
}

/// A file of a [`Scratch`]; deleted when this is dropped, unless somebody moved it.
#[derive(Debug)]
pub struct ScratchFile {
    path: PathBuf,
}

impl Scratch {
    /// Uses the folder `dir` of which nobody else may make use; what is in it is deleted.
    pub fn open(dir: &Path) -> io::Result<Self> {
        match fs::remove_dir_all(dir) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => fs::create_dir_all(dir)?,
        }
        Ok(Self {
            dir: dir.to_owned(),
            next: AtomicU64::new(0),
        })
    }

    /// A new file, open for writing.
    pub(crate) fn create(&self) -> Result<(ScratchFile, File), CompactError> {
        let n = self.next.fetch_add(1, Ordering::Relaxed);
        let path = self.dir.join(format!("{n:010}"));
        // the folder may have been deleted with the rest of the cache
        let created = fs::create_dir_all(&self.dir).and_then(|()| File::create(&path));
        let file = created.map_err(CompactError::scratch(&path))?;
        Ok((ScratchFile { path }, file))
    }
}

impl ScratchFile {
    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for ScratchFile {
    fn drop(&mut self) {
        // It may have been moved; one that stays behind is deleted at the next start.
        drop(fs::remove_file(&self.path));
    }
}
