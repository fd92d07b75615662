//! Blocks: a frame of requests and records, and the streams that it points to.
//!
//! ```text
//! frame length · frame · streams, each at a multiple of 64 bytes
//! frame    = request count · request*
//! request  = first index · key · body hash · API key · counts · declarations · records
//! record   = kind · its fields; columns stand in streams, named by offset and length
//! ```

use super::{BlockEntry, VectorCodec, WHAT, record};
use crate::format::{
    FormatError,
    cursor::{Cursor, Put},
    ipc::ALIGNMENT,
};
use crate::model::{
    Block, BodyHash, Counts, Declaration, IdempotencyKey, Metric, Namespace, Request,
};
use arrow_buffer::Buffer;
use bytes::Bytes;

/// Bytes of the smallest request.
const MIN_REQUEST: usize = 4 + 16 + 16 + 1 + 1 + 4 + 4;

/// Bytes of the smallest declaration.
const MIN_DECLARATION: usize = 4 + 1 + 4 + 1 + 1;

/// A block in pieces, before they are joined.
#[derive(Debug)]
pub(super) struct Encoded {
    frame: Vec<u8>,
    streams: Streams,
}

/// The streams of a block; offsets count from the end of the frame, aligned.
#[derive(Debug, Default)]
pub(super) struct Streams {
    pieces: Vec<Buffer>,
    length: usize,
}

impl Streams {
    /// Adds a stream and writes its offset and length to `frame`.
    pub(super) fn push(&mut self, frame: &mut Vec<u8>, pieces: Vec<Buffer>) {
        let length: usize = pieces.iter().map(Buffer::len).sum();
        frame.put_u64(self.length as u64);
        frame.put_u64(length as u64);
        self.pieces.extend(pieces);
        let padding = length.next_multiple_of(ALIGNMENT) - length;
        self.pieces.push(Buffer::from_vec(vec![0u8; padding]));
        self.length += length + padding;
    }
}

impl Encoded {
    pub(super) fn length(&self) -> usize {
        (4 + self.frame.len()).next_multiple_of(ALIGNMENT) + self.streams.length
    }

    /// Appends the block; `out` must end at a multiple of [`ALIGNMENT`].
    pub(super) fn append_to(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&frame_length(&self.frame).to_le_bytes());
        out.extend_from_slice(&self.frame);
        out.pad(ALIGNMENT);
        for piece in &self.streams.pieces {
            out.extend_from_slice(piece);
        }
    }
}

/// The frame's length; [`encode`] has checked that it fits.
fn frame_length(frame: &[u8]) -> u32 {
    u32::try_from(frame.len()).unwrap_or(u32::MAX)
}

/// The pieces of `block`, in a segment of `ops` mutations.
pub(super) fn encode(block: &Block, ops: u32, codec: VectorCodec) -> Result<Encoded, FormatError> {
    let (mut frame, mut streams) = (Vec::new(), Streams::default());
    frame.put_count(WHAT, block.requests.len())?;
    for request in &block.requests {
        check_indices(request, ops).map_err(|why| FormatError::invalid(WHAT, why))?;
        put_request(&mut frame, request)?;
        frame.put_count(WHAT, request.mutations.len())?;
        for mutation in &request.mutations {
            record::encode(mutation, codec, &mut frame, &mut streams)?;
        }
    }
    if u32::try_from(frame.len()).is_err() {
        return Err(FormatError::invalid(WHAT, "requests of more than 4 GiB"));
    }
    Ok(Encoded { frame, streams })
}

/// The block out of its verified bytes.
pub(super) fn decode(
    entry: &BlockEntry,
    ops: u32,
    codec: VectorCodec,
    bytes: &Bytes,
) -> Result<Block, FormatError> {
    let mut fields = Cursor::new(WHAT, bytes);
    let length = fields.u32()? as usize;
    let mut frame = Cursor::new(WHAT, fields.bytes(length)?);
    let start = (4 + length).next_multiple_of(ALIGNMENT).min(bytes.len());
    let streams = Buffer::from(bytes.slice(start..));
    let requests = (0..frame.count(MIN_REQUEST)?)
        .map(|_| {
            let mut request = take_request(&mut frame)?;
            request.mutations = (0..frame.count(1)?)
                .map(|_| record::decode(&mut frame, codec, &streams))
                .collect::<Result<_, _>>()?;
            check_indices(&request, ops).map_err(|why| FormatError::corrupt(WHAT, why))?;
            Ok(request)
        })
        .collect::<Result<Vec<_>, FormatError>>()?;
    frame.end()?;
    let rows: usize = requests.iter().map(Request::len).sum();
    if rows != entry.rows as usize {
        return Err(FormatError::corrupt(
            WHAT,
            "a block holds more or fewer rows than listed",
        ));
    }
    let namespace: Namespace = entry.namespace.clone();
    Ok(Block {
        namespace,
        requests,
    })
}

