//! Where the servers are, and what happens when one is not there.

use std::{
    env,
    io::{self, Write},
    path::PathBuf,
};

/// The directory that `.ci/tools` installs into.
pub fn cache() -> PathBuf {
    let chosen = env::var_os("ISOBATH_TOOLS").map(PathBuf::from);
    let home = || PathBuf::from(env::var_os("HOME").unwrap_or_default()).join(".cache/isobath");
    chosen.unwrap_or_else(home)
}

/// The program at `path` below [`cache`]; none, after [`skipped`], if it is not there.
pub fn find(path: &str) -> Option<PathBuf> {
    let program = cache().join(path);
    if program.is_file() {
        return Some(program);
    }
    skipped(&format!(
        "{} is not there; .ci/tools installs it",
        program.display()
    ));
    None
}

/// Says that a test, or a part of it, is skipped, and why.
///
/// # Panics
///
/// Where `CI=true`: there everything must run.
pub fn skipped(why: &str) {
    let must_run = env::var("CI").is_ok_and(|ci| ci == "true");
    assert!(!must_run, "cannot be skipped in CI: {why}");
    drop(writeln!(io::stderr(), "skipped: {why}"));
}
