//! The files of an index: a header of 64 bytes, then sections that each start at a multiple of 64.
//!
//! | bytes | what (little-endian) |
//! |---|---|
//! | 0..8 | `isobathI` |
//! | 8..12 | format version |
//! | 12..16 | kind: 1 codes, 2 graph, 3 rows of the nodes, 4 text |
//! | 16..24 | length of the file |
//! | 24..32 | zero |
//! | 32..64 | BLAKE3 of bytes 0..32 and of everything after byte 64; in hexadecimal the file's name |
//!
//! Files are created whole under a temporary name and renamed, and never change after that.

use bytemuck::AnyBitPattern;
use memmap2::Mmap;
use serde::{Deserialize, Serialize};
use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use super::{IndexError, buffer::Buffer};
use crate::view::mapped;

/// The version of the files and of everything that decides their content.
pub(super) const FORMAT_VERSION: u32 = 1;
const MAGIC: [u8; 8] = *b"isobathI";
const ALIGN: usize = 64;
/// Where the hash starts in the header.
const HASH_AT: usize = 32;

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
        self.hash.len() == 64 && self.hash.bytes().all(|b| b.is_ascii_hexdigit())
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
    hasher.update(&header[..HASH_AT]);
    for section in sections {
        hasher.update(section);
        hasher.update(padding(section));
    }
    let hash = hasher.finalize();
    header[HASH_AT..].copy_from_slice(hash.as_bytes());
    let hash = hash.to_hex().to_string();
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
    map: Arc<Mmap>,
    path: PathBuf,
    name: String,
    /// Where the next section starts.
    at: usize,
}

impl Stored {
    /// Maps the file that `file` names; touches no more than its header.
    pub(super) fn open(dir: &Path, kind: Kind, file: &FileRef) -> Result<Self, IndexError> {
        let path = dir.join(&file.hash);
        let opened = File::open(&path).map_err(IndexError::io("open", &path))?;
        let map = mapped::map(&opened).map_err(IndexError::io("map", &path))?;
        let stored = Self {
            map: Arc::new(map),
            path,
            name: file.hash.clone(),
            at: ALIGN,
        };
        stored.check_header(kind, file.bytes)?;
        Ok(stored)
    }

    fn check_header(&self, kind: Kind, bytes: u64) -> Result<(), IndexError> {
        let Some(header) = self.map.first_chunk::<ALIGN>() else {
            return Err(self.corrupt(format!("{} bytes are no header", self.map.len())));
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
        } else if length != bytes || length != self.map.len() as u64 {
            let found = self.map.len();
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
        let Some(buffer) = Buffer::mapped(&self.map, self.at, len) else {
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

    /// Reads the whole file and compares it with its hash.
    pub(super) fn verify(&self) -> Result<(), IndexError> {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.map[..HASH_AT]);
        hasher.update(&self.map[ALIGN..]);
        let hash = hasher.finalize();
        if self.map[HASH_AT..ALIGN] == *hash.as_bytes() && hash.to_hex().as_str() == self.name {
            return Ok(());
        }
        Err(self.corrupt(format!("its hash is {}", hash.to_hex())))
    }

    /// A fault of this file.
    pub(super) fn corrupt(&self, fault: impl Into<String>) -> IndexError {
        IndexError::corrupt(&self.path, fault)
    }
}
