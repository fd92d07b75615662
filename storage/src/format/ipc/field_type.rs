//! [`FieldType`]: what the columns of our files may be.

use crate::model::{AttributeType, InvalidName};
use arrow_schema::DataType;
use std::{fmt, str::FromStr};

/// The type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::format) enum FieldType {
    /// That of an attribute.
    Attribute(AttributeType),
    /// 16-bit unsigned integers, none null.
    U16,
    /// 32-bit unsigned integers, none null.
    U32,
    /// Bytes of any length.
    Binary,
}

impl FieldType {
    /// The type, where it is that of an attribute.
    pub(in crate::format) fn attribute(self) -> Option<AttributeType> {
        match self {
            Self::Attribute(ty) => Some(ty),
            _ => None,
        }
    }

    pub(super) fn to_arrow(self) -> DataType {
        match self {
            Self::Attribute(ty) => ty.to_arrow(),
            Self::U16 => DataType::UInt16,
            Self::U32 => DataType::UInt32,
            Self::Binary => DataType::Binary,
        }
    }
}

impl From<AttributeType> for FieldType {
    fn from(ty: AttributeType) -> Self {
        Self::Attribute(ty)
    }
}

impl fmt::Display for FieldType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Attribute(ty) => ty.fmt(f),
            Self::U16 => f.write_str("$u16"),
            Self::U32 => f.write_str("$u32"),
            Self::Binary => f.write_str("$binary"),
        }
    }
}

impl FromStr for FieldType {
    type Err = InvalidName;

    fn from_str(s: &str) -> Result<Self, InvalidName> {
        match s {
            "$u16" => Ok(Self::U16),
            "$u32" => Ok(Self::U32),
            "$binary" => Ok(Self::Binary),
            s => s
                .parse()
                .map(Self::Attribute)
                .map_err(|_| InvalidName::new("field type", s, "an attribute type")),
        }
    }
}
