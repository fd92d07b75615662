//! `isobath config`: the settings that a process would run with.

use super::{cluster, settings::SettingsArgs};
use clap::Subcommand;
use std::{
    io::{self, Write as _},
    path::PathBuf,
};

/// Prints or checks the settings that a process would run with.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Prints them as TOML, whether they are valid or not.
    Print(Box<SettingsArgs>),
    /// Checks them and names every problem.
    Check {
        /// The file of a cluster, in TOML or JSON, to check instead; `-` reads standard input.
        file: Option<PathBuf>,
        #[command(flatten)]
        settings: Box<SettingsArgs>,
    },
}

/// Runs the command.
pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    match &args.action {
        Action::Print(settings) => {
            let text = settings.load_unchecked()?.to_toml()?;
            io::stdout().write_all(text.as_bytes())?;
        }
        Action::Check {
            file: Some(file), ..
        } => {
            let cluster = cluster::read(file)?;
            let regions = cluster.region.len();
            writeln!(io::stdout(), "the cluster of {regions} regions is valid")?;
        }
        Action::Check {
            file: None,
            settings,
        } => {
            settings.load()?;
            writeln!(io::stdout(), "the settings are valid")?;
        }
    }
    Ok(())
}
