//! How long writes take, alone and together, and what a file costs on the same disk.

use super::{
    super::client::{Client, Request},
    client,
    latency::Latency,
    start,
};
use anyhow::Context as _;
use futures::future;
use isobath_config::Config;
use isobath_storage::{Clock as _, SystemClock};
use serde::Serialize;
use serde_json::{Value, json};
use std::{
    fs::{self, File},
    io::Write as _,
    path::Path,
    time::Duration,
};

/// Dimensions of the rows that are written.
const DIM: usize = 384;

/// Latency that is added to each request of the store where writers are compared.
const ADDED: Duration = Duration::from_millis(5);

/// Rows of a request of one of several writers.
const WRITER_ROWS: usize = 100;

/// Rows a second of one writer and of several, with latency added to each request of the store.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Writers {
    /// Of one.
    pub(super) one_rows_per_s: f64,
    /// Of four.
    pub(super) four_rows_per_s: f64,
}

/// How long it takes until a small file and its directory entry are on the disk of `dir`.
pub(super) fn file_create(dir: &Path) -> anyhow::Result<Latency> {
    let folder = File::open(dir)?;
    let bytes = [0; 4_096];
    let mut times = Vec::new();
    for number in 0..300 {
        let path = dir.join(format!("create-{number}"));
        let start = SystemClock.monotonic();
        let mut file = File::create(&path)?;
        file.write_all(&bytes)?;
        file.sync_all()?;
        folder.sync_all()?;
        times.push(SystemClock.monotonic().saturating_sub(start));
        fs::remove_file(&path)?;
    }
    Ok(Latency::of(times))
}

/// How long writes of `rows` rows take, one after the other.
pub(super) async fn acks(client: &Client, rows: usize, count: usize) -> anyhow::Result<Latency> {
    let mut times = Vec::with_capacity(count);
    for number in 0..count {
        let request = write(&format!("acks-{rows}"), number * rows, rows);
        let start = SystemClock.monotonic();
        client.send_text(&request).await.context("cannot write")?;
        times.push(SystemClock.monotonic().saturating_sub(start));
    }
    Ok(Latency::of(times))
}

/// One writer against four, on a bucket of their own with latency added to its requests.
pub(super) async fn concurrent_writers(
    config: &Config,
    dir: &Path,
    time: Duration,
) -> anyhow::Result<Writers> {
    let mut slow = config.clone();
    slow.store.added_latency = ADDED;
    slow.bucket = dir.join("slow-bucket").to_string_lossy().into_owned();
    slow.cache_dir = dir.join("slow-cache");
    let process = start(slow).await?;
    let client = client(&process)?;
    let one_rows_per_s = writers(&client, 1, time).await?;
    let four_rows_per_s = writers(&client, 4, time).await?;
    process.stop().await?;
    Ok(Writers {
        one_rows_per_s,
        four_rows_per_s,
    })
}

/// Rows a second of `count` writers that each send one request after the other.
async fn writers(client: &Client, count: usize, time: Duration) -> anyhow::Result<f64> {
    let start = SystemClock.monotonic();
    let one = async |writer: usize| {
        let mut rows = 0;
        while SystemClock.monotonic().saturating_sub(start) < time {
            let first = writer * 1_000_000 + rows;
            let request = write(&format!("writers-{count}"), first, WRITER_ROWS);
            client.send_text(&request).await?;
            rows += WRITER_ROWS;
        }
        anyhow::Ok(rows)
    };
    let rows = future::try_join_all((0..count).map(one)).await?;
    let seconds = SystemClock.monotonic().saturating_sub(start).as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "a rate")]
    Ok(rows.into_iter().sum::<usize>() as f64 / seconds)
}

/// A write of made-up rows with ids from `first` on.
fn write(namespace: &str, first: usize, rows: usize) -> Request {
    let row = |id: usize| -> Value {
        let vector: Vec<f32> = (0..DIM).map(|dim| value(id, dim)).collect();
        json!({ "id": id, "vector": vector, "kind": "made up" })
    };
    let rows: Vec<Value> = (first..first + rows).map(row).collect();
    let body = json!({ "upsert_rows": rows, "distance_metric": "cosine_distance" });
    Request::post(format!("/v2/namespaces/{namespace}"), body.to_string())
}

/// A number between -1 and 1 that looks random.
fn value(row: usize, dim: usize) -> f32 {
    let mixed = (row as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (dim as u64) << 32;
    let mixed = (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let bits = u16::try_from(mixed >> 48).unwrap_or(0);
    f32::from(bits) / 32_768.0 - 1.0
}