/// A request's mutations must lie among the segment's, so that every stamp is told apart.
fn check_indices(request: &Request, ops: u32) -> Result<(), String> {
    let end = (request.first_index as usize).saturating_add(request.len());
    if end <= ops as usize {
        return Ok(());
    }
    let first = request.first_index;
    Err(format!(
        "a request's mutations {first}..{end} exceed the segment's {ops}"
    ))
}

fn put_request(frame: &mut Vec<u8>, request: &Request) -> Result<(), FormatError> {
    frame.put_u32(request.first_index);
    frame.put_u128(request.key.0);
    frame.put_u128(request.body.0);
    frame.put_u8(request.api_key.is_some().into());
    if let Some(api_key) = &request.api_key {
        frame.put_text(WHAT, api_key)?;
    }
    put_counts(frame, request.counts);
    frame.put_count(WHAT, request.declarations.len())?;
    for Declaration {
        attribute,
        ty,
        metric,
    } in &request.declarations
    {
        frame.put_text(WHAT, attribute.as_str())?;
        frame.put_text(WHAT, &ty.to_string())?;
        frame.put_u8(metric_number(*metric));
    }
    Ok(())
}

/// A request without its mutations.
fn take_request(frame: &mut Cursor<'_>) -> Result<Request, FormatError> {
    Ok(Request {
        first_index: frame.u32()?,
        key: IdempotencyKey(frame.u128()?),
        body: BodyHash(frame.u128()?),
        api_key: match frame.u8()? {
            0 => None,
            1 => Some(frame.text()?.to_owned()),
            _ => {
                return Err(FormatError::corrupt(
                    WHAT,
                    "an API key that is neither there nor not",
                ));
            }
        },
        counts: take_counts(frame)?,
        declarations: (0..frame.count(MIN_DECLARATION)?)
            .map(|_| take_declaration(frame))
            .collect::<Result<_, _>>()?,
        mutations: Vec::new(),
    })
}

/// The counts behind a bit for each kind that the write contained; the fourth bit says that rows remain.
fn put_counts(frame: &mut Vec<u8>, counts: Counts) {
    let remaining = u8::from(counts.remaining);
    let counts = [counts.upserted, counts.patched, counts.deleted];
    let bits = counts.iter().rev().fold(remaining, |bits, count| {
        bits << 1 | u8::from(count.is_some())
    });
    frame.put_u8(bits);
    for count in counts.into_iter().flatten() {
        frame.put_u64(count);
    }
}

fn take_counts(frame: &mut Cursor<'_>) -> Result<Counts, FormatError> {
    let bits = frame.u8()?;
    if bits > 0b1111 {
        return Err(FormatError::corrupt(WHAT, "counts that are not known"));
    }
    let mut count = |bit: u8| (bits & 1 << bit != 0).then(|| frame.u64()).transpose();
    Ok(Counts {
        upserted: count(0)?,
        patched: count(1)?,
        deleted: count(2)?,
        remaining: bits & 0b1000 != 0,
    })
}

fn take_declaration(frame: &mut Cursor<'_>) -> Result<Declaration, FormatError> {
    Ok(Declaration {
        attribute: frame.name()?,
        ty: frame.name()?,
        metric: metric_of(frame.u8()?)?,
    })
}

fn metric_number(metric: Option<Metric>) -> u8 {
    match metric {
        None => 0,
        Some(Metric::CosineDistance) => 1,
        Some(Metric::EuclideanSquared) => 2,
        Some(Metric::DotProduct) => 3,
    }
}

fn metric_of(number: u8) -> Result<Option<Metric>, FormatError> {
    match number {
        0 => Ok(None),
        1 => Ok(Some(Metric::CosineDistance)),
        2 => Ok(Some(Metric::EuclideanSquared)),
        3 => Ok(Some(Metric::DotProduct)),
        n => Err(FormatError::corrupt(
            WHAT,
            format!("metric {n} is not known"),
        )),
    }
}
