//! [`Folders`]: where indexes lie.

use super::queue::Parts;
use crate::index::{IndexError, IndexParams};
use isobath_storage::{
    model::{Analysis, AttributeName, Namespace},
    store::keys::IndexKey,
};
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// Where indexes lie: `{data}/{namespace}/index/{part hash}-{hash of attribute and parameters}`.
#[derive(Debug)]
pub(super) struct Folders {
    data: PathBuf,
}

impl Folders {
    pub(super) fn new(data: &Path) -> Self {
        Self { data: data.into() }
    }

    /// The folder of one index.
    pub(super) fn index(
        &self,
        namespace: &Namespace,
        part: &str,
        attribute: &AttributeName,
        params: &IndexParams,
    ) -> PathBuf {
        self.keyed(namespace, part, &format!("{attribute} {}", params.hash()))
    }

    /// The folder of one text index.
    pub(super) fn text(
        &self,
        namespace: &Namespace,
        part: &str,
        attribute: &AttributeName,
        analysis: Analysis,
    ) -> PathBuf {
        self.keyed(namespace, part, &format!("{attribute} {analysis:?}"))
    }

    /// The folder in which an index that all nodes share is built.
    pub(super) fn scratch(&self, key: &IndexKey) -> PathBuf {
        self.data.join(format!("{}-{}", key.part, key.params))
    }

    /// Deletes everything.
    pub(super) fn clear(&self) -> io::Result<()> {
        match fs::remove_dir_all(&self.data) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
            _ => Ok(()),
        }
    }

    fn keyed(&self, namespace: &Namespace, part: &str, key: &str) -> PathBuf {
        let key = &blake3::hash(key.as_bytes()).to_hex()[..32];
        self.indexes(namespace).join(format!("{part}-{key}"))
    }

    /// Deletes the indexes of a namespace's parts that are not among `keep`.
    pub(super) fn sweep(&self, namespace: &Namespace, keep: &Parts) -> Result<(), IndexError> {
        let indexes = self.indexes(namespace);
        let entries = match fs::read_dir(&indexes) {
            Ok(entries) => entries,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(e) => return Err(IndexError::io("list", indexes)(e)),
        };
        for entry in entries {
            let entry = entry.map_err(IndexError::io("list", &indexes))?;
            let name = entry.file_name();
            let part = name.to_str().and_then(|name| name.rsplit_once('-'));
            if part.is_none_or(|(part, _)| !keep.contains(part)) {
                remove(&entry.path())?;
            }
        }
        Ok(())
    }

    fn indexes(&self, namespace: &Namespace) -> PathBuf {
        // A namespace may be called `..`.
        let name = match namespace.as_str().strip_prefix('.') {
            Some(rest) => format!("%2E{rest}"),
            None => namespace.as_str().to_owned(),
        };
        self.data.join(name).join("index")
    }
}

/// Deletes a folder, if it is there. Searches that have its files mapped go on.
pub(super) fn remove(folder: &Path) -> Result<(), IndexError> {
    match fs::remove_dir_all(folder) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(IndexError::io("remove", folder)(e)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use isobath_storage::model::Metric;

    #[test]
    fn should_keep_the_indexes_of_living_parts() {
        let data = tempfile::tempdir().unwrap();
        let folders = Folders::new(data.path());
        let namespace: Namespace = "..".parse().unwrap();
        let params = IndexParams::new(Metric::DotProduct);
        let folder = |part, attribute: &str| {
            folders.index(&namespace, part, &attribute.parse().unwrap(), &params)
        };
        assert_ne!(folder("a", "v"), folder("a", "w"));
        let all = [folder("a", "v"), folder("a", "w"), folder("b", "v")];
        for folder in &all {
            fs::create_dir_all(folder).unwrap();
        }
        folders
            .sweep(&namespace, &Parts::from(["a".into()]))
            .unwrap();
        assert_eq!(
            all.each_ref().map(|folder| folder.exists()),
            [true, true, false]
        );
        folders
            .sweep(&"other".parse().unwrap(), &Parts::new())
            .unwrap();
        assert!(all[0].starts_with(data.path().join("%2E.")));
    }
}
