//! Values in words: tables, times, sizes, lists.

use comfy_table::{ContentArrangement, Table, presets::UTF8_FULL_CONDENSED};
use isobath_storage::model::{Hlc, SegmentKind};
use std::time::{Duration, UNIX_EPOCH};

/// A table with this head.
pub(in crate::cli) fn table<const N: usize>(head: [&str; N]) -> Table {
    let mut table = Table::new();
    table
        .load_preset(UTF8_FULL_CONDENSED)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(head);
    table
}

/// A time as RFC 3339 in UTC, to the millisecond.
pub(in crate::cli) fn time(hlc: Hlc) -> String {
    let time = UNIX_EPOCH.checked_add(Duration::from_millis(hlc.millis()));
    // 48 bits of milliseconds end in the year 10889, which the text form does not reach.
    let printable = time.filter(|_| hlc.millis() < 253_402_300_800_000);
    printable.map_or_else(
        || format!("{} ms after 1970", hlc.millis()),
        |time| humantime::format_rfc3339_millis(time).to_string(),
    )
}

/// A size in binary units.
pub(super) fn bytes(bytes: u64) -> String {
    indicatif::HumanBytes(bytes).to_string()
}

/// A kind of segment in a word.
pub(super) fn kind(kind: SegmentKind) -> &'static str {
    match kind {
        SegmentKind::Data => "data",
        SegmentKind::Fence => "fence",
        SegmentKind::Heartbeat => "heartbeat",
        SegmentKind::Seal => "seal",
    }
}

/// The first few of some names, and how many more there are.
pub(super) fn names<'a>(names: impl Iterator<Item = &'a str>) -> String {
    const SHOWN: usize = 3;
    let names: Vec<&str> = names.collect();
    let text = names[..names.len().min(SHOWN)].join(", ");
    match names.len().saturating_sub(SHOWN) {
        0 => text,
        more => format!("{text} and {more} more"),
    }
}
