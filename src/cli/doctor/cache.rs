//! The cache directory: can be written, and what a write to its disk costs.

use super::report::Report;
use anyhow::Context as _;
use isobath_config::Config;
use isobath_storage::{Clock as _, SystemClock};
use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::Path,
    time::Duration,
};

/// Files that are written to find out.
const FILES: u32 = 20;

/// Above this, single writes to a bucket on this disk are slow.
const SLOW: Duration = Duration::from_millis(20);

/// Checks the cache directory.
pub(super) fn check(config: &Config, report: &mut Report) -> anyhow::Result<()> {
    let shown = config.cache_dir.display();
    let cost = measure(&config.cache_dir);
    match cost.with_context(|| format!("cannot write to the cache directory {shown}")) {
        Err(error) => report.bad(error),
        Ok((median, worst)) => {
            let text = format!(
                "the cache directory {shown} is writable; a file reaches the disk in {median:.1?}, \
                 {worst:.1?} at worst"
            );
            if median > SLOW {
                return report.note(text);
            }
            report.good(text)
        }
    }
}

/// The median and the longest time in which a small file and its directory entry reach the disk.
fn measure(dir: &Path) -> io::Result<(Duration, Duration)> {
    fs::create_dir_all(dir)?;
    let folder = File::open(dir)?;
    let path = dir.join(format!("doctor-{}", std::process::id()));
    let mut times = Vec::new();
    for _ in 0..FILES {
        let start = SystemClock.monotonic();
        let written = File::create(&path).and_then(|mut file| {
            file.write_all(&[0; 4_096])?;
            file.sync_all()?;
            folder.sync_all()
        });
        times.push(SystemClock.monotonic().saturating_sub(start));
        let removed = fs::remove_file(&path);
        written.and(removed)?;
    }
    times.sort_unstable();
    Ok((times[times.len() / 2], times[times.len() - 1]))
}
