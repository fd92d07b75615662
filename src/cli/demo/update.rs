//! An update that changes what the best answers are, and the exact answers after it.

use super::{
    super::{
        client::Client,
        ground_truth::{Truth, Vectors},
    },
    sample,
};
use anyhow::Context as _;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// How many rows are deleted, and how many written.
pub(super) const ROWS: usize = 100;

/// The id of the first row that is written.
const FIRST_ID: u64 = 1_000_000;

/// Deletes the best answers of the first queries and writes rows that answer them exactly, in one
/// request; returns the exact answers from then on.
pub(super) async fn apply(
    client: &Client,
    rows: &sample::Rows,
    queries: &Vectors,
    before: &Truth,
) -> anyhow::Result<Truth> {
    let mut deleted = BTreeSet::new();
    for id in (0..before.len()).filter_map(|query| before.nearest(query)) {
        if deleted.len() < ROWS {
            deleted.insert(id);
        }
    }
    let new: Vec<(u64, &[f32])> = (FIRST_ID..).zip(queries.rows().take(ROWS)).collect();
    let upserts: Vec<Value> = new
        .iter()
        .map(|(id, vector)| json!({ "id": id, "vector": vector, "text": format!("new row {id}") }))
        .collect();
    let body = json!({ "upsert_rows": upserts, "deletes": deleted });
    client
        .send_text(&super::write(&body))
        .await
        .context("cannot update the rows")?;

    let kept = rows.ids.iter().copied().zip(rows.vectors.rows());
    let kept = kept.filter(|(id, _)| !deleted.contains(id));
    let (ids, vectors): (Vec<u64>, Vec<&[f32]>) = kept.chain(new).unzip();
    let vectors = Vectors::new(queries.dim, vectors.concat());
    Ok(Truth::cosine(queries, &ids, &vectors, 10))
}
