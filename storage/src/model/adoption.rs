//! [`PartEntry`] and [`Adoption`]: parts as manifests and the log name them.

use super::{ContentHash, Hlc, Namespace, Stamp};
use serde::{Deserialize, Serialize};

/// A part of a namespace, as a manifest or an adoption names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartEntry {
    /// The part.
    pub hash: ContentHash,
    /// Its rows, dead ones too.
    pub rows: u64,
    /// Its bytes.
    pub bytes: u64,
    /// The newest time among its rows.
    pub hlc_max: Hlc,
    /// Its deletion vector, which always lies among the namespace's own objects; none where no row is dead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dead: Option<ContentHash>,
    /// How many of its rows are dead.
    #[serde(default)]
    pub dead_rows: u64,
    /// The namespace among whose objects the part lies, where that is another one: it was adopted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Namespace>,
    /// The stamp that all its rows have here, whatever the part says: that of the record that adopted it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stamp: Option<Stamp>,
}

impl PartEntry {
    /// The namespace among whose objects the part lies, if it is a part of `namespace`.
    pub fn owner<'a>(&'a self, namespace: &'a Namespace) -> &'a Namespace {
        self.owner.as_ref().unwrap_or(namespace)
    }

    /// The part with `stamp` for all its rows.
    #[must_use]
    pub fn stamped(self, stamp: Stamp) -> Self {
        Self {
            hlc_max: stamp.hlc,
            stamp: Some(stamp),
            ..self
        }
    }
}

/// What a namespace takes over from another: parts by reference, no row is written again.
///
/// The rows that are not dead count as upserts with the stamp of the record, which comes after a deletion of the
/// namespace in the same request: what is older has vanished. The objects that the record names stay in the bucket as
/// long as a segment, a run of a checkpoint or a manifest that is kept names them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Adoption {
    /// Whose rows they are.
    pub source: Namespace,
    /// The parts, oldest first; none has a stamp yet, each its owner unless the adopting namespace is it.
    pub parts: Vec<PartEntry>,
}

impl Adoption {
    /// The rows that are not dead.
    pub fn live(&self) -> u64 {
        let live = |part: &PartEntry| part.rows.saturating_sub(part.dead_rows);
        self.parts.iter().map(live).sum()
    }
}
