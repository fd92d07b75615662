//! `isobath doctor`: whether bucket, cache directory and clock can carry a node, in words.

mod cache;
mod clock;
mod log;
mod report;

use super::{bucket, chance, settings::SettingsArgs};
use isobath_config::Config;
use isobath_storage::{
    model::BucketId,
    store::{KnownBuckets, Marker, Outcome, Store, StoreKind, probe},
};
use report::Report;

/// Checks bucket, cache directory and clock, and says in words what it found.
///
/// Writes a few objects below `probe/` of the bucket and deletes them again.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    settings: SettingsArgs,
}

/// Runs the command; fails with the first thing that does not work.
pub(super) async fn run(args: Args) -> anyhow::Result<()> {
    let config = args.settings.load()?;
    let mut report = Report::new();
    report.good("the settings are valid")?;
    cache::check(&config, &mut report)?;
    match bucket::open(&config) {
        Ok(store) => check_bucket(&config, &store, &mut report).await?,
        Err(error) => report.bad(error)?,
    }
    report.verdict()
}

async fn check_bucket(config: &Config, store: &Store, report: &mut Report) -> anyhow::Result<()> {
    let run = chance::fresh_id()?;
    for check in probe(store, run).await.checks {
        let name = check.name;
        match check.outcome {
            Outcome::Works => report.good(format!("the bucket {name}"))?,
            Outcome::Weak(what) => report.note(format!("the bucket {name}: {what}"))?,
            Outcome::Missing(what) => {
                report.bad(anyhow::anyhow!("{what}").context(format!("the bucket {name}: no")))?;
            }
            Outcome::Failed(error) => {
                report.bad(anyhow::Error::new(error).context(format!("the bucket {name}")))?;
                return Ok(());
            }
        }
    }
    if store.kind != StoreKind::File {
        clock::check(store, run, report).await?;
    }
    check_marker(config, store, report).await?;
    log::check(store, report).await
}

/// Whose bucket it is, and whether it is the one that this cache directory knows.
async fn check_marker(config: &Config, store: &Store, report: &mut Report) -> anyhow::Result<()> {
    let known = KnownBuckets::new(&config.cache_dir).recall(&store.url)?;
    match (Marker::read(store).await, known) {
        (Ok(Some(found)), Some(BucketId(known))) if found.bucket.0 != known => {
            let error = "the bucket is not the one that this cache directory knows; \
                         rejoin under a new id";
            report.bad(anyhow::anyhow!(error))
        }
        (Ok(Some(found)), _) if found.region.as_str() != config.region => {
            let (theirs, ours) = (found.region, &config.region);
            report.bad(anyhow::anyhow!(
                "the bucket is region {theirs}'s, not {ours}'s"
            ))
        }
        (Ok(Some(found)), _) => report.good(format!(
            "the bucket belongs to region {} of cluster {}",
            found.region, found.cluster.0
        )),
        (Ok(None), Some(_)) => report.bad(anyhow::anyhow!(
            "the bucket held a log before and was emptied"
        )),
        (Ok(None), None) => report.note("the bucket is new; `isobath serve` will mark it"),
        (Err(error), _) => report.bad(error.into()),
    }
}
