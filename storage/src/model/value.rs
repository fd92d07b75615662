//! [`Value`]: one value of one row.

use super::{AttributeType, Id, ScalarType, SparseVector, VectorValue};
use std::sync::Arc;
use uuid::Uuid;

/// One value of an attribute. Floats are finite.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Value {
    /// No value.
    #[default]
    Null,
    /// True or false.
    Bool(bool),
    /// 64-bit signed integer.
    Int(i64),
    /// 64-bit unsigned integer.
    Uint(u64),
    /// 64-bit float.
    Float(f64),
    /// UTF-8 text.
    String(Arc<str>),
    /// 128-bit id.
    Uuid(Uuid),
    /// Milliseconds since 1970, UTC.
    Datetime(i64),
    /// Values of one type; none of them is an array or a vector.
    Array(Arc<[Value]>),
    /// A vector.
    Vector(VectorValue),
    /// A sparse vector.
    Sparse(SparseVector),
}

impl Value {
    /// Whether it is no value.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// Whether an attribute of type `ty` can hold it; null fits everywhere.
    pub fn fits(&self, ty: AttributeType) -> bool {
        match (self, ty) {
            (Self::Null, _) | (Self::Sparse(_), AttributeType::Sparse) => true,
            (Self::Array(items), AttributeType::Array(item)) => items
                .iter()
                .all(|value| value.fits(AttributeType::Scalar(item))),
            (Self::Vector(vector), AttributeType::Vector { dim, element }) => {
                vector.dim() == dim as usize && vector.element() == element
            }
            (value, AttributeType::Scalar(ty)) => value.scalar_type() == Some(ty),
            _ => false,
        }
    }

    /// The type of a value that is neither null nor an array nor a vector.
    pub fn scalar_type(&self) -> Option<ScalarType> {
        Some(match self {
            Self::Bool(_) => ScalarType::Bool,
            Self::Int(_) => ScalarType::Int,
            Self::Uint(_) => ScalarType::Uint,
            Self::Float(_) => ScalarType::Float,
            Self::String(_) => ScalarType::String,
            Self::Uuid(_) => ScalarType::Uuid,
            Self::Datetime(_) => ScalarType::Datetime,
            Self::Null | Self::Array(_) | Self::Vector(_) | Self::Sparse(_) => return None,
        })
    }
}

impl From<Id> for Value {
    fn from(id: Id) -> Self {
        match id {
            Id::U64(n) => Self::Uint(n),
            Id::Uuid(u) => Self::Uuid(u),
            Id::Str(s) => Self::String(s),
        }
    }
}
