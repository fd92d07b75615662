//! Keys of a part's index.

use super::text::{join, name, namespace, number, parts};
use super::{InvalidKey, Key};
use crate::model::{ContentHash, Namespace};
use object_store::path::Path;

/// An object of the index of a part: `data/{namespace}/index/{part hash}-{params hash}/{file}`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IndexKey {
    /// Whose rows are indexed.
    pub namespace: Namespace,
    /// The hash of the part that is indexed.
    pub part: ContentHash,
    /// The hash of the parameters that it is built with.
    pub params: ContentHash,
    /// Which of the index's objects.
    pub file: IndexFile,
}

/// Which object of an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IndexFile {
    /// `meta`: names the files of the finished index; written last, the first one wins.
    Meta,
    /// `claim/{n}`: who builds it, until when.
    Claim(u64),
    /// `{hash}`: codes, graph or text index.
    Data(ContentHash),
}

impl IndexKey {
    /// Under which all objects of this index lie.
    pub fn prefix(&self) -> Path {
        let pair = format!("{}-{}", self.part, self.params);
        join(["data", self.namespace.as_str(), "index", &pair])
    }

    /// Another object of the same index.
    #[must_use]
    pub fn with_file(&self, file: IndexFile) -> Self {
        Self {
            file,
            ..self.clone()
        }
    }
}

impl Key for IndexKey {
    fn path(&self) -> Path {
        let prefix = self.prefix();
        match self.file {
            IndexFile::Meta => prefix.join("meta"),
            IndexFile::Claim(n) => prefix.join("claim").join(n.to_string()),
            IndexFile::Data(hash) => prefix.join(hash.to_string()),
        }
    }

    fn parse(path: &Path) -> Result<Self, InvalidKey> {
        let read = || {
            let parts = parts(path);
            let ["data", owner, "index", pair, file @ ..] = &parts[..] else {
                return None;
            };
            let (part, params) = pair.split_once('-')?;
            let file = match file {
                ["meta"] => IndexFile::Meta,
                ["claim", n] => IndexFile::Claim(number(n, 1)?),
                [hash] => IndexFile::Data(name(hash)?),
                _ => return None,
            };
            Some(Self {
                namespace: namespace(owner)?,
                part: name(part)?,
                params: name(params)?,
                file,
            })
        };
        let shape = "data/{namespace}/index/{part}-{params}/{meta, claim/{n}, hash}";
        read().ok_or_else(|| InvalidKey::new("file of an index", shape, path))
    }
}
