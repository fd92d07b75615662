//! Stores in a local directory.

use super::Backend;
use crate::store::{StoreError, StoreKind, StoreOptions};
use object_store::local::LocalFileSystem;
use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

pub(super) fn open(
    dir: PathBuf,
    url: String,
    options: &StoreOptions,
) -> Result<Backend, StoreError> {
    let failed = |source| StoreError::Directory {
        dir: dir.clone(),
        source,
    };
    if options.create_dir {
        create(&dir, options.fsync).map_err(failed)?;
    }
    if !fs::metadata(&dir).map_err(failed)?.is_dir() {
        return Err(failed(io::Error::from(io::ErrorKind::NotADirectory)));
    }
    let store = LocalFileSystem::new_with_prefix(&dir)
        .map_err(|source| StoreError::Client {
            url: url.clone(),
            source,
        })?
        .with_fsync(options.fsync);
    let (store, kind) = (Arc::new(store), StoreKind::File);
    Ok(Backend {
        store,
        kind,
        url,
        dir: Some(dir),
        durable: options.fsync,
    })
}

/// Makes `dir` and what is missing above it; each stands on the disk before this returns.
fn create(dir: &Path, fsync: bool) -> io::Result<()> {
    if dir.is_dir() {
        return Ok(());
    }
    if let Some(parent) = dir.parent() {
        create(parent, fsync)?;
    }
    match fs::create_dir(dir) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    match dir.parent() {
        Some(parent) if fsync => File::open(parent)?.sync_all(),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    fn open_in(dir: &Path, create_dir: bool) -> Result<Backend, StoreError> {
        let options = StoreOptions {
            create_dir,
            ..StoreOptions::default()
        };
        Backend::open(dir.to_str().unwrap(), [("", ""); 0], &options)
    }

    #[test]
    fn should_make_a_missing_directory_only_when_told_to() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("a/b");
        let error = open_in(&dir, false).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(error.to_string().contains("a/b"), "{error}");
        assert!(open_in(&dir, true).unwrap().durable);
        assert!(dir.is_dir());
        open_in(&dir, false).unwrap();
    }

    #[test]
    fn should_refuse_a_file_in_place_of_a_directory() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("file");
        fs::write(&file, "x").unwrap();
        assert!(open_in(&file, false).is_err());
        assert!(open_in(&file.join("below"), true).is_err());
    }
}
