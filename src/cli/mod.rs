//! The command line: one file per command, errors to one line and an exit code.

mod bench;
mod bucket;
mod chance;
mod client;
mod cluster;
mod config;
mod demo;
mod dev;
mod doctor;
mod export;
mod failure;
mod gc;
mod ground_truth;
mod import;
mod inspect;
mod keys;
mod man;
mod parts;
mod restore;
mod serve;
mod settings;
mod snapshot;
mod sql;
mod verify;

use crate::telemetry::{self, LogFormat};
use clap::{Parser, Subcommand};
use failure::Failure;
use std::{env, process::ExitCode};

/// A vector search engine whose only durable state is a log in object storage.
#[derive(Debug, Parser)]
#[command(name = "isobath", version, propagate_version = true)]
struct Cli {
    /// Which log lines to print on stderr, as `info` or `isobath_storage=debug,warn`. Default: what
    /// `RUST_LOG` says, else `warn`.
    #[arg(long, global = true, value_name = "FILTER")]
    log_filter: Option<String>,
    /// How log lines look.
    #[arg(long, global = true, value_enum, default_value = "text")]
    log_format: LogFormat,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Bench(Box<bench::Args>),
    Cluster(cluster::Args),
    Completions(man::CompletionsArgs),
    Config(config::Args),
    Demo(demo::Args),
    Dev(dev::Args),
    Doctor(doctor::Args),
    Export(export::Args),
    Gc(gc::Args),
    Import(import::Args),
    Inspect(inspect::Args),
    Keys(keys::Args),
    Man(man::ManArgs),
    Restore(restore::Args),
    Serve(serve::Args),
    Snapshot(snapshot::Args),
    Sql(sql::Args),
    Verify(verify::Args),
}

/// Runs the command that the process was started with.
pub(crate) fn main() -> ExitCode {
    let cli = Cli::parse();
    let filter = cli.log_filter.or_else(|| env::var("RUST_LOG").ok());
    let filter = filter.as_deref().unwrap_or("warn");
    match telemetry::init_logs(filter, cli.log_format).and_then(|()| run(cli.command)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => Failure::from(error).report(),
    }
}

fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Bench(args) => block_on(bench::run(*args)),
        Command::Cluster(args) => block_on(cluster::run(args)),
        Command::Completions(args) => man::completions(&args),
        Command::Config(args) => config::run(&args),
        Command::Demo(args) => block_on(demo::run(args)),
        Command::Dev(args) => block_on(dev::run(args)),
        Command::Doctor(args) => block_on(doctor::run(args)),
        Command::Export(args) => block_on(export::run(args)),
        Command::Gc(args) => block_on(gc::run(args)),
        Command::Import(args) => block_on(import::run(args)),
        Command::Keys(args) => block_on(keys::run(args)),
        Command::Man(args) => man::man(&args),
        Command::Inspect(args) => block_on(inspect::run(args)),
        Command::Serve(args) => block_on(serve::run(args)),
        Command::Restore(args) => block_on(restore::run(args)),
        Command::Snapshot(args) => block_on(snapshot::run(args)),
        Command::Sql(args) => block_on(sql::run(args)),
        Command::Verify(args) => block_on(verify::run(args)),
    }
}

/// Runs `future` on a runtime of its own.
fn block_on<T>(future: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(future)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn should_have_a_consistent_command_line() {
        Cli::command().debug_assert();
    }
}
