//! [`IndexConfig`]: how indexes are built.

use crate::problems::Problems;
use serde::{Deserialize, Serialize};

/// `[index]`: how indexes are built. Everything but `threads` stands in an index's key: changing it
/// builds the indexes again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct IndexConfig {
    /// Threads that build indexes. Default 1. More make an index ready sooner and slow queries
    /// meanwhile.
    pub threads: usize,
    /// The recall@10 that a search aims for where the query does not say, 0.5 to 0.999. Default 0.98.
    pub recall_target: f32,
    /// A part of fewer rows gets codes to scan and no graph. Default 5,000.
    pub min_rows_for_graph: usize,
    /// Neighbours per row of the graph, 8 to 512. Default 48. More cost memory and build time and
    /// reach higher recall.
    pub degree: usize,
    /// The width of the search while building, 16 to 1,024. Default 64.
    pub build_list: usize,
    /// Bits per dimension of the codes: 1, 2 or 4. Default: chosen per part by measuring.
    pub bits: Option<u8>,
}

impl Default for IndexConfig {
    fn default() -> Self {
        Self {
            threads: 1,
            recall_target: 0.98,
            min_rows_for_graph: 5_000,
            degree: 48,
            build_list: 64,
            bits: None,
        }
    }
}

impl IndexConfig {
    pub(crate) fn check(&self, problems: &mut Problems<'_>) {
        problems.range("threads", self.threads, 1, 1_024);
        problems.range("recall_target", self.recall_target, 0.5, 0.999);
        problems.range("degree", self.degree, 8, 512);
        problems.range("build_list", self.build_list, 16, 1_024);
        let known = self.bits.is_none_or(|bits| matches!(bits, 1 | 2 | 4));
        problems.need(known, "bits", || "must be 1, 2 or 4".to_owned());
    }
}
