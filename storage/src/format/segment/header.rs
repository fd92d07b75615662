//! The header: what a reader must know before it reads on.

use super::{VERSION, VectorCodec, WHAT};
use crate::format::{
    FormatError,
    cursor::{Cursor, Put},
};
use crate::model::{
    ClusterId, Epoch, Hlc, LogId, Nonce, Region, SegmentHeader, SegmentKind, Seq, ShardId,
    VersionVector,
};
use uuid::Uuid;

const MAGIC: [u8; 8] = *b"isobseg\n";

/// Bytes of a region's name, padded with zeros.
const REGION: usize = 32;

/// Bytes of the fields before `seen`.
const FIXED: usize = 148;

/// Bytes of one entry of `seen`.
const SEEN_ENTRY: usize = REGION + 2 + 8;

/// Bytes of the checksum at the end.
const CHECKSUM: usize = 16;

/// As many bytes from the front of a segment hold the header where `seen` names at most 90 logs.
pub const PREFIX: usize = 4096;

/// What the header says about the layout.
#[derive(Debug, Clone, Copy)]
pub(super) struct Extras {
    pub codec: VectorCodec,
    /// Where the directory starts.
    pub dir_off: u64,
}

/// Bytes that the header takes.
pub(super) fn length(header: &SegmentHeader) -> usize {
    FIXED + header.seen.len() * SEEN_ENTRY + CHECKSUM
}

pub(super) fn encode(header: &SegmentHeader, extras: Extras) -> Result<Vec<u8>, FormatError> {
    let mut out = Vec::with_capacity(length(header));
    out.extend_from_slice(&MAGIC);
    out.put_u16(VERSION);
    out.put_u16(VERSION);
    out.put_u8(kind_number(header.kind));
    out.put_u8(codec_number(extras.codec));
    out.put_u16(0); // encryption: none
    out.extend_from_slice(header.cluster.0.as_bytes());
    put_log(&mut out, header.log);
    out.put_u64(header.epoch.0);
    out.put_u64(header.seq.0);
    out.extend_from_slice(header.writer.as_bytes());
    out.put_u128(header.nonce.0);
    out.put_u64(header.hlc_min.0);
    out.put_u64(header.hlc_max.0);
    out.put_u32(header.ops);
    out.put_u64(extras.dir_off);
    out.put_u16(0); // reserved
    out.put_count(WHAT, header.seen.len())?;
    debug_assert_eq!(out.len(), FIXED);
    for (log, seq) in header.seen.iter() {
        put_log(&mut out, log);
        out.put_u64(seq.0);
    }
    let sum = blake3::hash(&out);
    out.extend_from_slice(&sum.as_bytes()[..CHECKSUM]);
    Ok(out)
}

/// The header at the front of a segment's bytes, of which [`PREFIX`] are enough in most cases.
pub fn decode_header(prefix: &[u8]) -> Result<SegmentHeader, FormatError> {
    Ok(decode(prefix)?.0)
}

/// The header, what it says about the layout, and its length.
pub(super) fn decode(bytes: &[u8]) -> Result<(SegmentHeader, Extras, usize), FormatError> {
    let mut fields = Cursor::new(WHAT, bytes);
    check_version(&mut fields)?;
    let kind = fields.u8()?;
    let codec = fields.u8()?;
    let encryption = fields.u16()?;
    let header = SegmentHeader {
        kind: SegmentKind::Data,
        cluster: ClusterId(Uuid::from_bytes(fields.array()?)),
        log: take_log(&mut fields)?,
        epoch: Epoch(fields.u64()?),
        seq: Seq(fields.u64()?),
        writer: Uuid::from_bytes(fields.array()?),
        nonce: Nonce(fields.u128()?),
        hlc_min: Hlc(fields.u64()?),
        hlc_max: Hlc(fields.u64()?),
        ops: fields.u32()?,
        seen: VersionVector::default(),
    };
    let dir_off = fields.u64()?;
    let reserved = fields.u16()?;
    let seen = take_seen(&mut fields)?;
    let length = bytes.len() - fields.rest().len();
    if fields.array::<CHECKSUM>()? != blake3::hash(&bytes[..length]).as_bytes()[..CHECKSUM] {
        return Err(FormatError::corrupt(
            WHAT,
            "the header's checksum does not match",
        ));
    }
    if encryption != 0 || reserved != 0 {
        return Err(FormatError::corrupt(WHAT, "encryption that is not known"));
    }
    let extras = Extras {
        codec: codec_of(codec)?,
        dir_off,
    };
    let header = SegmentHeader {
        kind: kind_of(kind)?,
        seen,
        ..header
    };
    Ok((header, extras, length + CHECKSUM))
}

