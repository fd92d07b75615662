//! Memory and disk that a run takes.

use serde::Serialize;
use std::{fs, path::Path, time::Duration};

/// Memory of this process, bytes.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(super) struct Memory {
    /// Now, mapped files that are resident included.
    pub(super) resident: u64,
    /// The most so far.
    pub(super) peak: u64,
    /// Now, without mapped files.
    pub(super) anonymous: u64,
}

/// Memory of this process; zeros where the system does not tell.
pub(super) fn memory() -> Memory {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        kib.unwrap_or(0) * 1_024
    };
    Memory {
        resident: field("VmRSS:"),
        peak: field("VmHWM:"),
        anonymous: field("RssAnon:"),
    }
}

/// Processor time that this process has used, all threads together; zero where the system does not tell.
pub(super) fn cpu_time() -> Duration {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The second field is a name in parentheses, which may hold anything; user and system time are the
    // 14th and the 15th, in hundredths of a second.
    let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks = fields.split_whitespace().skip(11).take(2);
    let ticks = ticks.filter_map(|ticks| ticks.parse::<u64>().ok());
    Duration::from_millis(10 * ticks.sum::<u64>())
}

/// Bytes of all files below a directory; `None` where there is none.
pub(super) fn directory_bytes(dir: &Path) -> Option<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(dir).ok()?.flatten() {
        let Ok(kind) = entry.file_type() else {
            continue;
        };
        if kind.is_dir() {
            bytes += directory_bytes(&entry.path()).unwrap_or(0);
        } else {
            bytes += entry.metadata().map_or(0, |found| found.len());
        }
    }
    Some(bytes)
}
