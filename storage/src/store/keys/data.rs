//! Keys of content-addressed data: runs, parts, deletion vectors and chunks of maps.

use super::text::{join, name, namespace, parts};
use super::{InvalidKey, Key};
use crate::model::{ContentHash, Namespace, PartEntry};
use object_store::path::Path;

/// A run: `data/run/{hash}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunKey(pub ContentHash);

impl Key for RunKey {
    fn path(&self) -> Path {
        join(["data", "run", &self.0.to_string()])
    }

    fn parse(path: &Path) -> Result<Self, InvalidKey> {
        let read = || {
            let ["data", "run", hash] = parts(path)[..] else {
                return None;
            };
            name(hash).map(Self)
        };
        read().ok_or_else(|| InvalidKey::new("run", "data/run/{hash}", path))
    }
}

/// A chunk of a checkpoint's namespace → manifest map: `data/map/{hash}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MapKey(pub ContentHash);

impl Key for MapKey {
    fn path(&self) -> Path {
        join(["data", "map", &self.0.to_string()])
    }

    fn parse(path: &Path) -> Result<Self, InvalidKey> {
        let read = || {
            let ["data", "map", hash] = parts(path)[..] else {
                return None;
            };
            name(hash).map(Self)
        };
        read().ok_or_else(|| InvalidKey::new("map", "data/map/{hash}", path))
    }
}

/// A part: `data/{namespace}/part/{hash}.arrow`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartKey {
    /// Whose rows it holds.
    pub namespace: Namespace,
    /// The hash of its bytes.
    pub hash: ContentHash,
}

impl PartKey {
    /// The key of a part of `namespace`, which may lie among the objects of the one that it was adopted from.
    pub fn of(namespace: &Namespace, entry: &PartEntry) -> Self {
        Self {
            namespace: entry.owner(namespace).clone(),
            hash: entry.hash,
        }
    }
}

impl Key for PartKey {
    fn path(&self) -> Path {
        let file = format!("{}.arrow", self.hash);
        join(["data", self.namespace.as_str(), "part", &file])
    }

    fn parse(path: &Path) -> Result<Self, InvalidKey> {
        let read = || {
            let ["data", owner, "part", file] = parts(path)[..] else {
                return None;
            };
            let hash = name(file.strip_suffix(".arrow")?)?;
            Some(Self {
                namespace: namespace(owner)?,
                hash,
            })
        };
        read().ok_or_else(|| InvalidKey::new("part", "data/{namespace}/part/{hash}.arrow", path))
    }
}

/// A part's deletion vector: `data/{namespace}/dead/{hash}`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeadKey {
    /// Whose rows it hides.
    pub namespace: Namespace,
    /// The hash of its bytes.
    pub hash: ContentHash,
}

impl Key for DeadKey {
    fn path(&self) -> Path {
        join([
            "data",
            self.namespace.as_str(),
            "dead",
            &self.hash.to_string(),
        ])
    }

    fn parse(path: &Path) -> Result<Self, InvalidKey> {
        let read = || {
            let ["data", owner, "dead", hash] = parts(path)[..] else {
                return None;
            };
            Some(Self {
                namespace: namespace(owner)?,
                hash: name(hash)?,
            })
        };
        read()
            .ok_or_else(|| InvalidKey::new("deletion vector", "data/{namespace}/dead/{hash}", path))
    }
}
