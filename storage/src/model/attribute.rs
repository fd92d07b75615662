//! [`AttributeName`] and [`AttributeType`]: the columns of a namespace.

use super::{InvalidName, VectorElement};
use arrow_schema::{DataType, Field, TimeUnit};
use serde::{Deserialize, Serialize};
use std::{borrow::Borrow, fmt, str::FromStr, sync::Arc};

/// The name of an attribute: 1 to 128 bytes, not starting with `$`.
///
/// `id` names the row's id; its declared type is the namespace's kind of id.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AttributeName(Arc<str>);

impl AttributeName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name of the row's id.
    pub fn id() -> Self {
        Self("id".into())
    }

    /// Whether it names the row's id.
    pub fn is_id(&self) -> bool {
        &*self.0 == "id"
    }
}

impl FromStr for AttributeName {
    type Err = InvalidName;

    fn from_str(s: &str) -> Result<Self, InvalidName> {
        if (1..=128).contains(&s.len()) && !s.starts_with('$') {
            Ok(Self(s.into()))
        } else {
            Err(InvalidName::new(
                "attribute",
                s,
                "1 to 128 bytes, not starting with '$'",
            ))
        }
    }
}

impl TryFrom<String> for AttributeName {
    type Error = InvalidName;

    fn try_from(s: String) -> Result<Self, InvalidName> {
        s.parse()
    }
}

impl From<AttributeName> for String {
    fn from(n: AttributeName) -> Self {
        n.as_str().to_owned()
    }
}

impl Borrow<str> for AttributeName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AttributeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for AttributeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.as_str())
    }
}

/// The type of one value, or of the elements of an array.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ScalarType {
    /// UTF-8 text.
    String,
    /// 64-bit signed integer.
    Int,
    /// 64-bit unsigned integer.
    Uint,
    /// 64-bit float.
    Float,
    /// 128-bit id.
    Uuid,
    /// Milliseconds since 1970, UTC.
    Datetime,
    /// True or false.
    Bool,
}

/// Every scalar type with its name on the wire.
const SCALARS: [(ScalarType, &str); 7] = [
    (ScalarType::String, "string"),
    (ScalarType::Int, "int"),
    (ScalarType::Uint, "uint"),
    (ScalarType::Float, "float"),
    (ScalarType::Uuid, "uuid"),
    (ScalarType::Datetime, "datetime"),
    (ScalarType::Bool, "bool"),
];

impl ScalarType {
    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        SCALARS
            .iter()
            .find(|(t, _)| *t == self)
            .map_or("", |(_, name)| name)
    }

    fn to_arrow(self) -> DataType {
        match self {
            Self::String => DataType::Utf8,
            Self::Int => DataType::Int64,
            Self::Uint => DataType::UInt64,
            Self::Float => DataType::Float64,
            Self::Uuid => DataType::FixedSizeBinary(16),
            Self::Datetime => DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into())),
            Self::Bool => DataType::Boolean,
        }
    }
}

/// The type of an attribute. Written `string`, `[]string`, `[384]f32`, `{}f16`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum AttributeType {
    /// One value.
    Scalar(ScalarType),
    /// Any number of values.
    Array(ScalarType),
    /// A vector.
    Vector {
        /// Its number of dimensions, 1 to [`AttributeType::MAX_DIM`].
        dim: u32,
        /// What a dimension is stored as.
        element: VectorElement,
    },
    /// A sparse vector: dimensions with weights, 16-bit floats.
    Sparse,
}

/// A type's name that names no type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown attribute type {0:?}")]
pub struct TypeError(pub String);

impl AttributeType {
    /// The most dimensions of a vector.
    pub const MAX_DIM: u32 = 10_752;

    /// The column type that holds it.
    pub fn to_arrow(self) -> DataType {
        match self {
            Self::Scalar(t) => t.to_arrow(),
            Self::Array(t) => DataType::List(Arc::new(Field::new("item", t.to_arrow(), true))),
            Self::Vector { dim, element } => {
                let item = Arc::new(Field::new("item", element.to_arrow(), false));
                DataType::FixedSizeList(item, i32::try_from(dim).unwrap_or(i32::MAX))
            }
            Self::Sparse => super::sparse::data_type(),
        }
    }

    /// Whether filters may compare its values.
    pub fn has_filters(self) -> bool {
        !matches!(self, Self::Vector { .. } | Self::Sparse)
    }

    /// Whether it is a vector, not a sparse one.
    pub fn is_vector(self) -> bool {
        matches!(self, Self::Vector { .. })
    }
}

impl fmt::Display for AttributeType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scalar(t) => f.write_str(t.as_str()),
            Self::Array(t) => write!(f, "[]{}", t.as_str()),
            Self::Vector { dim, element } => write!(f, "[{dim}]{element}"),
            Self::Sparse => f.write_str("{}f16"),
        }
    }
}

impl FromStr for AttributeType {
    type Err = TypeError;

    fn from_str(s: &str) -> Result<Self, TypeError> {
        let bad = || TypeError(s.chars().take(200).collect());
        let scalar = |s: &str| SCALARS.iter().find(|(_, name)| *name == s).map(|(t, _)| *t);
        if s == "{}f16" {
            return Ok(Self::Sparse);
        }
        if let Some(item) = s.strip_prefix("[]") {
            return scalar(item).map(Self::Array).ok_or_else(bad);
        }
        let Some((dim, element)) = s.strip_prefix('[').and_then(|s| s.split_once(']')) else {
            return scalar(s).map(Self::Scalar).ok_or_else(bad);
        };
        let dim = dim
            .parse()
            .ok()
            .filter(|d| (1..=Self::MAX_DIM).contains(d))
            .ok_or_else(bad)?;
        let element = match element {
            "f32" => VectorElement::F32,
            "f16" => VectorElement::F16,
            _ => return Err(bad()),
        };
        Ok(Self::Vector { dim, element })
    }
}

impl TryFrom<String> for AttributeType {
    type Error = TypeError;

    fn try_from(s: String) -> Result<Self, TypeError> {
        s.parse()
    }
}

impl From<AttributeType> for String {
    fn from(t: AttributeType) -> Self {
        t.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn should_read_what_it_writes() {
        for text in [
            "string",
            "int",
            "[]uuid",
            "[]datetime",
            "[1]f32",
            "[10752]f16",
            "{}f16",
        ] {
            assert_eq!(text.parse::<AttributeType>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn should_refuse_what_is_no_type() {
        for text in [
            "",
            "[]",
            "[0]f32",
            "[10753]f32",
            "[4]f64",
            "{}f32",
            "[]f32",
            "[-1]f32",
            "text",
        ] {
            assert!(text.parse::<AttributeType>().is_err(), "{text}");
        }
    }
}
