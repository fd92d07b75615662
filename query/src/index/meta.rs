//! [`Meta`]: what names the files of an index and says how well it searches.

use serde::{Deserialize, Serialize};
use std::{
    fs,
    io::{self, Write as _},
    path::Path,
};

use super::{
    Bits, FileRef, IndexError, IndexParams,
    file::{self, FORMAT_VERSION},
};

/// The name of the file.
pub const META_FILE: &str = "meta";
/// No meta is longer.
const MAX_BYTES: u64 = 1 << 20;

/// The description of a finished index: the file `meta`, written last, in JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Meta {
    /// The format of all files of the index.
    pub version: u32,
    /// What it was asked to be built with.
    pub params: IndexParams,
    /// The number of elements of a vector.
    pub dim: usize,
    /// The number of indexed rows.
    pub nodes: usize,
    /// Bits per dimension of the codes.
    pub bits: Bits,
    /// Recall at 10 of a scan of all codes with a rerank of 50, measured with rows of the part.
    pub scan_recall: f32,
    /// The codes.
    pub codes: FileRef,
    /// The row of each node, where some rows have no vector.
    pub rows: Option<FileRef>,
    /// The graph; none where the rows do not make a good one and are scanned.
    pub graph: Option<GraphMeta>,
}

/// The description of a graph.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GraphMeta {
    /// Its file.
    pub file: FileRef,
    /// The alpha that it was built with in the end.
    pub alpha: f32,
    /// Neighbours per node on average.
    pub mean_degree: f32,
    /// Recall by the length of the search list, measured with rows of the part; rising.
    pub calibration: Vec<Point>,
}

/// What a search list of some length finds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Point {
    /// The length.
    pub list: usize,
    /// The share of the 10 nearest.
    pub recall_at_10: f32,
    /// The share of the 100 nearest.
    pub recall_at_100: f32,
}

impl Meta {
    /// Writes the meta; if another build of the same index was first, gives that one's.
    pub(super) fn create(self, dir: &Path) -> Result<Self, IndexError> {
        let path = dir.join(META_FILE);
        let text = serde_json::to_vec_pretty(&self)
            .map_err(io::Error::from)
            .map_err(IndexError::io("encode", &path))?;
        let temporary = file::write(&path, |file| file.write_all(&text))?;
        // unlike a rename, a link does not replace what is there
        let linked = fs::hard_link(&temporary, &path);
        fs::remove_file(&temporary).map_err(IndexError::io("remove", &temporary))?;
        match linked {
            Ok(()) => Ok(self),
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Self::read(dir),
            Err(e) => Err(IndexError::io("create", &path)(e)),
        }
    }

    /// Reads the meta of the index in `dir`.
    pub fn read(dir: &Path) -> Result<Self, IndexError> {
        let path = dir.join(META_FILE);
        let length = fs::metadata(&path)
            .map_err(IndexError::io("open", &path))?
            .len();
        if length > MAX_BYTES {
            return Err(IndexError::corrupt(path, format!("{length} bytes")));
        }
        let text = fs::read(&path).map_err(IndexError::io("read", &path))?;
        let meta: Self =
            serde_json::from_slice(&text).map_err(|e| IndexError::corrupt(&path, e.to_string()))?;
        meta.checked(&path)
    }

    /// The meta itself, unless it names what cannot be read.
    pub(super) fn checked(self, path: &Path) -> Result<Self, IndexError> {
        match self.fault() {
            Some(fault) => Err(IndexError::corrupt(path, fault)),
            None => Ok(self),
        }
    }

    /// All files of the index.
    pub(super) fn files(&self) -> Vec<FileRef> {
        let graph = self.graph.as_ref().map(|graph| &graph.file);
        let files = [Some(&self.codes), self.rows.as_ref(), graph];
        files.into_iter().flatten().cloned().collect()
    }

    fn fault(&self) -> Option<String> {
        if self.version != FORMAT_VERSION {
            return Some(format!("version {} is not {FORMAT_VERSION}", self.version));
        }
        let files = self.files();
        let bad = files.iter().find(|file| !file.has_name())?;
        let bad = &bad.hash;
        Some(format!("{bad} is no file's name"))
    }

    /// The lengths of all files that are mapped.
    pub fn bytes(&self) -> u64 {
        let graph = self.graph.as_ref().map_or(0, |graph| graph.file.bytes);
        self.codes.bytes + self.rows.as_ref().map_or(0, |file| file.bytes) + graph
    }
}
