//! [`Value`]: one value of one row.

use super::{Id, VectorValue};
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
}

impl Value {
    /// Whether it is no value.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
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
