//! `isobath inspect segment`: every write in one segment, verified.

use super::{
    super::{bucket, failure::Usage},
    BucketArgs, table,
};
use anyhow::Context as _;
use isobath_storage::{
    format::segment,
    model::{LogId, Mutation, Request, Segment, Seq},
    store::{
        Store,
        keys::{Key as _, SegmentKey},
    },
};
use object_store::path::Path;
use serde::Serialize;
use std::io::{self, Write as _};

/// Verifies one segment and says what every write in it does.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    bucket: BucketArgs,
    /// The segment: its key, or its number where the bucket holds one log.
    segment: String,
}

/// One segment.
#[derive(Debug, Serialize)]
struct Found {
    key: String,
    kind: &'static str,
    cluster: String,
    epoch: u64,
    writer: String,
    nonce: String,
    time: String,
    bytes: usize,
    /// What the writer had seen of each log.
    seen: Vec<(LogId, Seq)>,
    writes: Vec<Write>,
}

/// One write of a namespace.
#[derive(Debug, Serialize)]
struct Write {
    namespace: String,
    first_index: u32,
    idempotency_key: String,
    does: Vec<String>,
    declares: Vec<String>,
}

/// Runs the command.
pub(super) async fn run(args: Args) -> anyhow::Result<()> {
    let store = args.bucket.open()?;
    let key = key(&store, &args.segment).await?;
    let path = key.path();
    let bytes = bucket::read(&store, &path).await?;
    let segment = segment::decode(&bytes).with_context(|| format!("{path} is damaged"))?;
    let found = describe(&path, bytes.len(), &segment);
    if args.bucket.json {
        writeln!(io::stdout(), "{}", serde_json::to_string_pretty(&found)?)?;
        return Ok(());
    }
    Ok(print(&found)?)
}

/// The key that a user means.
async fn key(store: &Store, text: &str) -> anyhow::Result<SegmentKey> {
    let Ok(seq) = text.parse() else {
        let key = SegmentKey::parse(&Path::from(text));
        return key.map_err(|error| Usage(error.to_string()).into());
    };
    let logs: Vec<LogId> = bucket::logs(store).await?.into_keys().collect();
    match logs[..] {
        [log] => Ok(SegmentKey { log, seq: Seq(seq) }),
        [] => Err(Usage(format!("{} holds no log", store.url)).into()),
        _ => {
            let example = SegmentKey {
                log: logs[0],
                seq: Seq(seq),
            };
            let text = format!(
                "the bucket holds {} logs; name the segment by its key, for example {}",
                logs.len(),
                example.path()
            );
            Err(Usage(text).into())
        }
    }
}

fn describe(path: &Path, bytes: usize, segment: &Segment) -> Found {
    let header = &segment.header;
    let writes = segment.blocks.iter().flat_map(|block| {
        let namespace = block.namespace.to_string();
        block
            .requests
            .iter()
            .map(move |request| describe_write(&namespace, request))
    });
    Found {
        key: path.to_string(),
        kind: table::kind(header.kind),
        cluster: header.cluster.0.to_string(),
        epoch: header.epoch.0,
        writer: header.writer.to_string(),
        nonce: header.nonce.to_string(),
        time: table::time(header.hlc_max),
        bytes,
        seen: header.seen.iter().collect(),
        writes: writes.collect(),
    }
}

fn describe_write(namespace: &str, request: &Request) -> Write {
    let declares = request.declarations.iter().map(|declaration| {
        let metric = declaration.metric.map(|metric| format!(" {metric}"));
        let (name, ty) = (&declaration.attribute, declaration.ty);
        format!("{name}: {ty}{}", metric.unwrap_or_default())
    });
    Write {
        namespace: namespace.to_owned(),
        first_index: request.first_index,
        idempotency_key: request.key.to_string(),
        does: request.mutations.iter().map(describe_mutation).collect(),
        declares: declares.collect(),
    }
}

fn describe_mutation(mutation: &Mutation) -> String {
    match mutation {
        Mutation::Upsert(rows) => format!("upserts {} rows", rows.len()),
        Mutation::Patch(_, rows) => {
            let columns = rows.columns().iter().map(|column| column.name.as_str());
            format!("patches {} rows: {}", rows.len(), table::names(columns))
        }
        Mutation::SparsePatch(patches) => format!("patches dimensions of {} rows", patches.len()),
        Mutation::Delete(ids) => format!("deletes {} rows", ids.len()),
        Mutation::Control(control) => {
            let text = serde_json::to_string(control);
            format!("changes the namespace: {}", text.unwrap_or_default())
        }
    }
}

fn print(found: &Found) -> io::Result<()> {
    let mut out = io::stdout();
    let seen = found
        .seen
        .iter()
        .map(|(log, seq)| format!("{log} to {}", seq.0));
    let seen: Vec<String> = seen.collect();
    writeln!(
        out,
        "{}: {}, verified",
        found.key,
        table::bytes(found.bytes as u64)
    )?;
    writeln!(
        out,
        "  {} of epoch {}, committed {}",
        found.kind, found.epoch, found.time
    )?;
    writeln!(out, "  cluster {}, writer {}", found.cluster, found.writer)?;
    writeln!(out, "  nonce {}, had seen {}", found.nonce, seen.join(", "))?;
    if found.writes.is_empty() {
        return Ok(());
    }
    let head = ["index", "namespace", "does", "declares", "idempotency key"];
    let mut table = table::table(head);
    for write in &found.writes {
        table.add_row([
            write.first_index.to_string(),
            write.namespace.clone(),
            write.does.join("\n"),
            write.declares.join("\n"),
            write.idempotency_key.clone(),
        ]);
    }
    writeln!(out, "{table}")
}
