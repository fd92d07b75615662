//! zstd that allocates only what the bytes really hold.

use super::FormatError;
use std::io::Read;

/// The largest window of a frame that is read: 16 MiB; level 1 writes at most 512 KiB.
const WINDOW_LOG_MAX: u32 = 24;

/// The `length` bytes that `bytes` hold.
pub(super) fn decompress(
    what: &'static str,
    bytes: &[u8],
    length: usize,
) -> Result<Vec<u8>, FormatError> {
    let corrupt = |why: String| FormatError::corrupt(what, why);
    let read = || {
        let mut decoder = ::zstd::stream::read::Decoder::with_buffer(bytes)?;
        decoder.window_log_max(WINDOW_LOG_MAX)?;
        // The frame's own header is not trusted: a little input cannot make us reserve much.
        let mut out = Vec::with_capacity(length.min(bytes.len().saturating_mul(64)));
        decoder.take(length as u64 + 1).read_to_end(&mut out)?;
        Ok(out)
    };
    let out = read().map_err(|e: std::io::Error| corrupt(format!("zstd: {e}")))?;
    if out.len() != length {
        return Err(corrupt(
            "decompressed bytes are longer or shorter than stated".into(),
        ));
    }
    Ok(out)
}

/// Compresses `bytes` at level 1.
pub(super) fn compress(what: &'static str, bytes: &[u8]) -> Result<Vec<u8>, FormatError> {
    ::zstd::bulk::compress(bytes, 1)
        .map_err(|error| FormatError::invalid(what, format!("zstd: {error}")))
}
