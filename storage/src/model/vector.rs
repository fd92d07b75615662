//! [`VectorValue`]: one vector.

use arrow_schema::DataType;
use half::f16;
use serde::{Deserialize, Serialize};
use std::{fmt, sync::Arc};

/// What a dimension of a vector is stored as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum VectorElement {
    /// 32-bit float.
    F32,
    /// 16-bit float.
    F16,
}

impl VectorElement {
    pub(crate) fn to_arrow(self) -> DataType {
        match self {
            Self::F32 => DataType::Float32,
            Self::F16 => DataType::Float16,
        }
    }

    /// Bytes of one dimension.
    pub fn width(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 => 2,
        }
    }
}

impl fmt::Display for VectorElement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
        })
    }
}

/// One vector; every dimension is finite.
#[derive(Debug, Clone, PartialEq)]
pub enum VectorValue {
    /// 32-bit floats.
    F32(Arc<[f32]>),
    /// 16-bit floats.
    F16(Arc<[f16]>),
}

impl VectorValue {
    /// Its number of dimensions.
    pub fn dim(&self) -> usize {
        match self {
            Self::F32(v) => v.len(),
            Self::F16(v) => v.len(),
        }
    }

    /// What a dimension is stored as.
    pub fn element(&self) -> VectorElement {
        match self {
            Self::F32(_) => VectorElement::F32,
            Self::F16(_) => VectorElement::F16,
        }
    }

    /// The dimensions as 32-bit floats.
    pub fn to_f32(&self) -> Vec<f32> {
        match self {
            Self::F32(v) => v.to_vec(),
            Self::F16(v) => v.iter().map(|x| x.to_f32()).collect(),
        }
    }

    /// The vector with single dimensions replaced; those beyond its end are left out.
    #[must_use]
    pub fn with_dims(&self, dims: impl IntoIterator<Item = (u32, f32)>) -> Self {
        let mut values = self.to_f32();
        for (dim, value) in dims {
            if let Some(slot) = values.get_mut(dim as usize) {
                *slot = value;
            }
        }
        match self {
            Self::F32(_) => Self::F32(values.into()),
            Self::F16(_) => Self::F16(values.into_iter().map(f16::from_f32).collect()),
        }
    }
}
