//! [`VectorCodec::Shuffled`](super::VectorCodec::Shuffled): byte planes, then zstd.

use super::WHAT;
use crate::format::{
    FormatError,
    cursor::{Cursor, Put},
    zstd,
};
use arrow_buffer::Buffer;

/// Bytes of one value: the planes. 16-bit vectors fare as well with four.
const WIDTH: usize = 4;

/// The most bytes that one stream may hold when it is decompressed.
const MAX: u64 = 1 << 30;

/// The bytes of `stream`, shuffled and compressed behind their number.
pub(super) fn compress(stream: &[Buffer]) -> Result<Vec<u8>, FormatError> {
    let mut bytes = Vec::with_capacity(stream.iter().map(Buffer::len).sum());
    for piece in stream {
        bytes.extend_from_slice(piece);
    }
    let planes = bytes.len() / WIDTH;
    let mut shuffled = bytes.clone();
    for (value, chunk) in bytes.chunks_exact(WIDTH).enumerate() {
        for (plane, byte) in chunk.iter().enumerate() {
            shuffled[plane * planes + value] = *byte;
        }
    }
    let mut out = Vec::new();
    out.put_u64(bytes.len() as u64);
    out.extend(zstd::compress(WHAT, &shuffled)?);
    Ok(out)
}

/// The stream out of what [`compress`] made.
pub(super) fn decompress(bytes: &[u8]) -> Result<Buffer, FormatError> {
    let mut fields = Cursor::new(WHAT, bytes);
    let length = fields.u64()?;
    if length > MAX {
        return Err(FormatError::corrupt(
            WHAT,
            "vectors are too large when decompressed",
        ));
    }
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    let shuffled = zstd::decompress(WHAT, fields.rest(), length)?;
    let planes = shuffled.len() / WIDTH;
    let mut out = shuffled.clone();
    for (value, chunk) in out.chunks_exact_mut(WIDTH).enumerate() {
        for (plane, byte) in chunk.iter_mut().enumerate() {
            *byte = shuffled[plane * planes + value];
        }
    }
    Ok(Buffer::from_vec(out))
}
