//! [`Body`]: the buffers of one record batch, in order, each checked and decompressed.

use super::MAX_DECOMPRESSED;
use crate::format::{FormatError, cursor::Cursor, zstd};
use arrow_buffer::{BooleanBuffer, Buffer, NullBuffer};
use arrow_ipc::RecordBatch;

/// What stands instead of a length before a buffer that is not compressed after all.
const STORED: u64 = u64::MAX;

/// Hands out the nodes and buffers of one record batch in the order of its columns.
pub(super) struct Body {
    /// What is read, for errors.
    pub what: &'static str,
    /// Length and number of nulls per array.
    nodes: std::vec::IntoIter<(i64, i64)>,
    /// Offset and length per buffer.
    buffers: std::vec::IntoIter<(i64, i64)>,
    bytes: Buffer,
    compressed: bool,
    /// Bytes that may still be decompressed.
    budget: usize,
}

impl Body {
    pub(super) fn new(
        what: &'static str,
        batch: &RecordBatch<'_>,
        bytes: Buffer,
        compressed: bool,
    ) -> Self {
        let nodes = batch.nodes().into_iter().flatten();
        let nodes: Vec<_> = nodes.map(|n| (n.length(), n.null_count())).collect();
        let buffers = batch.buffers().into_iter().flatten();
        let buffers: Vec<_> = buffers.map(|b| (b.offset(), b.length())).collect();
        Self {
            what,
            nodes: nodes.into_iter(),
            buffers: buffers.into_iter(),
            bytes,
            compressed,
            budget: MAX_DECOMPRESSED,
        }
    }

    pub(super) fn corrupt(&self, why: &str) -> FormatError {
        FormatError::corrupt(self.what, why)
    }

    /// Starts the next array, of `rows` values: which of them are null.
    pub(super) fn start(&mut self, rows: usize) -> Result<Option<NullBuffer>, FormatError> {
        let (length, nulls) = self
            .nodes
            .next()
            .ok_or_else(|| self.corrupt("fewer arrays than columns"))?;
        if usize::try_from(length) != Ok(rows) {
            return Err(self.corrupt("an array is longer or shorter than the batch"));
        }
        let bits = self.buffer(if nulls == 0 { 0 } else { rows.div_ceil(8) })?;
        if nulls == 0 {
            return Ok(None);
        }
        Ok(Some(NullBuffer::new(BooleanBuffer::new(bits, 0, rows))))
    }

    /// The next buffer, cut to the `length` bytes that the array needs; must hold that many.
    pub(super) fn buffer(&mut self, length: usize) -> Result<Buffer, FormatError> {
        let (offset, stored) = self
            .buffers
            .next()
            .ok_or_else(|| self.corrupt("fewer buffers than columns need"))?;
        let range = usize::try_from(offset)
            .ok()
            .zip(usize::try_from(stored).ok());
        let (offset, stored) = range
            .filter(|(o, s)| o.checked_add(*s).is_some_and(|end| end <= self.bytes.len()))
            .ok_or_else(|| self.corrupt("a buffer lies outside the body"))?;
        if length == 0 {
            return Ok(Buffer::default());
        }
        let buffer = self.bytes.slice_with_length(offset, stored);
        let buffer = if self.compressed {
            self.decompress(&buffer, length)?
        } else {
            buffer
        };
        if buffer.len() < length {
            return Err(self.corrupt("a buffer is shorter than its array"));
        }
        Ok(buffer.slice_with_length(0, length))
    }

    fn decompress(&mut self, buffer: &Buffer, length: usize) -> Result<Buffer, FormatError> {
        let mut cursor = Cursor::new(self.what, buffer);
        let declared = cursor.u64()?;
        if declared == STORED {
            return Ok(buffer.slice(8));
        }
        // Writers may pad a buffer, but not by more than one unit of alignment.
        let declared = usize::try_from(declared).unwrap_or(usize::MAX);
        if !(length..=length.saturating_add(super::ALIGNMENT)).contains(&declared) {
            return Err(self.corrupt("a compressed buffer is longer or shorter than its array"));
        }
        self.budget = self
            .budget
            .checked_sub(declared)
            .ok_or_else(|| self.corrupt("it is too large when decompressed"))?;
        zstd::decompress(self.what, cursor.rest(), declared).map(Buffer::from_vec)
    }

    /// Checks that every array and buffer was asked for.
    pub(super) fn end(mut self) -> Result<(), FormatError> {
        if self.nodes.next().is_some() || self.buffers.next().is_some() {
            return Err(self.corrupt("more arrays than columns"));
        }
        Ok(())
    }
}
