//! [`RecalledJson`]: how well approximate searches do, as JSON.

use super::row::{RowJson, rows_json};
use crate::server::{decode::VectorEncoding, engine::Recalled};
use serde::Serialize;

/// How well approximate searches do, as the API writes it.
#[derive(Debug, Serialize)]
pub(crate) struct RecalledJson<'a> {
    avg_recall: f64,
    avg_exhaustive_count: f64,
    avg_ann_count: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    ground_truth: Option<Vec<TruthJson<'a>>>,
}

#[derive(Debug, Serialize)]
struct TruthJson<'a> {
    query_vector: &'a [f32],
    nearest_neighbors: Vec<RowJson<'a>>,
}

impl<'a> RecalledJson<'a> {
    pub(crate) fn new(recalled: &'a Recalled) -> Self {
        let truth = recalled.ground_truth.as_ref().map(|truth| {
            let one = |truth: &'a crate::server::engine::GroundTruth| TruthJson {
                query_vector: &truth.query_vector,
                nearest_neighbors: rows_json(&truth.nearest_neighbors, VectorEncoding::Float),
            };
            truth.iter().map(one).collect()
        });
        Self {
            avg_recall: recalled.avg_recall,
            avg_exhaustive_count: recalled.avg_exhaustive_count,
            avg_ann_count: recalled.avg_ann_count,
            ground_truth: truth,
        }
    }
}
