//! `isobath config`: the settings that a process would run with.

use super::settings::SettingsArgs;
use clap::Subcommand;
use std::io::{self, Write as _};

/// Prints or checks the settings that a process would run with.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Prints them as TOML, whether they are valid or not.
    Print(SettingsArgs),
    /// Checks them and names every problem.
    Check(SettingsArgs),
}

/// Runs the command.
pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    match &args.action {
        Action::Print(settings) => {
            let text = settings.load_unchecked()?.to_toml()?;
            io::stdout().write_all(text.as_bytes())?;
        }
        Action::Check(settings) => {
            settings.load()?;
            writeln!(io::stdout(), "the settings are valid")?;
        }
    }
    Ok(())
}
