//! `isobath snapshot`: pins on checkpoints, which keep what they hold from being deleted.

use super::{chance, failure::Usage, inspect::table, verify};
use anyhow::Context as _;
use clap::Subcommand;
use isobath_storage::{
    Clock as _, SystemClock, catalog::Catalog, format::Pin, model::Hlc, store::Store,
};
use serde::Serialize;
use std::{
    io::{self, Write as _},
    sync::Arc,
    time::Duration,
};
use uuid::Uuid;

/// Keeps states of a bucket for later: each is a pin on a checkpoint, which can be restored while the pin is there.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Create(Create),
    List(List),
    Delete(Delete),
}

/// Keeps the newest checkpoint, and says how old it is.
#[derive(Debug, clap::Args)]
struct Create {
    /// The bucket: a directory, `s3://bucket/prefix`, `gs://…`, `az://…`.
    #[arg(value_name = "URL")]
    bucket: String,
    /// What to call it; for people, and for `restore` and `delete`.
    #[arg(long)]
    name: Option<String>,
    /// For how long it is kept, as `30d`; until it is deleted if not given.
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    expires: Option<Duration>,
}

/// Shows all snapshots, the oldest first.
#[derive(Debug, clap::Args)]
struct List {
    /// The bucket: a directory, `s3://bucket/prefix`, `gs://…`, `az://…`.
    #[arg(value_name = "URL")]
    bucket: String,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
}

/// Deletes a snapshot; what only it kept is deleted by the next collection of garbage.
#[derive(Debug, clap::Args)]
struct Delete {
    /// The bucket: a directory, `s3://bucket/prefix`, `gs://…`, `az://…`.
    #[arg(value_name = "URL")]
    bucket: String,
    /// Its id or its name.
    snapshot: String,
}

/// A snapshot, as it is shown.
#[derive(Debug, Serialize)]
struct Shown {
    id: Uuid,
    name: Option<String>,
    checkpoint: u64,
    state_of: Option<String>,
    created: String,
    expires: Option<String>,
    expired: bool,
}

/// Runs the command.
pub(super) async fn run(args: Args) -> anyhow::Result<()> {
    match args.what {
        What::Create(args) => create(args).await,
        What::List(args) => list(args).await,
        What::Delete(args) => delete(args).await,
    }
}

fn catalog(store: &Store) -> Catalog {
    Catalog::new(Arc::clone(&store.data))
}

/// The snapshot called `wanted`, by id or by name.
pub(super) async fn find(store: &Store, wanted: &str) -> anyhow::Result<(Uuid, Pin)> {
    let pins = catalog(store).pins().await?;
    let is = |id: &Uuid, pin: &Pin| id.to_string() == wanted || pin.name.as_deref() == Some(wanted);
    let mut found: Vec<_> = pins.into_iter().filter(|(id, pin)| is(id, pin)).collect();
    match (found.pop(), found.len()) {
        (Some(pin), 0) => Ok(pin),
        (None, _) => Err(Usage(format!("there is no snapshot {wanted:?}")).into()),
        (Some(_), more) => {
            let text = format!(
                "{} snapshots are called {wanted:?}: name one by its id",
                more + 1
            );
            Err(Usage(text).into())
        }
    }
}

async fn create(args: Create) -> anyhow::Result<()> {
    let store = verify::open(&args.bucket)?;
    let catalog = catalog(&store);
    let checkpoint = catalog.newest_checkpoint().await?;
    let checkpoint = checkpoint.with_context(|| {
        format!(
            "{} has no checkpoint yet: a node with the role `compact` makes one",
            store.url
        )
    })?;
    let now = SystemClock.now_ms();
    let span = args
        .expires
        .map(|span| u64::try_from(span.as_millis()).unwrap_or(u64::MAX));
    let pin = Pin {
        checkpoint: checkpoint.number,
        name: args.name,
        created_at_ms: now,
        expires_at_ms: span.map(|span| now.saturating_add(span)),
    };
    let id = chance::fresh_id()?;
    catalog.create_pin(id, &pin).await?;
    // whoever deletes garbage may not have seen the pin in time
    if catalog.checkpoint(pin.checkpoint).await?.is_none() {
        catalog.delete_pin(id).await?;
        anyhow::bail!(
            "checkpoint {} was deleted meanwhile: try again",
            pin.checkpoint
        );
    }
    let age = Duration::from_secs(now.saturating_sub(checkpoint.hlc_cut.millis()) / 1_000);
    let (at, age) = (
        table::time(checkpoint.hlc_cut),
        humantime::format_duration(age),
    );
    writeln!(
        io::stdout(),
        "snapshot {id} keeps the state of {at}, {age} ago"
    )?;
    Ok(())
}

async fn list(args: List) -> anyhow::Result<()> {
    let store = verify::open(&args.bucket)?;
    let catalog = catalog(&store);
    let mut pins = catalog.pins().await?;
    pins.sort_by_key(|(id, pin)| (pin.created_at_ms, *id));
    let (now, mut shown) = (SystemClock.now_ms(), vec![]);
    for (id, pin) in pins {
        let checkpoint = catalog.checkpoint(pin.checkpoint).await?;
        let time = |ms| table::time(Hlc::from_millis(ms));
        shown.push(Shown {
            id,
            expired: !pin.holds_at(now),
            name: pin.name,
            checkpoint: pin.checkpoint,
            state_of: checkpoint.map(|checkpoint| table::time(checkpoint.hlc_cut)),
            created: time(pin.created_at_ms),
            expires: pin.expires_at_ms.map(time),
        });
    }
    if args.json {
        writeln!(io::stdout(), "{}", serde_json::to_string_pretty(&shown)?)?;
        return Ok(());
    }
    if shown.is_empty() {
        writeln!(io::stdout(), "{} has no snapshots", store.url)?;
        return Ok(());
    }
    let mut table = table::table(["id", "name", "checkpoint", "state of", "created", "expires"]);
    for row in shown {
        let expires = row.expires.unwrap_or_else(|| "never".to_owned());
        table.add_row([
            row.id.to_string(),
            row.name.unwrap_or_default(),
            row.checkpoint.to_string(),
            row.state_of.unwrap_or_else(|| "gone".to_owned()),
            row.created,
            if row.expired {
                format!("{expires}, expired")
            } else {
                expires
            },
        ]);
    }
    Ok(writeln!(io::stdout(), "{table}")?)
}

async fn delete(args: Delete) -> anyhow::Result<()> {
    let store = verify::open(&args.bucket)?;
    let (id, _) = find(&store, &args.snapshot).await?;
    catalog(&store).delete_pin(id).await?;
    Ok(writeln!(io::stdout(), "snapshot {id} is deleted")?)
}
