//! `isobath verify`: reads everything in a bucket that anything refers to, and names what is damaged.

use super::{bucket, failure::Corrupt, parts::MappedParts, settings::SettingsArgs};
use anyhow::Context as _;
use isobath_compactor::verify::{Report, verify};
use isobath_storage::{Clock as _, SystemClock, store::Store};
use std::io::{self, Write as _};

/// Reads and checks every object of a bucket that anything refers to; needs no server and changes nothing.
///
/// Names each damaged or missing object and ends with code 4 if there is one; else the last line is the digest of
/// what readers see: equal for equal content, however it is laid out.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The bucket: a directory, `s3://bucket/prefix`, `gs://…`, `az://…`.
    #[arg(value_name = "URL")]
    bucket: String,
}

/// Opens the bucket at `url` with the settings of the environment.
pub(super) fn open(url: &str) -> anyhow::Result<Store> {
    let settings = SettingsArgs {
        bucket: Some(url.to_owned()),
        ..SettingsArgs::default()
    };
    bucket::open(&settings.load()?)
}

/// Runs the command.
pub(super) async fn run(args: Args) -> anyhow::Result<()> {
    let store = open(&args.bucket)?;
    let parts = MappedParts::new(&store).context("cannot use the directory of temporary files")?;
    let report = verify(&store.data, &parts, SystemClock.now_ms()).await;
    print(&store, &report.context("cannot verify the bucket")?)
}

fn print(store: &Store, report: &Report) -> anyhow::Result<()> {
    let mut out = io::stdout();
    for note in &report.notes {
        writeln!(out, "note     {} {}", note.key, note.what)?;
    }
    for damaged in &report.damaged {
        writeln!(out, "DAMAGED  {} {}", damaged.key, damaged.what)?;
    }
    let bytes = indicatif::HumanBytes(report.bytes);
    writeln!(out, "{} objects read, {bytes}", report.objects)?;
    match (report.damaged.first(), report.digest) {
        (None, Some(digest)) => Ok(writeln!(out, "digest {digest}")?),
        (None, None) => anyhow::bail!("{} has no digest", store.url),
        (Some(first), _) => {
            let (count, url) = (report.damaged.len(), &store.url);
            let text = format!(
                "{count} objects of {url} are damaged or missing, the first: {} {}",
                first.key, first.what
            );
            Err(Corrupt(text).into())
        }
    }
}
