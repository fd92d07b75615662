//! `isobath inspect log`: how far each log goes, who claimed it, and its last segments.

use super::{
    super::bucket::{self, LogObjects},
    BucketArgs, table,
};
use isobath_storage::{
    format::segment::Directory,
    model::{Epoch, LogId, Seq},
    store::{
        Store,
        keys::{ClaimKey, Key as _},
    },
};
use serde::Serialize;
use serde_json::Value;
use std::io::{self, Write as _};

/// Says how far each log of a bucket goes, who claimed it, and what its last segments hold.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    bucket: BucketArgs,
    /// How many of the last segments to show.
    #[arg(long, default_value_t = 20)]
    last: usize,
}

/// One log.
#[derive(Debug, Serialize)]
struct Found {
    log: LogId,
    first: Option<Seq>,
    last: Option<Seq>,
    segments: usize,
    gaps: u64,
    bytes: u64,
    /// The newest claim as it lies in the bucket.
    claim: Option<Value>,
    shown: Vec<Row>,
}

/// One segment.
#[derive(Debug, Serialize)]
struct Row {
    seq: Seq,
    kind: &'static str,
    epoch: Epoch,
    /// An older epoch after a newer one: readers skip it.
    void: bool,
    time: String,
    rows: u32,
    bytes: u64,
    namespaces: Vec<String>,
}

/// Runs the command.
pub(super) async fn run(args: Args) -> anyhow::Result<()> {
    let store = args.bucket.open()?;
    let mut found = Vec::new();
    for (log, objects) in bucket::logs(&store).await? {
        found.push(inspect(&store, log, &objects, args.last).await?);
    }
    if args.bucket.json {
        writeln!(io::stdout(), "{}", serde_json::to_string_pretty(&found)?)?;
        return Ok(());
    }
    if found.is_empty() {
        writeln!(io::stdout(), "{} holds no log", store.url)?;
    }
    for log in found {
        print(&log)?;
    }
    Ok(())
}

async fn inspect(
    store: &Store,
    log: LogId,
    objects: &LogObjects,
    last: usize,
) -> anyhow::Result<Found> {
    let skipped = objects.segments.len().saturating_sub(last);
    let shown = objects.segments.keys().copied().skip(skipped);
    let directories = bucket::directories(store, log, shown).await?;
    let claim = match objects.claims.last() {
        Some(epoch) => {
            let path = ClaimKey { log, epoch: *epoch }.path();
            serde_json::from_slice(&bucket::read(store, &path).await?).ok()
        }
        None => None,
    };
    Ok(Found {
        log,
        first: objects.ends().map(|(first, _)| first),
        last: objects.ends().map(|(_, last)| last),
        segments: objects.segments.len(),
        gaps: objects.gaps(),
        bytes: objects.bytes(),
        claim,
        shown: rows(&directories),
    })
}

/// The segments as rows of the table.
fn rows(directories: &[Directory]) -> Vec<Row> {
    let mut newest = Epoch::default();
    let row = |directory: &Directory| {
        let header = &directory.header;
        newest = newest.max(header.epoch);
        let names = directory
            .entries
            .iter()
            .map(|entry| entry.namespace.to_string());
        Row {
            seq: header.seq,
            kind: table::kind(header.kind),
            epoch: header.epoch,
            void: header.epoch < newest,
            time: table::time(header.hlc_max),
            rows: header.ops,
            bytes: directory.length,
            namespaces: names.collect(),
        }
    };
    directories.iter().map(row).collect()
}

fn print(log: &Found) -> io::Result<()> {
    let mut out = io::stdout();
    let size = table::bytes(log.bytes);
    match (log.first, log.last) {
        (Some(first), Some(last)) => {
            let (segments, first, last) = (log.segments, first.0, last.0);
            writeln!(
                out,
                "log {}: {segments} segments, {first} to {last}, {size}",
                log.log
            )?;
        }
        _ => writeln!(out, "log {}: empty", log.log)?,
    }
    if log.gaps > 0 {
        writeln!(out, "  {} segments between them are missing", log.gaps)?;
    }
    if let Some(claim) = &log.claim {
        writeln!(out, "  {}", claim_text(claim))?;
    }
    if log.shown.is_empty() {
        return Ok(());
    }
    let head = [
        "segment",
        "kind",
        "epoch",
        "committed",
        "rows",
        "size",
        "namespaces",
    ];
    let mut table = table::table(head);
    for row in &log.shown {
        let kind = if row.void { "void" } else { row.kind };
        table.add_row([
            row.seq.0.to_string(),
            kind.to_owned(),
            row.epoch.0.to_string(),
            row.time.clone(),
            row.rows.to_string(),
            table::bytes(row.bytes),
            table::names(row.namespaces.iter().map(String::as_str)),
        ]);
    }
    writeln!(out, "{table}")
}

/// Who owns the log, by its newest claim.
fn claim_text(claim: &Value) -> String {
    let epoch = &claim["epoch"];
    let address = claim["address"].as_str().unwrap_or("an unknown address");
    if claim["released"] == true {
        return format!("released in epoch {epoch}: the log is free");
    }
    format!("claimed in epoch {epoch} by {address}")
}