fn check_version(fields: &mut Cursor<'_>) -> Result<(), FormatError> {
    if fields.array()? != MAGIC {
        return Err(FormatError::corrupt(
            WHAT,
            "it does not start like a segment",
        ));
    }
    let _written = fields.u16()?;
    let least = fields.u16()?;
    if least > VERSION {
        return Err(FormatError::Unsupported {
            what: WHAT,
            found: least.into(),
            supported: VERSION.into(),
        });
    }
    if least == 0 {
        return Err(FormatError::corrupt(WHAT, "version 0 was never written"));
    }
    Ok(())
}

fn take_seen(fields: &mut Cursor<'_>) -> Result<VersionVector, FormatError> {
    let count = fields.count(SEEN_ENTRY)?;
    let mut seen = VersionVector::default();
    for _ in 0..count {
        let log = take_log(fields)?;
        seen.advance(log, Seq(fields.u64()?));
    }
    if seen.len() == count {
        return Ok(seen);
    }
    Err(FormatError::corrupt(
        WHAT,
        "`seen` names a log twice or at 0",
    ))
}

fn put_log(out: &mut Vec<u8>, log: LogId) {
    let start = out.len();
    out.extend_from_slice(log.region.as_str().as_bytes());
    out.resize(start + REGION, 0);
    out.put_u16(log.shard.0);
}

fn take_log(fields: &mut Cursor<'_>) -> Result<LogId, FormatError> {
    let name: [u8; REGION] = fields.array()?;
    let end = name.iter().position(|b| *b == 0).unwrap_or(REGION);
    let (name, padding) = name.split_at(end);
    let region: Option<Region> = std::str::from_utf8(name)
        .ok()
        .filter(|_| padding.iter().all(|b| *b == 0))
        .and_then(|name| name.parse().ok());
    let region = region.ok_or_else(|| FormatError::corrupt(WHAT, "a region has no valid name"))?;
    Ok(LogId::new(region, ShardId(fields.u16()?)))
}

fn kind_number(kind: SegmentKind) -> u8 {
    match kind {
        SegmentKind::Data => 1,
        SegmentKind::Fence => 2,
        SegmentKind::Heartbeat => 3,
        SegmentKind::Seal => 4,
    }
}

fn kind_of(number: u8) -> Result<SegmentKind, FormatError> {
    match number {
        1 => Ok(SegmentKind::Data),
        2 => Ok(SegmentKind::Fence),
        3 => Ok(SegmentKind::Heartbeat),
        4 => Ok(SegmentKind::Seal),
        n => Err(FormatError::corrupt(WHAT, format!("kind {n} is not known"))),
    }
}

fn codec_number(codec: VectorCodec) -> u8 {
    match codec {
        VectorCodec::Raw => 0,
        VectorCodec::Shuffled => 1,
    }
}

fn codec_of(number: u8) -> Result<VectorCodec, FormatError> {
    match number {
        0 => Ok(VectorCodec::Raw),
        1 => Ok(VectorCodec::Shuffled),
        n => Err(FormatError::corrupt(
            WHAT,
            format!("codec {n} is not known"),
        )),
    }
}
