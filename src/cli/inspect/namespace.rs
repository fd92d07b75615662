//! `isobath inspect namespace`: what the logs of a bucket say about one namespace.

use super::{super::bucket, BucketArgs, table};
use isobath_storage::{
    fold::SchemaState,
    format::segment::Directory,
    model::{
        Epoch, Hlc, Id, LogId, Mutation, Namespace, Request, SegmentHeader, SegmentKind, Stamp,
    },
    store::Store,
};
use serde::Serialize;
use std::{
    collections::{BTreeMap, HashMap},
    io::{self, Write as _},
};

/// Replays the logs of a bucket for one namespace and says what it holds.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    bucket: BucketArgs,
    /// The namespace.
    namespace: Namespace,
}

/// What is known of a namespace.
#[derive(Debug, Serialize)]
struct Found {
    namespace: Namespace,
    exists: bool,
    rows: usize,
    writes: u64,
    segments: u64,
    bytes: u64,
    first_write: Option<String>,
    last_write: Option<String>,
    attributes: BTreeMap<String, String>,
}

/// The replay of a namespace: its schema, and which rows are live.
#[derive(Debug, Default)]
struct Replay {
    schema: SchemaState,
    /// By id the newest upsert (live) or delete.
    rows: HashMap<Id, (Stamp, bool)>,
    writes: u64,
    segments: u64,
    bytes: u64,
    first: Option<Hlc>,
    last: Option<Hlc>,
}

/// Runs the command.
pub(super) async fn run(args: Args) -> anyhow::Result<()> {
    let store = args.bucket.open()?;
    let mut replay = Replay::default();
    for (log, objects) in bucket::logs(&store).await? {
        let Some((first, _)) = objects.ends() else {
            continue;
        };
        // Only what is contiguous counts; what lies behind a gap is not committed yet.
        let mut next = first;
        let contiguous = objects.segments.keys().copied().take_while(|seq| {
            let fits = *seq == next;
            next = next.next();
            fits
        });
        let directories = bucket::directories(&store, log, contiguous).await?;
        replay
            .log(&store, log, &directories, &args.namespace)
            .await?;
    }
    let found = replay.finish(args.namespace);
    if args.bucket.json {
        writeln!(io::stdout(), "{}", serde_json::to_string_pretty(&found)?)?;
        return Ok(());
    }
    Ok(print(&found)?)
}

impl Replay {
    /// Replays the segments of a log.
    async fn log(
        &mut self,
        store: &Store,
        log: LogId,
        directories: &[Directory],
        namespace: &Namespace,
    ) -> anyhow::Result<()> {
        let mut newest = Epoch::default();
        for directory in directories {
            let header = &directory.header;
            newest = newest.max(header.epoch);
            if header.epoch < newest || header.kind != SegmentKind::Data {
                continue;
            }
            let Some(block) = bucket::block(store, directory, namespace).await? else {
                continue;
            };
            tracing::debug!(%log, seq = header.seq.0, "replaying a block");
            self.segments += 1;
            self.bytes += directory.get(namespace).map_or(0, |entry| entry.length);
            self.first.get_or_insert(header.hlc_max);
            self.last = self.last.max(Some(header.hlc_max));
            for request in &block.requests {
                self.request(header, request)?;
            }
        }
        Ok(())
    }

    fn request(&mut self, header: &SegmentHeader, request: &Request) -> anyhow::Result<()> {
        self.writes += 1;
        let mut index = request.first_index;
        for declaration in &request.declarations {
            self.schema.declare(header.stamp(index), declaration);
        }
        for mutation in &request.mutations {
            let ids = match mutation {
                Mutation::Upsert(rows) => Some((rows.ids(), true)),
                Mutation::Delete(ids) => Some((ids, false)),
                Mutation::Control(control) => {
                    self.schema.control(header.stamp(index), control)?;
                    None
                }
                Mutation::Patch(..) | Mutation::SparsePatch(_) => None,
            };
            if let Some((ids, live)) = ids {
                for (id, at) in ids.iter().zip(index..) {
                    self.row(id, header.stamp(at), live);
                }
            }
            index = index.saturating_add(u32::try_from(mutation.len()).unwrap_or(u32::MAX));
        }
        Ok(())
    }

    fn row(&mut self, id: Id, stamp: Stamp, live: bool) {
        let newest = self.rows.entry(id).or_insert((stamp, live));
        if newest.0 < stamp {
            *newest = (stamp, live);
        }
    }

    fn finish(self, namespace: Namespace) -> Found {
        let live = |(stamp, live): &(Stamp, bool)| *live && !self.schema.is_deleted(*stamp);
        let attributes = self
            .schema
            .schema()
            .attributes
            .into_iter()
            .map(|(name, config)| {
                let metric = config.metric.map(|metric| format!(", {metric}"));
                let kind = format!("{}{}", config.ty, metric.unwrap_or_default());
                (name.to_string(), kind)
            });
        Found {
            namespace,
            exists: self.schema.exists(),
            rows: self.rows.values().filter(|row| live(row)).count(),
            writes: self.writes,
            segments: self.segments,
            bytes: self.bytes,
            first_write: self.first.map(table::time),
            last_write: self.last.map(table::time),
            attributes: attributes.collect(),
        }
    }
}

fn print(found: &Found) -> io::Result<()> {
    let mut out = io::stdout();
    let name = &found.namespace;
    let (Some(first), Some(last)) = (&found.first_write, &found.last_write) else {
        return writeln!(out, "no log of this bucket says anything about {name}");
    };
    let state = if found.exists { "exists" } else { "is deleted" };
    let size = table::bytes(found.bytes);
    writeln!(out, "namespace {name} {state}: {} live rows", found.rows)?;
    writeln!(
        out,
        "  {} writes in {} segments, {size}",
        found.writes, found.segments
    )?;
    writeln!(out, "  written first {first}, last {last}")?;
    if found.attributes.is_empty() {
        return Ok(());
    }
    let mut table = table::table(["attribute", "type"]);
    for (attribute, kind) in &found.attributes {
        table.add_row([attribute, kind]);
    }
    writeln!(out, "{table}")
}
