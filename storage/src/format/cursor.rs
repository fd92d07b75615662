//! [`Cursor`]: reads little-endian fields, every length checked; and [`Put`], which writes them.

use super::FormatError;

/// Reads fields from the front of bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor<'a> {
    what: &'static str,
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    /// Reads `bytes`, which are called `what` in errors.
    pub(super) fn new(what: &'static str, bytes: &'a [u8]) -> Self {
        Self { what, rest: bytes }
    }

    /// What is left.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The next `length` bytes.
    pub(super) fn bytes(&mut self, length: usize) -> Result<&'a [u8], FormatError> {
        let Some((taken, rest)) = self.rest.split_at_checked(length) else {
            return Err(FormatError::Truncated {
                what: self.what,
                needed: length as u64,
                found: self.rest.len() as u64,
            });
        };
        self.rest = rest;
        Ok(taken)
    }

    /// The next `N` bytes.
    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], FormatError> {
        let mut array = [0; N];
        array.copy_from_slice(self.bytes(N)?);
        Ok(array)
    }

    pub(super) fn u8(&mut self) -> Result<u8, FormatError> {
        Ok(self.array::<1>()?[0])
    }

    pub(super) fn u16(&mut self) -> Result<u16, FormatError> {
        self.array().map(u16::from_le_bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32, FormatError> {
        self.array().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Result<u64, FormatError> {
        self.array().map(u64::from_le_bytes)
    }

    pub(super) fn u128(&mut self) -> Result<u128, FormatError> {
        self.array().map(u128::from_le_bytes)
    }

    /// Text behind its 32-bit length.
    pub(super) fn text(&mut self) -> Result<&'a str, FormatError> {
        let length = self.u32()? as usize;
        let bytes = self.bytes(length)?;
        std::str::from_utf8(bytes)
            .map_err(|_| FormatError::corrupt(self.what, "a text is not UTF-8"))
    }

    /// A name behind its length, by the rules of its type.
    pub(super) fn name<T: std::str::FromStr>(&mut self) -> Result<T, FormatError>
    where
        T::Err: std::fmt::Display,
    {
        let what = self.what;
        self.text()?
            .parse()
            .map_err(|error: T::Err| FormatError::corrupt(what, error.to_string()))
    }

    /// A 32-bit number of items, each of which takes at least `size` bytes.
    pub(super) fn count(&mut self, size: usize) -> Result<usize, FormatError> {
        let count = self.u32()? as usize;
        if count.saturating_mul(size) > self.rest.len() {
            let why = format!("{count} items do not fit in {} bytes", self.rest.len());
            return Err(FormatError::corrupt(self.what, why));
        }
        Ok(count)
    }

    /// Checks that nothing is left.
    pub(super) fn end(self) -> Result<(), FormatError> {
        if self.rest.is_empty() {
            return Ok(());
        }
        let why = format!("{} bytes too many", self.rest.len());
        Err(FormatError::corrupt(self.what, why))
    }
}

/// Writes what [`Cursor`] reads.
pub(super) trait Put {
    fn put_u8(&mut self, value: u8);
    fn put_u16(&mut self, value: u16);
    fn put_u32(&mut self, value: u32);
    fn put_u64(&mut self, value: u64);
    fn put_u128(&mut self, value: u128);
    /// A number of items or bytes as 32 bits.
    fn put_count(&mut self, what: &'static str, count: usize) -> Result<(), FormatError>;
    /// Text behind its 32-bit length.
    fn put_text(&mut self, what: &'static str, text: &str) -> Result<(), FormatError>;
    /// Zeros up to the next multiple of `alignment`.
    fn pad(&mut self, alignment: usize);
}

impl Put for Vec<u8> {
    fn put_u8(&mut self, value: u8) {
        self.push(value);
    }

    fn put_u16(&mut self, value: u16) {
        self.extend_from_slice(&value.to_le_bytes());
    }

    fn put_u32(&mut self, value: u32) {
        self.extend_from_slice(&value.to_le_bytes());
    }

    fn put_u64(&mut self, value: u64) {
        self.extend_from_slice(&value.to_le_bytes());
    }

    fn put_u128(&mut self, value: u128) {
        self.extend_from_slice(&value.to_le_bytes());
    }

    fn put_count(&mut self, what: &'static str, count: usize) -> Result<(), FormatError> {
        let count = u32::try_from(count)
            .map_err(|_| FormatError::invalid(what, format!("{count} items are too many")))?;
        self.put_u32(count);
        Ok(())
    }

    fn put_text(&mut self, what: &'static str, text: &str) -> Result<(), FormatError> {
        self.put_count(what, text.len())?;
        self.extend_from_slice(text.as_bytes());
        Ok(())
    }

    fn pad(&mut self, alignment: usize) {
        self.resize(self.len().next_multiple_of(alignment), 0);
    }
}
