//! `isobath restore`: what a bucket, or a copy of one, held at a moment, in a bucket of its own.

use super::{
    bucket, chance, failure::Usage, parts::MappedParts, settings::SettingsArgs, snapshot, verify,
};
use anyhow::Context as _;
use isobath_compactor::{
    restore::{Progress, Restore, Watch, refuse_used},
    state::Moment,
};
use isobath_storage::{
    Clock as _, SystemClock,
    model::{BucketId, ClusterId, Namespace, Region},
    store::{Marker, Store, probe},
};
use parking_lot::Mutex;
use std::{
    collections::BTreeSet,
    io::{self, Write as _},
    sync::Arc,
    time::{Duration, UNIX_EPOCH},
};

/// How often progress is told.
const EVERY: Duration = Duration::from_secs(1);

/// Restores what a bucket held at a moment into an empty one, and compares the digests of both.
///
/// The source may be the bucket itself, or any copy of it, also one of `log/` alone. The target becomes a bucket of a
/// new cluster; it cannot be served before all of it is there.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The bucket to read: a directory, `s3://bucket/prefix`, `gs://…`, `az://…`.
    #[arg(long, value_name = "URL")]
    from: String,
    /// The bucket to write, which must be empty; a directory is made if it is not there.
    #[arg(long, value_name = "URL")]
    to: String,
    /// Every write that was committed up to this time, as `committed_at` told it; now if not given.
    #[arg(long, value_name = "RFC3339", conflicts_with = "snapshot")]
    at: Option<String>,
    /// What a snapshot keeps, by its id or name.
    #[arg(long)]
    snapshot: Option<String>,
    /// This namespace alone.
    #[arg(long)]
    namespace: Option<Namespace>,
    /// The region of the new bucket; that of the source if not given.
    #[arg(long)]
    region: Option<Region>,
    /// Restores up to the first missing segment of a log, where later ones are there: a copy may lag.
    #[arg(long)]
    up_to_gap: bool,
}

/// Tells on stderr how far it is, and how fast.
#[derive(Debug)]
struct Told {
    started: Duration,
    last: Mutex<Duration>,
}

impl Told {
    fn line(&self, progress: Progress) {
        let spent = SystemClock
            .monotonic()
            .saturating_sub(self.started)
            .as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
        let rate = |count: u64| count as f64 / spent.max(0.001);
        let bytes = indicatif::HumanBytes(progress.bytes);
        // Nothing is left to be done where stderr is closed.
        drop(writeln!(
            io::stderr(),
            "restored {} rows, {} objects, {bytes} in {spent:.1} s: {:.0} rows/s, {:.1} MB/s",
            progress.rows,
            progress.objects,
            rate(progress.rows),
            rate(progress.bytes) / 1e6,
        ));
    }
}

impl Watch for Told {
    fn progress(&self, progress: Progress) {
        let now = SystemClock.monotonic();
        let mut last = self.last.lock();
        if now.saturating_sub(*last) >= EVERY {
            *last = now;
            self.line(progress);
        }
    }
}

/// Runs the command.
pub(super) async fn run(args: Args) -> anyhow::Result<()> {
    let at = args.at.as_deref().map(milliseconds).transpose()?;
    let from = verify::open(&args.from)?;
    let to = target(&args.to)?;
    refuse_used(&*to.data)
        .await
        .with_context(|| format!("cannot restore into {}", to.url))?;
    probe(&to, chance::fresh_id()?)
        .await
        .verdict()
        .context("the target cannot carry a log")?;
    let source = Arc::clone(&from.data);
    let moment = match &args.snapshot {
        Some(wanted) => {
            let (_, pin) = snapshot::find(&from, wanted).await?;
            Moment::at_checkpoint(source, pin.checkpoint).await
        }
        None => Moment::open(source, at).await,
    };
    let moment = moment.with_context(|| format!("cannot read the state of {}", from.url))?;
    check_gaps(&args, &moment)?;
    let region = region(&args, &from, &moment).await?;
    let now = SystemClock.monotonic();
    let told = Told {
        started: now,
        last: Mutex::new(now),
    };
    let temporary = "cannot use the directory of temporary files";
    let parts = [&from, &to].map(|store| MappedParts::new(store).context(temporary));
    let [source, target] = parts;
    let restore = Restore {
        moment: &moment,
        namespace: args.namespace.as_ref(),
        to: Arc::clone(&to.data),
        region,
        cluster: ClusterId(chance::fresh_id()?),
        bucket: BucketId(chance::fresh_id()?),
        now_ms: SystemClock.now_ms(),
    };
    let restored = restore.run(&source?, &target?, &told).await;
    let restored = restored.with_context(|| format!("cannot restore into {}", to.url))?;
    told.line(restored.written);
    let mut out = io::stdout();
    for (log, position) in &restored.logs {
        writeln!(out, "log {log} up to segment {}", position.seq.0)?;
    }
    writeln!(out, "{} holds region {region} of a new cluster", to.url)?;
    Ok(writeln!(out, "digest {}", restored.digest)?)
}

/// Milliseconds since 1970 of a time as people write it.
fn milliseconds(text: &str) -> anyhow::Result<u64> {
    let bad = || {
        Usage(format!(
            "--at {text:?} is no time like 2026-11-23T16:50:00.123Z"
        ))
    };
    let time = humantime::parse_rfc3339(text).map_err(|_| bad())?;
    let since = time.duration_since(UNIX_EPOCH).map_err(|_| bad())?;
    Ok(u64::try_from(since.as_millis()).map_err(|_| bad())?)
}

fn target(url: &str) -> anyhow::Result<Store> {
    let settings = SettingsArgs {
        bucket: Some(url.to_owned()),
        ..SettingsArgs::default()
    };
    bucket::open_or_make(&settings.load()?)
}

/// What lies behind a missing segment is not restored unless that is wanted.
fn check_gaps(args: &Args, moment: &Moment) -> anyhow::Result<()> {
    for (log, (missing, behind)) in &moment.gaps {
        let seq = missing.0;
        let said = format!("log {log}: segment {seq} is missing, {behind} come after it");
        if !args.up_to_gap {
            let text = format!("{said}; `--up-to-gap` restores what is before it");
            return Err(Usage(text).into());
        }
        // Nothing is left to be done where stderr is closed.
        drop(writeln!(io::stderr(), "note: {said} and are left out"));
    }
    Ok(())
}

/// The region of the new bucket.
async fn region(args: &Args, from: &Store, moment: &Moment) -> anyhow::Result<Region> {
    if let Some(region) = args.region {
        return Ok(region);
    }
    if let Some(marker) = Marker::read(from).await? {
        return Ok(marker.region);
    }
    let regions: BTreeSet<Region> = moment.logs.keys().map(|log| log.region).collect();
    match regions.iter().collect::<Vec<_>>()[..] {
        [region] => Ok(*region),
        [] => Err(Usage(format!("{} holds no log", from.url)).into()),
        _ => Err(
            Usage("the copy holds logs of several regions: choose `--region`".to_owned()).into(),
        ),
    }
}
