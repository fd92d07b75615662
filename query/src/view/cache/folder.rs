//! [`Folder`]: where the cached files lie.

use super::CacheError;
use isobath_storage::model::ContentHash;
use std::{
    fs::{self, File, TryLockError},
    io::{self, Read as _, Seek as _},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

/// The end of the names of files that are not whole yet.
const UNFINISHED: &str = "part";
/// Bytes that are hashed at a time.
const READ: usize = 1 << 20;

/// Where the cached files lie: `{dir}/{two digits}/{hash}`.
#[derive(Debug)]
pub(super) struct Folder {
    dir: PathBuf,
    /// Held while the folder is in use: two processes would delete each other's files.
    _lock: File,
    next: AtomicU64,
}

/// A file that is not whole yet; deleted unless it is [finished](Self::finish).
#[derive(Debug)]
pub(super) struct Unfinished {
    path: PathBuf,
    finished: bool,
}

impl Folder {
    /// Takes the folder, which is made if it is not there.
    pub(super) fn open(dir: &Path) -> Result<Self, CacheError> {
        fs::create_dir_all(dir).map_err(CacheError::disk("create", dir))?;
        let path = dir.join("lock");
        let lock = File::create(&path).map_err(CacheError::disk("create", &path))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self {
                dir: dir.to_owned(),
                _lock: lock,
                next: AtomicU64::new(0),
            }),
            Err(TryLockError::WouldBlock) => Err(CacheError::InUse {
                dir: dir.to_owned(),
            }),
            Err(TryLockError::Error(error)) => Err(CacheError::disk("lock", path)(error)),
        }
    }

    /// The files with their lengths, those written first in front; whatever else lies there is deleted.
    pub(super) fn scan(&self) -> Result<Vec<(ContentHash, u64)>, CacheError> {
        let mut found = vec![];
        for shelf in entries(&self.dir)? {
            if !shelf.is_dir() {
                if shelf.file_name().is_none_or(|name| name != "lock") {
                    remove(&shelf)?;
                }
                continue;
            }
            for path in entries(&shelf)? {
                let name = path.file_name().and_then(|name| name.to_str());
                let hash = name.and_then(|name| name.parse::<ContentHash>().ok());
                let about = fs::metadata(&path).map_err(CacheError::disk("look at", &path))?;
                match hash.filter(|hash| about.is_file() && self.file(*hash) == path) {
                    Some(hash) => found.push((about.modified().ok(), hash, about.len())),
                    None => remove(&path)?,
                }
            }
        }
        found.sort_by_key(|(written, ..)| *written);
        Ok(found
            .into_iter()
            .map(|(_, hash, bytes)| (hash, bytes))
            .collect())
    }

    /// Where the file of this hash lies.
    pub(super) fn file(&self, hash: ContentHash) -> PathBuf {
        let name = hash.to_string();
        self.dir.join(&name[..2]).join(name)
    }

    /// A new file beside the one of this hash.
    pub(super) fn create(&self, hash: ContentHash) -> Result<(Unfinished, File), CacheError> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let path = self
            .file(hash)
            .with_extension(format!("{number}.{UNFINISHED}"));
        // The folder may have been emptied.
        if let Some(shelf) = path.parent() {
            fs::create_dir_all(shelf).map_err(CacheError::disk("create", shelf))?;
        }
        let file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(&path)
            .map_err(CacheError::disk("create", &path))?;
        let unfinished = Unfinished {
            path,
            finished: false,
        };
        Ok((unfinished, file))
    }
}

impl Unfinished {
    /// Puts the file, which is whole now, under its final name. It is not synced: after a crash its hash tells.
    pub(super) fn finish(mut self, to: &Path) -> Result<(), CacheError> {
        fs::rename(&self.path, to).map_err(CacheError::disk("finish", to))?;
        self.finished = true;
        Ok(())
    }

    /// Where it lies.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if !self.finished {
            // What stays is deleted at the next start.
            drop(fs::remove_file(&self.path));
        }
    }
}

/// The hash of a file's bytes.
pub(super) fn hash_of(file: &mut File) -> io::Result<ContentHash> {
    file.rewind()?;
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0; READ];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(ContentHash(*hasher.finalize().as_bytes())),
            Ok(read) => {
                hasher.update(&buffer[..read]);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn entries(dir: &Path) -> Result<Vec<PathBuf>, CacheError> {
    let list = || -> io::Result<Vec<PathBuf>> {
        fs::read_dir(dir)?.map(|entry| Ok(entry?.path())).collect()
    };
    list().map_err(CacheError::disk("list", dir))
}

fn remove(path: &Path) -> Result<(), CacheError> {
    let removed = if path.is_dir() {
        fs::remove_dir_all(path)
    } else {
        fs::remove_file(path)
    };
    removed.map_err(CacheError::disk("remove", path))
}
