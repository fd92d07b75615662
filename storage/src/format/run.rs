//! Runs: blocks of many segments, put together by namespace. Format version 1, all numbers little-endian.
//!
//! ```text
//! header     magic · format version · least reader version · checkpoint
//! slice*     one namespace's blocks, in log order, each as a segment of its own behind its length
//! directory  the header again · per slice: namespace, offset, length, blocks, `upto`, checksum
//! footer     dir_off · length · BLAKE3 of the directory, dir_off and length · magic
//! ```
//!
//! A run is what the log becomes first: a namespace that is written to now and then costs no object of its own.
//! It holds mutations, not rows, with the stamps that they have in the log, so that reading a slice is replaying that
//! part of the log. One GET of a suffix reads the directory, one GET of a range a namespace. Slices of one
//! namespace can be appended to each other.

use super::{
    FormatError,
    cursor::{Cursor, Put},
    segment,
};
use crate::model::{
    Block, LogId, Namespace, Region, Segment, SegmentHeader, Seq, ShardId, VersionVector,
};
use bytes::Bytes;
use std::ops::Range;

const WHAT: &str = "run";
const MAGIC: [u8; 8] = *b"isobrun\n";
const END: [u8; 8] = *b"isobrnd\n";
const VERSION: u16 = 1;

/// Magic, versions and the checkpoint's number, and zeros up to where the slices start.
const HEADER: usize = ALIGNMENT;
/// Bytes of the header's fields.
const FIELDS: usize = 8 + 2 + 2 + 8;
/// Directory offset, length, hash and magic.
const FOOTER: usize = 8 + 8 + 32 + 8;
/// Bytes of the smallest entry of the directory.
const MIN_ENTRY: usize = 4 + 1 + 8 + 8 + 4 + 4 + 32;
/// Bytes of the smallest entry of `upto`.
const MIN_UPTO: usize = 4 + 1 + 2 + 8;
/// Where the segments of a slice start.
const ALIGNMENT: usize = 64;

/// As many bytes from the end of a run hold the directory where it names at most some 500 namespaces.
pub const SUFFIX: usize = 64 * 1024;

/// No run is longer than this, in bytes.
const MAX_LENGTH: u64 = 1 << 40;

/// Where one namespace's blocks lie in a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SliceEntry {
    /// The namespace.
    pub namespace: Namespace,
    /// Where the slice starts, in bytes from the start of the run.
    pub offset: u64,
    /// Its length in bytes.
    pub length: u64,
    /// How many blocks it holds.
    pub blocks: u32,
    /// The newest segment of each log that a block comes from.
    pub upto: VersionVector,
    /// The BLAKE3 hash of its bytes.
    pub checksum: [u8; 32],
}

/// Where each namespace's blocks lie.
#[derive(Debug, Clone)]
pub struct RunDirectory {
    /// The number of the checkpoint that the run was planned for: no two plans make one object.
    pub checkpoint: u64,
    /// The slices, by namespace.
    pub slices: Vec<SliceEntry>,
    /// The run's length in bytes.
    pub length: u64,
}

/// A run on its way; slices are added by namespace.
#[derive(Debug)]
pub struct RunWriter {
    bytes: Vec<u8>,
    slices: Vec<SliceEntry>,
}

impl RunWriter {
    /// A run that is planned for a checkpoint of this number.
    pub fn new(checkpoint: u64) -> Self {
        let bytes = header(checkpoint);
        Self {
            bytes,
            slices: vec![],
        }
    }

    /// Starts the slice of a namespace, which comes after those before it.
    pub fn start(&mut self, namespace: &Namespace) -> Result<(), FormatError> {
        if self
            .slices
            .last()
            .is_some_and(|s| s.namespace >= *namespace)
        {
            return Err(FormatError::invalid(WHAT, "slices are out of order"));
        }
        self.bytes.pad(ALIGNMENT);
        self.slices.push(SliceEntry {
            namespace: namespace.clone(),
            offset: self.bytes.len() as u64,
            length: 0,
            blocks: 0,
            upto: VersionVector::default(),
            checksum: [0; 32],
        });
        Ok(())
    }

    /// Adds a block of a segment to the slice that was started last.
    pub fn block(&mut self, header: &SegmentHeader, block: &Block) -> Result<(), FormatError> {
        let segment = segment::encode(&Segment {
            header: header.clone(),
            blocks: vec![block.clone()],
        })?;
        let slice = self.slices.last_mut();
        let slice = slice.ok_or_else(|| FormatError::invalid(WHAT, "a block without a slice"))?;
        slice.blocks += 1;
        slice.upto.advance(header.log, header.seq);
        self.bytes.put_u64(segment.len() as u64);
        self.bytes.pad(ALIGNMENT);
        self.bytes.extend_from_slice(&segment);
        self.bytes.pad(ALIGNMENT);
        Ok(())
    }

