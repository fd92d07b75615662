//! Keys of audit records.

use super::text::{NARROW, WIDE, join, name, number, padded, parts};
use super::{InvalidKey, Key};
use crate::model::Region;
use object_store::path::Path;
use uuid::Uuid;

/// Some audit records of a process: `audit/{region}/{at_ms:020}-{node}-{n:010}.jsonl.zst`. They sort by time, and no
/// two processes, and no two lives of one, make the same key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AuditKey {
    /// Where the mutations were committed.
    pub region: Region,
    /// When the first of them was, in milliseconds since 1970.
    pub at_ms: u64,
    /// This life of the process.
    pub node: Uuid,
    /// How many it had made before.
    pub n: u64,
}

impl AuditKey {
    /// Under which all records of `region` lie, the oldest first.
    pub fn prefix(region: Region) -> Path {
        join(["audit", region.as_str()])
    }
}

impl Key for AuditKey {
    fn path(&self) -> Path {
        let (at, n) = (padded(self.at_ms, WIDE), padded(self.n, NARROW));
        let file = format!("{at}-{}-{n}.jsonl.zst", self.node);
        join(["audit", self.region.as_str(), &file])
    }

    fn parse(path: &Path) -> Result<Self, InvalidKey> {
        let read = || {
            let ["audit", region, file] = parts(path)[..] else {
                return None;
            };
            let (at, rest) = file.strip_suffix(".jsonl.zst")?.split_once('-')?;
            let (node, n) = rest.rsplit_once('-')?;
            let uuid = Uuid::try_parse(node).ok()?;
            (uuid.to_string() == node).then_some(Self {
                region: name(region)?,
                at_ms: number(at, WIDE)?,
                node: uuid,
                n: number(n, NARROW)?,
            })
        };
        let shape = "audit/{region}/{at_ms:020}-{uuid}-{n:010}.jsonl.zst";
        read().ok_or_else(|| InvalidKey::new("audit records", shape, path))
    }
}
