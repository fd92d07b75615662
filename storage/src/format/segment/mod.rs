//! Segments: the immutable objects of a log. Format version 1, all numbers little-endian.
//!
//! ```text
//! header     magic · format version · least reader version · kind · codec · encryption ·
//!            cluster · region · shard · epoch · seq · writer · nonce · hlc min/max · ops ·
//!            dir_off · `seen` · checksum
//! block*     one namespace's mutations each, at a multiple of 64 bytes
//! directory  the header again · per block: namespace, offset, length, rows, hlc min/max, checksum
//! footer     dir_off · length · BLAKE3 of the directory, dir_off and length · magic
//! ```
//!
//! - What lies between these is zero, and nothing lies anywhere else.
//! - The footer's hash covers the directory, the directory the header and each block's BLAKE3: so
//!   it covers every byte, one pass makes it, and a reader of a suffix or of one block verifies
//!   what it has read. It names the segment's content.
//! - One GET of a suffix reads header and directory, one GET of a range reads a namespace.
//! - A block is a frame (requests, records) and the Arrow IPC streams that it points to; see
//!   [`BlockEntry`]. A record's ids and attributes are one stream, compressed buffer by buffer
//!   unless they are few bytes; its vectors are a second, by the header's [`VectorCodec`].

mod block;
mod directory;
mod header;
mod record;
mod shuffle;

pub use directory::{BlockEntry, Directory, SUFFIX, decode_directory};
pub use header::{PREFIX, decode_header};

use super::{FormatError, cursor::Put, ipc::ALIGNMENT};
use crate::model::Segment;
use bytes::Bytes;
use header::Extras;

/// What segments are called in errors.
const WHAT: &str = "segment";

/// The format version that is written.
pub const VERSION: u16 = 1;

/// How vectors are stored in a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum VectorCodec {
    /// As they are: written and read without work, and readable by pyarrow.
    #[default]
    Raw,
    /// The bytes of each value spread over planes, then zstd: smaller, slower.
    Shuffled,
}

/// The bytes of `segment`, vectors raw.
pub fn encode(segment: &Segment) -> Result<Bytes, FormatError> {
    encode_with(segment, VectorCodec::Raw)
}

/// The bytes of `segment`, vectors by `codec`.
pub fn encode_with(segment: &Segment, codec: VectorCodec) -> Result<Bytes, FormatError> {
    let blocks = segment
        .blocks
        .iter()
        .map(|block| block::encode(block, segment.header.ops, codec))
        .collect::<Result<Vec<_>, _>>()?;
    let mut extras = Extras {
        codec,
        dir_off: header::length(&segment.header) as u64,
    };
    for block in &blocks {
        extras.dir_off = align(extras.dir_off) + block.length() as u64;
    }
    extras.dir_off = align(extras.dir_off);
    let head = header::encode(&segment.header, extras)?;
    let mut out = Vec::with_capacity(usize::try_from(extras.dir_off).unwrap_or(0) + 4096);
    out.extend_from_slice(&head);
    let mut entries = Vec::with_capacity(blocks.len());
    for (block, encoded) in segment.blocks.iter().zip(blocks) {
        out.pad(ALIGNMENT);
        let offset = out.len();
        encoded.append_to(&mut out);
        entries.push(BlockEntry::new(
            block,
            &segment.header,
            offset,
            &out[offset..],
        ));
    }
    out.pad(ALIGNMENT);
    directory::append(&mut out, &head, &entries)?;
    Ok(out.into())
}

/// The segment that `bytes` hold, all of it verified. Its columns borrow `bytes`.
pub fn decode(bytes: &Bytes) -> Result<Segment, FormatError> {
    let directory = decode_directory(bytes)?;
    directory.check_layout(bytes)?;
    let blocks = directory.entries.iter().map(|entry| {
        let range = entry.range();
        directory.decode_block(entry, &bytes.slice(range))
    });
    Ok(Segment {
        blocks: blocks.collect::<Result<_, _>>()?,
        header: directory.header,
    })
}

/// The next multiple of [`ALIGNMENT`].
fn align(offset: u64) -> u64 {
    offset.next_multiple_of(ALIGNMENT as u64)
}

#[cfg(test)]
mod tests;
