//! The text of the parts of a key: padded numbers and names.

use crate::model::{InvalidName, LogId, Namespace, Region, ShardId};
use object_store::path::{Path, PathPart};
use std::str::FromStr;

/// Digits of a number that may grow to `u64::MAX`.
pub(super) const WIDE: usize = 20;
/// Digits of an epoch or of a floor's number.
pub(super) const NARROW: usize = 10;
/// Digits of a shard.
const SHARD: usize = 4;

/// `n` in at least `width` digits.
pub(super) fn padded(n: u64, width: usize) -> String {
    format!("{n:0width$}")
}

/// The number that [`padded`] writes as `text` at this width; none for any other text.
pub(super) fn number(text: &str, width: usize) -> Option<u64> {
    let n = text.parse().ok()?;
    (padded(n, width) == text).then_some(n)
}

/// `n` counted down from `u64::MAX`, so that the largest number orders first.
pub(super) fn reversed(n: u64) -> String {
    padded(u64::MAX - n, WIDE)
}

/// The number that [`reversed`] writes as `text`.
pub(super) fn reversed_number(text: &str) -> Option<u64> {
    number(text, WIDE).map(|n| u64::MAX - n)
}

/// The parts of a path.
pub(super) fn parts(path: &Path) -> Vec<&str> {
    path.as_ref().split('/').collect()
}

/// The path of these parts, with what no part may hold escaped.
pub(super) fn join<const N: usize>(parts: [&str; N]) -> Path {
    parts.into_iter().map(PathPart::from).collect()
}

/// `root/{region}/{shard}`.
pub(super) fn log_prefix(root: &str, log: LogId) -> Path {
    join([
        root,
        log.region.as_str(),
        &padded(u64::from(log.shard.0), SHARD),
    ])
}

/// The log that `region` and `shard` name.
pub(super) fn log_id(region: &str, shard: &str) -> Option<LogId> {
    let shard = u16::try_from(number(shard, SHARD)?).ok()?;
    Some(LogId::new(name::<Region>(region)?, ShardId(shard)))
}

/// The name that `text` is.
pub(super) fn name<T: FromStr<Err = InvalidName>>(text: &str) -> Option<T> {
    text.parse().ok()
}

/// The namespace that a part of a path names: `.` and `..` stand there escaped.
pub(super) fn namespace(part: &str) -> Option<Namespace> {
    match part {
        "%2E" => name("."),
        "%2E%2E" => name(".."),
        "." | ".." => None,
        plain => name(plain),
    }
}
