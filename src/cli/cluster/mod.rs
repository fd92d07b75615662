//! `isobath cluster`: which regions a cluster consists of.

mod add;
mod buckets;
mod init;
mod region;
mod remove;
mod status;

pub(super) use init::init_all;
pub(super) use region::RegionOfCluster;

use super::failure::Usage;
use anyhow::Context as _;
use clap::Subcommand;
use isobath_config::ClusterConfig;
use std::{
    io::{self, Read as _},
    path::{Path, PathBuf},
};

/// Says which regions a cluster consists of, in the bucket of each. The file names all of them, and how they are
/// reached; all processes of the cluster are given the same.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Makes the buckets of all regions in the file one cluster. Buckets that are not empty must be of one cluster
    /// already, as is that of a region that was alone until now.
    Init {
        /// The cluster's file, in TOML or JSON; `-` reads standard input.
        file: PathBuf,
    },
    /// Says what each bucket holds.
    Status {
        /// The cluster's file.
        file: PathBuf,
    },
    /// Adds a region, whose bucket must be empty, to the others.
    AddRegion {
        /// The cluster's file, which names the new region, too.
        file: PathBuf,
        /// The region.
        region: String,
    },
    /// Removes a region that is lost, or not wanted any more. What of its log the other buckets hold together counts,
    /// and nothing else: stop its processes first.
    RemoveRegion {
        /// The cluster's file.
        file: PathBuf,
        /// The region.
        region: String,
    },
}

/// Runs the command.
pub(super) async fn run(args: Args) -> anyhow::Result<()> {
    match args.action {
        Action::Init { file } => init::run(&read(&file)?).await,
        Action::Status { file } => status::run(&read(&file)?).await,
        Action::AddRegion { file, region } => add::run(&read(&file)?, &region).await,
        Action::RemoveRegion { file, region } => remove::run(&read(&file)?, &region).await,
    }
}

/// The cluster that a file describes.
pub(super) fn read(file: &Path) -> anyhow::Result<ClusterConfig> {
    let mut text = String::new();
    if file == Path::new("-") {
        io::stdin().read_to_string(&mut text)?;
    } else {
        let read = std::fs::read_to_string(file);
        text = read.map_err(|error| Usage(format!("cannot read {}: {error}", file.display())))?;
    }
    let parsed = ClusterConfig::parse(&text);
    parsed.with_context(|| format!("cluster file {}", file.display()))
}
