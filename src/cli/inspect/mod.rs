//! `isobath inspect`: what is in a bucket, in words; needs no server and changes nothing.

mod log;
mod namespace;
mod segment;
pub(super) mod table;

use super::{bucket, settings::SettingsArgs};
use clap::Subcommand;
use isobath_storage::store::Store;

/// Says what is in a bucket, without a server and without changing anything.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Log(log::Args),
    Segment(segment::Args),
    Namespace(namespace::Args),
}

/// Which bucket, and how to print what is in it.
#[derive(Debug, clap::Args)]
struct BucketArgs {
    /// The bucket: a directory, `s3://bucket/prefix`, `gs://…`, `az://…`.
    #[arg(value_name = "URL")]
    bucket: String,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
}

impl BucketArgs {
    fn open(&self) -> anyhow::Result<Store> {
        let settings = SettingsArgs {
            bucket: Some(self.bucket.clone()),
            ..SettingsArgs::default()
        };
        bucket::open(&settings.load()?)
    }
}

/// Runs the command.
pub(super) async fn run(args: Args) -> anyhow::Result<()> {
    match args.what {
        What::Log(args) => log::run(args).await,
        What::Segment(args) => segment::run(args).await,
        What::Namespace(args) => namespace::run(args).await,
    }
}