    /// Adds the blocks of another run's slice of the same namespace.
    pub fn slice(&mut self, entry: &SliceEntry, bytes: &[u8]) -> Result<(), FormatError> {
        entry.verify(bytes)?;
        let slice = self.slices.last_mut();
        let slice = slice
            .filter(|slice| slice.namespace == entry.namespace)
            .ok_or_else(|| FormatError::invalid(WHAT, "a slice of another namespace"))?;
        slice.blocks += entry.blocks;
        slice.upto.merge(&entry.upto);
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    /// The bytes so far.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.slices.iter().all(|slice| slice.blocks == 0)
    }

    /// The run, and its directory.
    pub fn finish(self) -> Result<(Bytes, RunDirectory), FormatError> {
        let Self {
            bytes: mut out,
            mut slices,
        } = self;
        slices.retain(|slice| slice.blocks > 0);
        let mut end = out.len();
        for slice in slices.iter_mut().rev() {
            let start = usize::try_from(slice.offset).unwrap_or(usize::MAX);
            let bytes = out.get(start..end).unwrap_or_default();
            slice.length = bytes.len() as u64;
            slice.checksum = *blake3::hash(bytes).as_bytes();
            end = start;
        }
        out.pad(ALIGNMENT);
        let dir_off = out.len();
        let head = out[..HEADER].to_vec();
        out.extend_from_slice(&head);
        out.put_count(WHAT, slices.len())?;
        for slice in &slices {
            slice.put(&mut out)?;
        }
        out.put_u64(dir_off as u64);
        let length = (out.len() + FOOTER - 8) as u64;
        out.put_u64(length);
        let hash = blake3::hash(&out[dir_off..]);
        out.extend_from_slice(hash.as_bytes());
        out.extend_from_slice(&END);
        let directory = decode_directory(&out)?;
        Ok((out.into(), directory))
    }
}

impl SliceEntry {
    /// The bytes of the run that hold the slice.
    pub fn range(&self) -> Range<u64> {
        self.offset..self.offset.saturating_add(self.length)
    }

    /// The blocks out of the slice's bytes, those of [`SliceEntry::range`], which are verified: each is a segment with
    /// one block.
    pub fn decode(&self, bytes: &Bytes) -> Result<Vec<Segment>, FormatError> {
        self.verify(bytes)?;
        let (mut segments, mut at) = (vec![], 0);
        while at < bytes.len() {
            let length = Cursor::new(WHAT, &bytes[at..]).u64()?;
            let length = usize::try_from(length).unwrap_or(usize::MAX);
            let start = at + ALIGNMENT;
            let end = start.checked_add(length).filter(|end| *end <= bytes.len());
            let end = end.ok_or_else(|| FormatError::corrupt(WHAT, "a block ends too late"))?;
            let segment = segment::decode(&bytes.slice(start..end))?;
            let [block] = segment.blocks.as_slice() else {
                return Err(FormatError::corrupt(WHAT, "a slice holds no single block"));
            };
            if block.namespace != self.namespace {
                return Err(FormatError::corrupt(WHAT, "a block of another namespace"));
            }
            segments.push(segment);
            at = end.next_multiple_of(ALIGNMENT);
        }
        if segments.len() == self.blocks as usize {
            return Ok(segments);
        }
        Err(FormatError::corrupt(WHAT, "a slice has lost blocks"))
    }

    fn verify(&self, bytes: &[u8]) -> Result<(), FormatError> {
        if bytes.len() as u64 != self.length {
            return Err(FormatError::Truncated {
                what: WHAT,
                needed: self.length,
                found: bytes.len() as u64,
            });
        }
        if *blake3::hash(bytes).as_bytes() != self.checksum {
            return Err(FormatError::corrupt(
                WHAT,
                "a slice's checksum does not match",
            ));
        }
        Ok(())
    }

    fn put(&self, out: &mut Vec<u8>) -> Result<(), FormatError> {
        out.put_text(WHAT, self.namespace.as_str())?;
        out.put_u64(self.offset);
        out.put_u64(self.length);
        out.put_u32(self.blocks);
        out.put_count(WHAT, self.upto.len())?;
        for (log, seq) in self.upto.iter() {
            out.put_text(WHAT, log.region.as_str())?;
            out.put_u16(log.shard.0);
            out.put_u64(seq.0);
        }
        out.extend_from_slice(&self.checksum);
        Ok(())
    }

