//! The directory: where each namespace's block lies, and the footer that vouches for it.

use super::{
    VectorCodec, WHAT, align, block,
    header::{self, Extras},
};
use crate::format::{
    FormatError,
    cursor::{Cursor, Put},
};
use crate::model::{Block, Hlc, Namespace, SegmentHeader};
use bytes::Bytes;
use std::ops::Range;

const MAGIC: [u8; 8] = *b"isobend\n";

/// Directory offset, length, hash and magic.
const FOOTER: usize = 8 + 8 + 32 + 8;

/// As many bytes from the end of a segment hold the directory where there are at most some 200
/// namespaces.
pub const SUFFIX: usize = 32 * 1024;

/// No segment is longer than this, in bytes.
const MAX_LENGTH: u64 = 1 << 40;

/// Bytes of the smallest entry.
const MIN_ENTRY: usize = 4 + 1 + 8 + 8 + 4 + 8 + 8 + 32;

/// Where the blocks of a segment lie.
#[derive(Debug, Clone)]
pub struct Directory {
    /// The segment's header.
    pub header: SegmentHeader,
    /// How vectors are stored.
    pub codec: VectorCodec,
    /// The blocks, in the order in which they lie.
    pub entries: Vec<BlockEntry>,
    /// The segment's length in bytes.
    pub length: u64,
    /// Names the segment's content: the hash that covers every byte.
    pub hash: [u8; 32],
    /// Where the directory starts.
    pub(super) dir_off: u64,
    /// The header's length in bytes.
    header_length: usize,
}

/// Where one block lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockEntry {
    /// The namespace.
    pub namespace: Namespace,
    /// Where the block starts, in bytes from the start of the segment.
    pub offset: u64,
    /// Its length in bytes.
    pub length: u64,
    /// How many mutations it holds, a row each.
    pub rows: u32,
    /// The oldest time of a mutation.
    pub hlc_min: Hlc,
    /// The newest time of a mutation.
    pub hlc_max: Hlc,
    /// The BLAKE3 hash of its bytes.
    pub checksum: [u8; 32],
}

impl BlockEntry {
    pub(super) fn new(block: &Block, header: &SegmentHeader, offset: usize, bytes: &[u8]) -> Self {
        let rows: usize = block.requests.iter().map(crate::model::Request::len).sum();
        Self {
            namespace: block.namespace.clone(),
            offset: offset as u64,
            length: bytes.len() as u64,
            rows: u32::try_from(rows).unwrap_or(u32::MAX),
            hlc_min: header.hlc_min,
            hlc_max: header.hlc_max,
            checksum: *blake3::hash(bytes).as_bytes(),
        }
    }

    /// The bytes of the segment that hold the block.
    pub fn range(&self) -> Range<usize> {
        let at = |offset: u64| usize::try_from(offset).unwrap_or(usize::MAX);
        at(self.offset)..at(self.offset.saturating_add(self.length))
    }

    fn put(&self, out: &mut Vec<u8>) -> Result<(), FormatError> {
        out.put_text(WHAT, self.namespace.as_str())?;
        out.put_u64(self.offset);
        out.put_u64(self.length);
        out.put_u32(self.rows);
        out.put_u64(self.hlc_min.0);
        out.put_u64(self.hlc_max.0);
        out.extend_from_slice(&self.checksum);
        Ok(())
    }

    fn take(fields: &mut Cursor<'_>) -> Result<Self, FormatError> {
        Ok(Self {
            namespace: fields.name()?,
            offset: fields.u64()?,
            length: fields.u64()?,
            rows: fields.u32()?,
            hlc_min: Hlc(fields.u64()?),
            hlc_max: Hlc(fields.u64()?),
            checksum: fields.array()?,
        })
    }
}

/// Appends directory and footer to the header and blocks in `out`.
pub(super) fn append(
    out: &mut Vec<u8>,
    header: &[u8],
    entries: &[BlockEntry],
) -> Result<(), FormatError> {
    let dir_off = out.len();
    out.put_count(WHAT, header.len())?;
    out.extend_from_slice(header);
    out.put_count(WHAT, entries.len())?;
    for entry in entries {
        entry.put(out)?;
    }
    out.put_u64(dir_off as u64);
    out.put_u64((out.len() + FOOTER - 8) as u64);
    let hash = blake3::hash(&out[dir_off..]);
    out.extend_from_slice(hash.as_bytes());
    out.extend_from_slice(&MAGIC);
    Ok(())
}

