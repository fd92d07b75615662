//! [`Buffer`]: values in memory of our own or in a mapped file.

use bytemuck::{AnyBitPattern, try_cast_slice};
use bytes::Bytes;
use std::{fmt, ops::Range};

/// Values that are owned or lie in a mapped file.
pub(super) enum Buffer<T> {
    Owned(Vec<T>),
    Mapped { map: Bytes, bytes: Range<usize> },
}

impl<T: AnyBitPattern> Buffer<T> {
    /// `len` values at byte `at` of a file; None if they do not lie there whole and aligned.
    pub(super) fn mapped(map: &Bytes, at: usize, len: usize) -> Option<Self> {
        let bytes = at..at.checked_add(len.checked_mul(size_of::<T>())?)?;
        try_cast_slice::<u8, T>(map.get(bytes.clone())?).ok()?;
        let map = map.clone();
        Some(Self::Mapped { map, bytes })
    }

    /// The values. Ask once per search, not once per value.
    #[inline]
    pub(super) fn as_slice(&self) -> &[T] {
        match self {
            Self::Owned(values) => values,
            // the range was checked when this was made
            Self::Mapped { map, bytes } => map
                .get(bytes.clone())
                .and_then(|bytes| try_cast_slice(bytes).ok())
                .unwrap_or_default(),
        }
    }
}

impl<T> From<Vec<T>> for Buffer<T> {
    fn from(values: Vec<T>) -> Self {
        Self::Owned(values)
    }
}

impl<T> fmt::Debug for Buffer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Owned(values) => write!(f, "Owned({})", values.len()),
            Self::Mapped { bytes, .. } => write!(f, "Mapped({bytes:?})"),
        }
    }
}
