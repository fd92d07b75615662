//! [`Question`]: the sample's queries in one setting, and how well they are answered.

use super::super::{
    client::{Client, ClientError, Request},
    ground_truth::{Recall, Truth, Vectors},
};
use isobath_storage::{Clock as _, SystemClock};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{collections::BTreeMap, time::Duration};

/// Rows that are asked for.
const K: usize = 10;

/// The sample's queries in one setting.
#[derive(Debug)]
pub(super) struct Question<'a> {
    /// What is special about it.
    pub(super) name: &'static str,
    /// The query vectors.
    pub(super) queries: &'a Vectors,
    /// Which rows count.
    pub(super) filter: Option<Value>,
    /// The exact answers.
    pub(super) truth: Truth,
}

/// How a question was answered.
#[derive(Debug)]
pub(super) struct Asked {
    /// What was special about it.
    pub(super) name: &'static str,
    /// The share of the exact answers that was found.
    pub(super) recall: f64,
    /// The ways that the searches took.
    pub(super) paths: String,
    /// Rows that were compared with a query, on average.
    pub(super) rows_scanned: u64,
    /// The time of the median answer, HTTP included.
    pub(super) median: Duration,
}

/// An answer of the server.
#[derive(Debug, Deserialize)]
pub(super) struct Answer {
    /// The rows, the nearest first.
    pub(super) rows: Vec<Row>,
    /// How they were found.
    pub(super) performance: Performance,
}

/// A row of an answer.
#[derive(Debug, Deserialize)]
pub(super) struct Row {
    /// The id.
    pub(super) id: u64,
    /// The distance.
    #[serde(rename = "$dist")]
    pub(super) distance: f32,
    /// The text, where it was asked for.
    pub(super) text: Option<String>,
}

/// How an answer was found.
#[derive(Debug, Deserialize)]
pub(super) struct Performance {
    /// The way that the search took.
    pub(super) path: String,
    /// Rows that were compared with the query.
    pub(super) rows_scanned: u64,
}

impl<'a> Question<'a> {
    /// The queries without a filter.
    pub(super) fn new(name: &'static str, queries: &'a Vectors, truth: Truth) -> Self {
        Self {
            name,
            queries,
            filter: None,
            truth,
        }
    }

    /// Asks all queries, one after the other.
    pub(super) async fn ask(&self, client: &Client) -> Result<Asked, ClientError> {
        let mut recall = Recall::default();
        let mut paths: BTreeMap<String, usize> = BTreeMap::new();
        let (mut scanned, mut times) = (0, Vec::new());
        for (number, query) in self.queries.rows().enumerate() {
            let start = SystemClock.monotonic();
            let answer = search(client, query, self.filter.as_ref(), false).await?;
            times.push(SystemClock.monotonic().saturating_sub(start));
            let ids: Vec<u64> = answer.rows.iter().map(|row| row.id).collect();
            recall.add(self.truth.hits(number, &ids, K));
            *paths.entry(answer.performance.path).or_default() += 1;
            scanned += answer.performance.rows_scanned;
        }
        times.sort_unstable();
        let paths: Vec<String> = match &paths.into_iter().collect::<Vec<_>>()[..] {
            [(only, _)] => vec![only.clone()],
            several => several
                .iter()
                .map(|(path, n)| format!("{path} {n}×"))
                .collect(),
        };
        Ok(Asked {
            name: self.name,
            recall: recall.share(),
            paths: paths.join(", "),
            rows_scanned: scanned / times.len().max(1) as u64,
            median: times.get(times.len() / 2).copied().unwrap_or_default(),
        })
    }
}

/// The nearest rows to a vector.
pub(super) async fn search(
    client: &Client,
    vector: &[f32],
    filter: Option<&Value>,
    texts: bool,
) -> Result<Answer, ClientError> {
    let mut body = json!({ "rank_by": ["vector", "ANN", vector], "limit": K });
    if let Some(filter) = filter {
        body["filters"] = filter.clone();
    }
    if texts {
        body["include_attributes"] = json!(["text"]);
    }
    client
        .send(&Request::post(super::query_path(), body.to_string()))
        .await
}