/// The directory at the end of a segment's bytes, of which [`SUFFIX`] are enough in most cases:
/// where they are not, [`FormatError::Truncated`] says how many are needed.
pub fn decode_directory(suffix: &[u8]) -> Result<Directory, FormatError> {
    let Some((body, footer)) = suffix.split_last_chunk::<FOOTER>() else {
        return Err(FormatError::Truncated {
            what: WHAT,
            needed: FOOTER as u64,
            found: suffix.len() as u64,
        });
    };
    let mut fields = Cursor::new(WHAT, footer);
    let (dir_off, length) = (fields.u64()?, fields.u64()?);
    let hash = fields.array()?;
    if fields.array()? != MAGIC {
        return Err(FormatError::corrupt(WHAT, "it does not end like a segment"));
    }
    let needed = length
        .checked_sub(dir_off)
        .filter(|n| *n >= FOOTER as u64 && (suffix.len() as u64..=MAX_LENGTH).contains(&length))
        .ok_or_else(|| FormatError::corrupt(WHAT, "the footer contradicts itself"))?;
    let start = usize::try_from(needed)
        .ok()
        .and_then(|n| suffix.len().checked_sub(n));
    let Some(start) = start else {
        return Err(FormatError::Truncated {
            what: WHAT,
            needed,
            found: suffix.len() as u64,
        });
    };
    let hashed = &suffix[start..suffix.len() - 40];
    if *blake3::hash(hashed).as_bytes() != hash {
        return Err(FormatError::corrupt(
            WHAT,
            "the directory's hash does not match",
        ));
    }
    parse(&body[start..], dir_off, length, hash)
}

fn parse(
    bytes: &[u8],
    dir_off: u64,
    length: u64,
    hash: [u8; 32],
) -> Result<Directory, FormatError> {
    let mut fields = Cursor::new(WHAT, bytes);
    let header_length = fields.u32()? as usize;
    let (header, extras, used) = header::decode(fields.bytes(header_length)?)?;
    if used != header_length || extras.dir_off != dir_off {
        return Err(FormatError::corrupt(
            WHAT,
            "header and footer contradict each other",
        ));
    }
    let entries = (0..fields.count(MIN_ENTRY)?)
        .map(|_| BlockEntry::take(&mut fields))
        .collect::<Result<Vec<_>, _>>()?;
    fields.end()?;
    let Extras { codec, .. } = extras;
    let directory = Directory {
        header,
        codec,
        entries,
        length,
        hash,
        dir_off,
        header_length,
    };
    directory.check_offsets()?;
    Ok(directory)
}

impl Directory {
    /// The entry of `namespace`.
    pub fn get(&self, namespace: &Namespace) -> Option<&BlockEntry> {
        self.entries
            .iter()
            .find(|entry| entry.namespace == *namespace)
    }

    /// The block of `entry` out of its bytes, those of [`BlockEntry::range`], which are verified.
    /// Its columns borrow `bytes`.
    pub fn decode_block(&self, entry: &BlockEntry, bytes: &Bytes) -> Result<Block, FormatError> {
        if bytes.len() as u64 != entry.length {
            return Err(FormatError::Truncated {
                what: WHAT,
                needed: entry.length,
                found: bytes.len() as u64,
            });
        }
        if *blake3::hash(bytes).as_bytes() != entry.checksum {
            return Err(FormatError::corrupt(
                WHAT,
                "a block's checksum does not match",
            ));
        }
        block::decode(entry, self.header.ops, self.codec, bytes)
    }

    /// The blocks follow header and each other with nothing but alignment between, each
    /// namespace once.
    fn check_offsets(&self) -> Result<(), FormatError> {
        let mut end = self.header_length as u64;
        let mut names = std::collections::BTreeSet::new();
        for entry in &self.entries {
            let fits = entry.offset == align(end) && entry.length <= MAX_LENGTH - entry.offset;
            if !fits || !names.insert(&entry.namespace) {
                return Err(FormatError::corrupt(WHAT, "blocks overlap or leave gaps"));
            }
            end = entry.offset + entry.length;
        }
        if align(end) != self.dir_off {
            return Err(FormatError::corrupt(
                WHAT,
                "blocks and directory do not meet",
            ));
        }
        Ok(())
    }

    /// What the directory does not cover of a whole segment: its length, the header in front, and
    /// the zeros between the blocks.
    pub(super) fn check_layout(&self, bytes: &[u8]) -> Result<(), FormatError> {
        let directory = usize::try_from(self.dir_off)
            .ok()
            .and_then(|at| bytes.get(at..));
        let header = directory.and_then(|d| d.get(4..4 + self.header_length));
        if bytes.len() as u64 != self.length || header != bytes.get(..self.header_length) {
            return Err(FormatError::corrupt(WHAT, "header and directory differ"));
        }
        let mut end = self.header_length;
        let next = self.entries.iter().map(BlockEntry::range);
        let dir_off = bytes.len() - directory.map_or(0, <[u8]>::len);
        for range in next.chain(std::iter::once(dir_off..dir_off)) {
            if bytes
                .get(end..range.start)
                .is_none_or(|gap| gap.iter().any(|b| *b != 0))
            {
                return Err(FormatError::corrupt(WHAT, "bytes between the blocks"));
            }
            end = range.end;
        }
        Ok(())
    }
}
