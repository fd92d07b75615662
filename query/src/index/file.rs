//! The files of an index: a header of 64 bytes, then sections that each start at a multiple of 64.
//!
//! | bytes | what (little-endian) |
//! |---|---|
//! | 0..8 | `isobathI` |
//! | 8..12 | format version |
//! | 12..16 | kind: 1 codes, 2 graph, 3 rows of the nodes, 4 text |
//! | 16..24 | length of the file |
//! | 24..64 | zero |
//!
//! A file is called by the BLAKE3 hash of its bytes, in hexadecimal. It is created whole under a temporary name and
//! renamed, and never changes after that.

use bytemuck::AnyBitPattern;
use bytes::Bytes;
use isobath_storage::model::ContentHash;
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use super::{IndexError, buffer::Buffer};
use crate::view::mapped;

/// The version of the files and of everything that decides their content.
pub(super) const FORMAT_VERSION: u32 = 2;
const MAGIC: [u8; 8] = *b"isobathI";
const ALIGN: usize = 64;

// values in the sections are used where they lie
const _: () = assert!(
    cfg!(target_endian = "little"),
    "the files are little-endian"
);

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Codes = 1,
    Graph = 2,
    Rows = 3,
    Text = 4,
}

/// A file as its index names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileRef {
    /// The hash of the content in hexadecimal, which is the name.
    pub hash: String,
    /// The length.
    pub bytes: u64,
}

impl FileRef {
    /// Whether the hash is one: a name is a part of a path.
    pub(super) fn has_name(&self) -> bool {
        self.content().is_some()
    }

    /// The hash, if it is one.
    pub(super) fn content(&self) -> Option<ContentHash> {
        self.hash.parse().ok()
    }
}

/// Creates the file that holds `sections` in `dir`.
pub(super) fn create(dir: &Path, kind: Kind, sections: &[&[u8]]) -> Result<FileRef, IndexError> {
    let padded = |section: &&[u8]| section.len().next_multiple_of(ALIGN);
    let bytes = (ALIGN + sections.iter().map(padded).sum::<usize>()) as u64;
    let mut header = [0; ALIGN];
    let fields = MAGIC
        .into_iter()
        .chain(FORMAT_VERSION.to_le_bytes())
        .chain((kind as u32).to_le_bytes())
        .chain(bytes.to_le_bytes());
    header.iter_mut().zip(fields).for_each(|(h, f)| *h = f);
    let mut hasher = blake3::Hasher::new();
    hasher.update(&header);
    for section in sections {
        hasher.update(section);
        hasher.update(padding(section));
    }
    let hash = hasher.finalize().to_hex().to_string();
    let path = dir.join(&hash);
    let temporary = write(&path, |file| {
        file.write_all(&header)?;
        for section in sections {
            file.write_all(section)?;
            file.write_all(padding(section))?;
        }
        Ok(())
    })?;
    fs::rename(&temporary, &path).map_err(IndexError::io("rename to", &path))?;
    Ok(FileRef { hash, bytes })
}

/// Writes and syncs a file beside `path`, under a name that no other writer uses.
pub(super) fn write(
    path: &Path,
    content: impl FnOnce(&mut File) -> io::Result<()>,
) -> Result<PathBuf, IndexError> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let temporary = path.with_extension(format!("{}-{number}.tmp", std::process::id()));
    File::create(&temporary)
        .and_then(|mut file| {
            content(&mut file)?;
            file.sync_all()
        })
        .map_err(IndexError::io("write", &temporary))?;
    Ok(temporary)
}

fn padding(section: &[u8]) -> &'static [u8] {
    const ZEROS: [u8; ALIGN] = [0; ALIGN];
    &ZEROS[..section.len().next_multiple_of(ALIGN) - section.len()]
}

/// A mapped file, its header and length checked.
#[derive(Debug)]
pub(super) struct Stored {
    bytes: Bytes,
    path: PathBuf,
    name: String,
    /// Where the next section starts.
    at: usize,
}

