//! `isobath gc`: deletes from a bucket what nobody needs any more, and says why.

use super::{bucket, settings::SettingsArgs};
use anyhow::Context as _;
use isobath_compactor::gc::{Fate, Gc, Plan, Times};
use isobath_storage::{Clock as _, SystemClock, store::keys::Key as _};
use std::{
    io::{self, BufWriter, Write as _},
    sync::Arc,
};

/// Deletes from a bucket what nobody needs any more, as a node with the role `compact` does now and then, and says of
/// every object why it stays or goes.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    settings: SettingsArgs,
    /// Only says what would be done.
    #[arg(long)]
    dry_run: bool,
}

/// Runs the command.
pub(super) async fn run(args: Args) -> anyhow::Result<()> {
    let config = args.settings.load()?;
    let store = bucket::open(&config)?;
    let gc = Gc::new(
        Arc::clone(&store.data),
        Times::from(&config.gc),
        Arc::new(SystemClock),
    );
    let now = SystemClock.now_ms();
    let plan = gc.plan(now).await;
    let plan = plan.with_context(|| format!("cannot read what {} holds", store.url))?;
    print(&plan)?;
    let mut out = io::stdout();
    if args.dry_run {
        let going = plan
            .verdicts
            .iter()
            .filter(|v| matches!(v.fate, Fate::Delete(_)));
        let (count, bytes) = going.fold((0, 0), |(count, sum), v| (count + 1, sum + v.bytes));
        let bytes = indicatif::HumanBytes(bytes);
        return Ok(writeln!(
            out,
            "{count} objects would go, {bytes}; nothing was changed"
        )?);
    }
    let swept = gc.carry_out(&plan, now).await;
    let swept = swept.with_context(|| format!("cannot clean up {}", store.url))?;
    let bytes = indicatif::HumanBytes(swept.bytes);
    writeln!(
        out,
        "{} objects went, {bytes}; {} floors rose",
        swept.objects, swept.floors
    )?;
    if swept.left > 0 {
        let left = swept.left;
        writeln!(
            out,
            "{left} objects stay for now: another process wrote at the same time"
        )?;
    }
    Ok(())
}

fn print(plan: &Plan) -> io::Result<()> {
    let mut out = BufWriter::new(io::stdout());
    for (log, floor) in &plan.floors {
        writeln!(out, "floor    {log} rises to segment {}", floor.seq.0)?;
    }
    for namespace in plan.renumber.keys() {
        writeln!(
            out,
            "number   {namespace} gets its next manifest, with unchanged content"
        )?;
    }
    if plan.next_checkpoint.is_some() {
        writeln!(
            out,
            "number   the bucket gets its next checkpoint, with unchanged content"
        )?;
    }
    for verdict in &plan.verdicts {
        let (word, why) = match &verdict.fate {
            Fate::Keep(why) => ("keep", why),
            Fate::Delete(why) => ("delete", why),
        };
        writeln!(out, "{word:<8} {}: {why}", verdict.key.path())?;
    }
    out.flush()
}