    fn take(fields: &mut Cursor<'_>) -> Result<Self, FormatError> {
        let namespace = fields.name()?;
        let (offset, length, blocks) = (fields.u64()?, fields.u64()?, fields.u32()?);
        let mut upto = VersionVector::default();
        for _ in 0..fields.count(MIN_UPTO)? {
            let region: Region = fields.name()?;
            let log = LogId::new(region, ShardId(fields.u16()?));
            upto.advance(log, Seq(fields.u64()?));
        }
        Ok(Self {
            namespace,
            offset,
            length,
            blocks,
            upto,
            checksum: fields.array()?,
        })
    }
}

impl RunDirectory {
    /// Where the blocks of `namespace` lie.
    pub fn get(&self, namespace: &Namespace) -> Option<&SliceEntry> {
        let found = self
            .slices
            .binary_search_by(|slice| slice.namespace.cmp(namespace));
        found.ok().and_then(|at| self.slices.get(at))
    }

    fn check_offsets(&self, dir_off: u64) -> Result<(), FormatError> {
        let align = |offset: u64| offset.next_multiple_of(ALIGNMENT as u64);
        let mut end = HEADER as u64;
        for slice in &self.slices {
            if slice.offset != align(end) || slice.length > MAX_LENGTH - slice.offset {
                return Err(FormatError::corrupt(WHAT, "slices overlap or leave gaps"));
            }
            end = slice.offset + slice.length;
        }
        let sorted = self.slices.is_sorted_by(|a, b| a.namespace < b.namespace);
        if align(end) != dir_off || !sorted {
            return Err(FormatError::corrupt(
                WHAT,
                "slices and directory do not meet",
            ));
        }
        Ok(())
    }
}

fn header(checkpoint: u64) -> Vec<u8> {
    let mut out = MAGIC.to_vec();
    out.put_u16(VERSION);
    out.put_u16(VERSION);
    out.put_u64(checkpoint);
    out.pad(ALIGNMENT);
    out
}

fn take_header(fields: &mut Cursor<'_>) -> Result<u64, FormatError> {
    if fields.array()? != MAGIC {
        return Err(FormatError::corrupt(WHAT, "it does not start like a run"));
    }
    let (_written, least) = (fields.u16()?, fields.u16()?);
    if least == 0 {
        return Err(FormatError::corrupt(WHAT, "version 0 was never written"));
    }
    if least > VERSION {
        return Err(FormatError::Unsupported {
            what: WHAT,
            found: least.into(),
            supported: VERSION.into(),
        });
    }
    let checkpoint = fields.u64()?;
    fields.bytes(HEADER - FIELDS)?;
    Ok(checkpoint)
}

/// The directory at the end of a run's bytes, of which [`SUFFIX`] are enough in most cases: where they are not,
/// [`FormatError::Truncated`] says how many are needed.
pub fn decode_directory(suffix: &[u8]) -> Result<RunDirectory, FormatError> {
    let cut = |needed: u64| FormatError::Truncated {
        what: WHAT,
        needed,
        found: suffix.len() as u64,
    };
    let Some((body, footer)) = suffix.split_last_chunk::<FOOTER>() else {
        return Err(cut(FOOTER as u64));
    };
    let mut fields = Cursor::new(WHAT, footer);
    let (dir_off, length) = (fields.u64()?, fields.u64()?);
    let hash: [u8; 32] = fields.array()?;
    if fields.array()? != END {
        return Err(FormatError::corrupt(WHAT, "it does not end like a run"));
    }
    let needed = length
        .checked_sub(dir_off)
        .filter(|n| *n >= FOOTER as u64 && (suffix.len() as u64..=MAX_LENGTH).contains(&length))
        .ok_or_else(|| FormatError::corrupt(WHAT, "the footer contradicts itself"))?;
    let start = usize::try_from(needed)
        .ok()
        .and_then(|n| suffix.len().checked_sub(n))
        .ok_or_else(|| cut(needed))?;
    let hashed = &suffix[start..suffix.len() - 40];
    if *blake3::hash(hashed).as_bytes() != hash {
        return Err(FormatError::corrupt(
            WHAT,
            "the directory's hash does not match",
        ));
    }
    let mut fields = Cursor::new(WHAT, &body[start..]);
    let checkpoint = take_header(&mut fields)?;
    let slices = (0..fields.count(MIN_ENTRY)?)
        .map(|_| SliceEntry::take(&mut fields))
        .collect::<Result<Vec<_>, _>>()?;
    fields.end()?;
    let directory = RunDirectory {
        checkpoint,
        slices,
        length,
    };
    directory.check_offsets(dir_off)?;
    Ok(directory)
}