/// The files of an index, by what opens them; reads no more than their headers.
pub(super) trait Files {
    /// Opens the file that `file` names.
    fn open(&self, kind: Kind, file: &FileRef) -> Result<Stored, IndexError>;
}

/// A folder that holds the files under their names.
impl Files for Path {
    fn open(&self, kind: Kind, file: &FileRef) -> Result<Stored, IndexError> {
        let path = self.join(&file.hash);
        let opened = File::open(&path).map_err(IndexError::io("open", &path))?;
        let map = mapped::map(&opened).map_err(IndexError::io("map", &path))?;
        Stored::new(Bytes::from_owner(map), path, kind, file)
    }
}

/// The bytes of files by their names.
impl Files for BTreeMap<ContentHash, Bytes> {
    fn open(&self, kind: Kind, file: &FileRef) -> Result<Stored, IndexError> {
        let path = PathBuf::from(&file.hash);
        match file.content().and_then(|hash| self.get(&hash)) {
            Some(bytes) => Stored::new(bytes.clone(), path, kind, file),
            None => Err(IndexError::corrupt(path, "it is not among the files")),
        }
    }
}

impl Stored {
    fn new(bytes: Bytes, path: PathBuf, kind: Kind, file: &FileRef) -> Result<Self, IndexError> {
        let stored = Self {
            bytes,
            path,
            name: file.hash.clone(),
            at: ALIGN,
        };
        stored.check_header(kind, file.bytes)?;
        Ok(stored)
    }

    fn check_header(&self, kind: Kind, bytes: u64) -> Result<(), IndexError> {
        let Some(header) = self.bytes.first_chunk::<ALIGN>() else {
            return Err(self.corrupt(format!("{} bytes are no header", self.bytes.len())));
        };
        let [magic, version_kind, length, ..] = header.as_chunks::<8>().0 else {
            return Err(self.corrupt("no header"));
        };
        let [v0, v1, v2, v3, k0, k1, k2, k3] = *version_kind;
        let version = u32::from_le_bytes([v0, v1, v2, v3]);
        let length = u64::from_le_bytes(*length);
        if *magic != MAGIC {
            Err(self.corrupt("it does not start with isobathI"))
        } else if version != FORMAT_VERSION {
            Err(self.corrupt(format!("version {version} is not {FORMAT_VERSION}")))
        } else if u32::from_le_bytes([k0, k1, k2, k3]) != kind as u32 {
            Err(self.corrupt(format!("it holds no {kind:?}")))
        } else if length != bytes || length != self.bytes.len() as u64 {
            let found = self.bytes.len();
            Err(self.corrupt(format!(
                "{found} bytes, {length} in the header, {bytes} expected"
            )))
        } else {
            Ok(())
        }
    }

    /// The next section: `len` values.
    pub(super) fn section<T: AnyBitPattern>(
        &mut self,
        len: usize,
    ) -> Result<Buffer<T>, IndexError> {
        let Some(buffer) = Buffer::mapped(&self.bytes, self.at, len) else {
            return Err(self.corrupt(format!("it ends before {len} values at {}", self.at)));
        };
        self.at += (len * size_of::<T>()).next_multiple_of(ALIGN);
        Ok(buffer)
    }

    /// The next section: N numbers.
    pub(super) fn numbers<const N: usize>(&mut self) -> Result<[u64; N], IndexError> {
        let buffer = self.section::<u64>(N)?;
        let mut numbers = [0; N];
        numbers.copy_from_slice(buffer.as_slice());
        Ok(numbers)
    }

    /// Reads the whole file and compares it with its name.
    pub(super) fn verify(&self) -> Result<(), IndexError> {
        let found = ContentHash::of(&self.bytes).to_string();
        if found == self.name {
            return Ok(());
        }
        Err(self.corrupt(format!("its hash is {found}")))
    }

    /// A fault of this file.
    pub(super) fn corrupt(&self, fault: impl Into<String>) -> IndexError {
        IndexError::corrupt(&self.path, fault)
    }
}
