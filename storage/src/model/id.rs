//! [`Id`]: what names a row in its namespace.

use super::{AttributeType, ScalarType};
use serde::{Deserialize, Serialize};
use std::{fmt, sync::Arc};
use uuid::Uuid;

/// Names a row in its namespace. A namespace's ids are of one kind.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Id {
    /// An unsigned integer.
    U64(u64),
    /// A UUID.
    Uuid(Uuid),
    /// Text of at most [`Id::MAX_BYTES`] bytes.
    Str(Arc<str>),
}

/// The kind of a namespace's ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IdKind {
    /// Unsigned integers.
    Uint,
    /// UUIDs.
    Uuid,
    /// Text.
    String,
}

impl Id {
    /// The longest text id in bytes.
    pub const MAX_BYTES: usize = 64;

    /// Its kind.
    pub fn kind(&self) -> IdKind {
        match self {
            Self::U64(_) => IdKind::Uint,
            Self::Uuid(_) => IdKind::Uuid,
            Self::Str(_) => IdKind::String,
        }
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::U64(n) => n.fmt(f),
            Self::Uuid(u) => u.fmt(f),
            Self::Str(s) => f.write_str(s),
        }
    }
}

impl IdKind {
    /// The attribute type that declares it.
    pub fn attribute_type(self) -> AttributeType {
        AttributeType::Scalar(match self {
            Self::Uint => ScalarType::Uint,
            Self::Uuid => ScalarType::Uuid,
            Self::String => ScalarType::String,
        })
    }

    /// The kind that an attribute type declares for `id`.
    pub fn from_attribute_type(ty: AttributeType) -> Option<Self> {
        match ty {
            AttributeType::Scalar(ScalarType::Uint) => Some(Self::Uint),
            AttributeType::Scalar(ScalarType::Uuid) => Some(Self::Uuid),
            AttributeType::Scalar(ScalarType::String) => Some(Self::String),
            _ => None,
        }
    }
}

impl fmt::Display for IdKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.attribute_type().fmt(f)
    }
}