/// Reads all of a run and checks every byte of it.
pub fn verify(bytes: &Bytes) -> Result<RunDirectory, FormatError> {
    let directory = decode_directory(bytes)?;
    if bytes.len() as u64 != directory.length
        || bytes.get(..HEADER) != Some(&header(directory.checkpoint))
    {
        return Err(FormatError::corrupt(WHAT, "header and directory differ"));
    }
    let at = |offset: u64| usize::try_from(offset).unwrap_or(usize::MAX);
    for slice in &directory.slices {
        let range = slice.range();
        slice.decode(&bytes.slice(at(range.start)..at(range.end)))?;
    }
    Ok(directory)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::samples::{describe, everything, header as segment_header};

    fn segments() -> Vec<Segment> {
        let segment = everything();
        let header = |seq| SegmentHeader {
            seq: Seq(seq),
            ops: segment.header.ops,
            ..segment_header()
        };
        let blocks = |seq| Segment {
            header: header(seq),
            blocks: segment.blocks.clone(),
        };
        vec![blocks(5), blocks(9)]
    }

    fn run() -> (Bytes, RunDirectory) {
        let mut writer = RunWriter::new(7);
        let segments = segments();
        let mut names: Vec<_> = segments[0].blocks.iter().map(|b| &b.namespace).collect();
        names.sort();
        for name in names {
            writer.start(name).unwrap();
            for segment in &segments {
                let block = segment.blocks.iter().find(|b| b.namespace == *name);
                writer.block(&segment.header, block.unwrap()).unwrap();
            }
        }
        writer.finish().unwrap()
    }

    fn bytes_of(bytes: &Bytes, slice: &SliceEntry) -> Bytes {
        let range = slice.range();
        bytes.slice(usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap())
    }

    #[test]
    fn should_give_back_the_blocks_of_each_namespace() {
        let (bytes, directory) = run();
        assert_eq!(directory.checkpoint, 7);
        let written = segments();
        assert_eq!(directory.slices.len(), written[0].blocks.len());
        for slice in &directory.slices {
            let read = slice.decode(&bytes_of(&bytes, slice)).unwrap();
            for (read, written) in read.iter().zip(&written) {
                let block = written
                    .blocks
                    .iter()
                    .find(|b| b.namespace == slice.namespace);
                let alone = Segment {
                    header: written.header.clone(),
                    blocks: vec![block.unwrap().clone()],
                };
                assert_eq!(describe(read), describe(&alone));
            }
            let log = segment_header().log;
            assert_eq!((read.len(), slice.upto.get(log)), (2, Seq(9)));
        }
    }

    #[test]
    fn should_append_slices_of_one_namespace() {
        let (bytes, directory) = run();
        let entry = &directory.slices[0];
        let mut writer = RunWriter::new(8);
        writer.start(&entry.namespace).unwrap();
        for _ in 0..2 {
            writer.slice(entry, &bytes_of(&bytes, entry)).unwrap();
        }
        let (merged, directory) = writer.finish().unwrap();
        let slice = &directory.slices[0];
        assert_eq!(slice.decode(&bytes_of(&merged, slice)).unwrap().len(), 4);
    }

    #[test]
    fn should_detect_every_truncation_and_flipped_bit() {
        let (bytes, _) = run();
        verify(&bytes).unwrap();
        for at in (0..bytes.len()).step_by(3) {
            assert!(verify(&bytes.slice(..at)).is_err(), "cut at {at}");
            let mut copy = bytes.to_vec();
            copy[at] ^= 16;
            assert!(verify(&copy.into()).is_err(), "byte {at}");
        }
    }

    #[test]
    fn should_keep_version_1_as_it_was() {
        let (bytes, _) = run();
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/run_v1.run");
        if std::env::var_os("ISOBATH_WRITE_GOLDEN").is_some() {
            std::fs::write(path, &bytes).unwrap();
        }
        assert_eq!(std::fs::read(path).unwrap(), bytes);
    }

    /// Writers of small blocks once compressed their attributes too.
    #[test]
    fn should_read_small_blocks_that_are_compressed() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/run_v1_zstd.run");
        let golden = Bytes::from(std::fs::read(path).unwrap());
        let (bytes, directory) = run();
        assert_ne!(golden, bytes);
        let known = verify(&golden).unwrap();
        assert_eq!(known.slices.len(), directory.slices.len());
        for (old, new) in known.slices.iter().zip(&directory.slices) {
            let old = old.decode(&bytes_of(&golden, old)).unwrap();
            let new = new.decode(&bytes_of(&bytes, new)).unwrap();
            for (old, new) in old.iter().zip(&new) {
                assert_eq!(describe(old), describe(new));
            }
        }
    }
}
