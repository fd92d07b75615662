//! The isobath binary: wiring only.

mod cli;
mod telemetry;

use std::process::ExitCode;

/// Gives freed memory back soon, and serves many threads without a lock: a query node keeps what it maps, not
/// what it once folded.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    cli::main()
}
