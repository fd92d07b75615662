//! Searches for words in the texts of the rows, where they have some.

use super::{
    super::{
        client::{Client, Request},
        import,
    },
    NAMESPACE,
    latency::Latency,
};
use isobath_storage::{Clock as _, SystemClock};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::time::Duration;

/// The attribute that holds texts.
const ATTRIBUTE: &str = "text";
/// Texts that words are taken from.
const TEXTS: usize = 1_000;

/// Searches by BM25 over HTTP, one at a time.
#[derive(Debug, Clone, Serialize)]
pub(super) struct TextSearches {
    /// Until all texts were indexed.
    pub(super) indexed_seconds: f64,
    /// Searches for 2 to 5 words of a text.
    pub(super) plain: Latency,
    /// The same among the rows with such a word.
    pub(super) filtered: Latency,
}

/// Switches full-text search on and measures it; `None` where rows have no texts.
pub(super) async fn measure(
    client: &Client,
    time: Duration,
) -> anyhow::Result<Option<TextSearches>> {
    let texts = texts(client).await?;
    if texts.is_empty() {
        return Ok(None);
    }
    let start = SystemClock.monotonic();
    let schema = json!({ ATTRIBUTE: { "type": "string", "full_text_search": true } });
    let path = format!("/v1/namespaces/{NAMESPACE}/schema");
    drop::<Value>(
        client
            .send(&Request::post(path, schema.to_string()))
            .await?,
    );
    import::wait_for_index(client, &NAMESPACE.parse()?, &SystemClock).await?;
    let indexed = SystemClock.monotonic().saturating_sub(start);
    let searches: Vec<String> = texts.iter().enumerate().map(words).collect();
    Ok(Some(TextSearches {
        indexed_seconds: indexed.as_secs_f64(),
        plain: ask(client, &searches, time, false).await?,
        filtered: ask(client, &searches, time, true).await?,
    }))
}

/// Some texts.
async fn texts(client: &Client) -> anyhow::Result<Vec<String>> {
    #[derive(Deserialize)]
    struct Answer {
        rows: Vec<Row>,
    }
    #[derive(Deserialize)]
    struct Row {
        text: Option<Value>,
    }
    let body =
        json!({ "rank_by": ["id", "asc"], "limit": TEXTS, "include_attributes": [ATTRIBUTE] });
    let answer: Answer = query(client, &body).await?;
    let texts = answer.rows.into_iter().filter_map(|row| row.text);
    let texts = texts.filter_map(|text| text.as_str().map(str::to_owned));
    Ok(texts.filter(|text| !text.trim().is_empty()).collect())
}

/// 2 to 5 words of a text, common and rare ones.
fn words((at, text): (usize, &String)) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let picked = (0..2 + at % 4).filter_map(|n| words.get((at + n * 5) % words.len().max(1)));
    picked.copied().collect::<Vec<_>>().join(" ")
}

/// Searches for some time, after once for all.
async fn ask(
    client: &Client,
    searches: &[String],
    time: Duration,
    filtered: bool,
) -> anyhow::Result<Latency> {
    let body = |words: &String| {
        let mut body = json!({ "rank_by": [ATTRIBUTE, "BM25", words], "limit": 10 });
        if filtered {
            let first = words.split(' ').next().unwrap_or_default();
            body["filters"] = json!([ATTRIBUTE, "ContainsAllTokens", first]);
        }
        body
    };
    let bodies: Vec<Value> = searches.iter().map(body).collect();
    for body in &bodies {
        drop::<Value>(query(client, body).await?);
    }
    let start = SystemClock.monotonic();
    let mut times = vec![];
    for body in bodies.iter().cycle() {
        let before = SystemClock.monotonic();
        if before.saturating_sub(start) >= time {
            break;
        }
        drop::<Value>(query(client, body).await?);
        times.push(SystemClock.monotonic().saturating_sub(before));
    }
    Ok(Latency::of(times))
}

async fn query<T: for<'a> Deserialize<'a>>(client: &Client, body: &Value) -> anyhow::Result<T> {
    let path = format!("/v2/namespaces/{NAMESPACE}/query");
    Ok(client.send(&Request::post(path, body.to_string())).await?)
}
