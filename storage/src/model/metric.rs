//! [`Metric`]: how far apart two vectors are.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

use super::InvalidName;

/// A distance between vectors; smaller is nearer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// 1 − the cosine of the angle; the zero vector is at distance 1 from everything.
    CosineDistance,
    /// The squared Euclidean distance.
    EuclideanSquared,
    /// Minus the dot product.
    DotProduct,
}

impl Metric {
    /// The name used on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CosineDistance => "cosine_distance",
            Self::EuclideanSquared => "euclidean_squared",
            Self::DotProduct => "dot_product",
        }
    }
}

impl FromStr for Metric {
    type Err = InvalidName;

    fn from_str(s: &str) -> Result<Self, InvalidName> {
        [
            Self::CosineDistance,
            Self::EuclideanSquared,
            Self::DotProduct,
        ]
        .into_iter()
        .find(|m| m.as_str() == s)
        .ok_or_else(|| {
            let rule = "one of cosine_distance, euclidean_squared, dot_product";
            InvalidName::new("distance_metric", s, rule)
        })
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
