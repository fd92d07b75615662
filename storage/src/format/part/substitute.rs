//! [`Substitute`]: writes what placeholders stand for in their place.

use super::{PickedVectors, WHAT};
use crate::{
    format::FormatError,
    model::{Column, ContentHash},
};
use arrow_array::{Array, cast::AsArray};
use std::io::{self, Write};

/// Takes a file buffer by buffer: one that is a placeholder's is replaced by the vectors it stands for. Hashes and
/// counts what it writes.
pub(super) struct Substitute<'a> {
    out: Hashed<'a>,
    /// Where in memory a placeholder lies, its length in bytes, and what it stands for.
    waiting: Vec<(usize, usize, &'a PickedVectors<'a>)>,
}

struct Hashed<'a> {
    out: &'a mut dyn Write,
    hash: blake3::Hasher,
    bytes: u64,
}

impl<'a> Substitute<'a> {
    pub(super) fn new(
        out: &'a mut dyn Write,
        vectors: &'a [PickedVectors<'a>],
        placeholders: &[Column],
    ) -> Self {
        let waiting = vectors
            .iter()
            .zip(placeholders)
            .filter_map(|(vectors, placeholder)| {
                let items = placeholder.array.as_fixed_size_list().values().to_data();
                let buffer = items.buffers().first()?;
                (!buffer.is_empty()).then(|| (buffer.as_ptr().addr(), buffer.len(), vectors))
            });
        Self {
            out: Hashed {
                out,
                hash: blake3::Hasher::new(),
                bytes: 0,
            },
            waiting: waiting.collect(),
        }
    }

    /// What the bytes are called, and how many they are.
    pub(super) fn finish(self) -> Result<(ContentHash, u64), FormatError> {
        if !self.waiting.is_empty() {
            return Err(FormatError::invalid(WHAT, "vectors were left out"));
        }
        Ok((
            ContentHash(*self.out.hash.finalize().as_bytes()),
            self.out.bytes,
        ))
    }
}

impl Write for Substitute<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let here = (bytes.as_ptr().addr(), bytes.len());
        let found = self
            .waiting
            .iter()
            .position(|(at, length, _)| (*at, *length) == here);
        match found {
            Some(found) => {
                let (_, _, vectors) = self.waiting.swap_remove(found);
                vectors.write(&mut self.out)?;
            }
            None => self.out.write_all(bytes)?,
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl Write for Hashed<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write_all(bytes)?;
        self.hash.update(bytes);
        self.bytes += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
