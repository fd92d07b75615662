//! [`IndexParams`]: what an index is built with; half of its identity.

use isobath_storage::model::Metric;
use serde::{Deserialize, Serialize};

use super::{IndexError, codes::Bits, file::FORMAT_VERSION};

/// The largest degree of a node.
pub const MAX_DEGREE: u16 = 512;

/// The parameters of an index; with the hash of the part they name it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IndexParams {
    /// The distance that rows are sought by.
    pub metric: Metric,
    /// Bits per dimension of the resident codes; without it the build measures what the part needs.
    pub bits: Option<Bits>,
    /// Neighbours per node, at most [`MAX_DEGREE`]. More: better recall per step, a larger graph.
    pub degree: u16,
    /// Candidates an insertion looks at. More: a better graph, a longer build.
    pub build_list: u16,
    /// How far, as a factor, a node's degree may grow during the build before it is pruned.
    pub slack: f32,
    /// How much nearer a neighbour must be to a candidate than the node is to shade it, on squared distances.
    pub alpha: f32,
}

impl IndexParams {
    /// The parameters that hold for every kind of data measured so far.
    pub fn new(metric: Metric) -> Self {
        Self {
            metric,
            bits: None,
            degree: 48,
            build_list: 64,
            slack: 1.6,
            alpha: 1.2,
        }
    }

    /// The hexadecimal hash by which an index of these parameters is named.
    pub fn hash(&self) -> String {
        let Self {
            metric,
            bits,
            degree,
            build_list,
            slack,
            alpha,
        } = self;
        let bits = bits.map_or(0, Bits::get);
        let text =
            format!("{FORMAT_VERSION} {metric} {bits} {degree} {build_list} {slack} {alpha}");
        blake3::hash(text.as_bytes()).to_hex()[..32].to_owned()
    }

    pub(super) fn validate(&self) -> Result<(), IndexError> {
        let in_range = |field, value: f32, low: f32, high: f32| {
            if (low..=high).contains(&value) {
                return Ok(());
            }
            let fault = format!("{value} is not in {low}..={high}");
            Err(IndexError::invalid(field, fault))
        };
        in_range("degree", f32::from(self.degree), 2.0, f32::from(MAX_DEGREE))?;
        in_range("build_list", f32::from(self.build_list), 4.0, 4_096.0)?;
        in_range("slack", self.slack, 1.0, 2.0)?;
        in_range("alpha", self.alpha, 1.0, 4.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn should_hash_by_content() {
        let params = IndexParams::new(Metric::CosineDistance);
        assert_eq!(params.hash(), params.clone().hash());
        assert_eq!(params.hash().len(), 32);
        let wider = IndexParams {
            degree: 64,
            ..params.clone()
        };
        assert_ne!(params.hash(), wider.hash());
        assert_ne!(params.hash(), IndexParams::new(Metric::DotProduct).hash());
    }

    #[test]
    fn should_name_the_field_out_of_range() {
        let params = IndexParams {
            degree: 600,
            ..IndexParams::new(Metric::DotProduct)
        };
        let fault = params.validate().unwrap_err().to_string();
        assert_eq!(fault, "degree: 600 is not in 2..=512");
        let text = serde_json::to_string(&IndexParams::new(Metric::DotProduct)).unwrap();
        assert_eq!(
            serde_json::from_str::<IndexParams>(&text).unwrap(),
            IndexParams::new(Metric::DotProduct)
        );
    }
}
