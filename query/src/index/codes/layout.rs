//! How the bits of a coded row lie in memory.

use bytemuck::{Pod, Zeroable};
use serde::{Deserialize, Serialize};

use crate::index::rotation::padded;

/// Bits per dimension of a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub enum Bits {
    /// Signs only: for very many dimensions.
    One,
    /// The choice for some hundred dimensions.
    Two,
    /// For few dimensions and where precision counts.
    Four,
}

impl Bits {
    /// From the fewest to the most.
    pub const ALL: [Self; 3] = [Self::One, Self::Two, Self::Four];

    /// The number.
    pub fn get(self) -> u8 {
        match self {
            Self::One => 1,
            Self::Two => 2,
            Self::Four => 4,
        }
    }

    /// A safe choice where nothing was measured: for rows that have no index yet.
    pub fn unmeasured(dim: usize) -> Self {
        if dim < 256 { Self::Four } else { Self::Two }
    }

    /// Dimensions per byte.
    pub(super) fn per_byte(self) -> usize {
        8 / usize::from(self.get())
    }

    /// The largest code, 2^B − 1.
    pub(super) fn mask(self) -> u8 {
        (1 << self.get()) - 1
    }

    /// The step of the uniform quantiser with the least error for a normal variable of variance 1.
    pub(super) fn best_step(self) -> f32 {
        match self {
            Self::One => 1.0,
            Self::Two => 0.996,
            Self::Four => 0.335,
        }
    }
}

impl From<Bits> for u8 {
    fn from(bits: Bits) -> u8 {
        bits.get()
    }
}

impl TryFrom<u8> for Bits {
    type Error = String;

    fn try_from(bits: u8) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|b| b.get() == bits);
        found.ok_or_else(|| format!("bits: {bits} is not 1, 2 or 4"))
    }
}

/// A cache line of a record.
#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[repr(C, align(64))]
pub(in crate::index) struct Line(pub(super) [u8; 64]);

impl Line {
    pub(super) const ZERO: Self = Self([0; 64]);
    const FACTORS_AT: usize = 56;

    /// add and mul, where they stand at the end of a record.
    #[inline(always)]
    pub(super) fn factors(&self) -> [f32; 2] {
        let at = |o: usize| {
            let b = &self.0;
            f32::from_le_bytes([b[o], b[o + 1], b[o + 2], b[o + 3]])
        };
        [at(Self::FACTORS_AT), at(Self::FACTORS_AT + 4)]
    }

    pub(super) fn set_factors(&mut self, [add, mul]: [f32; 2]) {
        let (_, end) = self.0.split_at_mut(Self::FACTORS_AT);
        let bytes = add.to_le_bytes().into_iter().chain(mul.to_le_bytes());
        end.iter_mut().zip(bytes).for_each(|(a, b)| *a = b);
    }
}

/// The shape of every record of one set of codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) dim: usize,
    pub(super) bits: Bits,
    /// Coded dimensions.
    pub(super) padded: usize,
    /// Lines per record.
    pub(super) width: usize,
    /// Whether a record has room for its factors.
    pub(super) inline: bool,
}

impl Layout {
    pub(super) fn new(dim: usize, bits: Bits) -> Self {
        let padded = padded(dim);
        let used = padded / bits.per_byte();
        let width = used.div_ceil(64);
        Self {
            dim,
            bits,
            padded,
            width,
            inline: width * 64 - used >= 8,
        }
    }
}
