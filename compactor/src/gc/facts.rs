//! [`Facts`]: what a plan is made of.

use isobath_config::GcConfig;
use isobath_storage::{
    catalog::Floor,
    format::{Checkpoint, Manifest, Pin, Position},
    model::{ContentHash, LogId, Namespace, VersionVector},
    store::keys::{AnyKey, IndexKey, PartKey},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};
use uuid::Uuid;

/// For how long things are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// Every time so far back can be restored.
    pub retention: Duration,
    /// For so long a floor stands before what it covers goes.
    pub grace: Duration,
}

impl From<&GcConfig> for Times {
    fn from(config: &GcConfig) -> Self {
        Self {
            retention: config.retention,
            grace: config.grace,
        }
    }
}

impl Times {
    /// Readers and writers rely on it that nothing goes which was needed within a day.
    pub const MIN_AGE: Duration = Duration::from_hours(24);

    pub(super) fn min_age_ms() -> u64 {
        millis(Self::MIN_AGE)
    }

    pub(super) fn retention_ms(&self) -> u64 {
        millis(self.retention)
    }

    pub(super) fn grace_ms(&self) -> u64 {
        millis(self.grace)
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// An object as a listing shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// Its bytes.
    pub bytes: u64,
    /// When it was created, in milliseconds since 1970, by the store's clock.
    pub created_ms: u64,
}

/// What a bucket holds, and who needs what of it.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// The wall clock before the listing, in milliseconds since 1970.
    pub now_ms: u64,
    /// For how long the rest was read.
    pub read_for: Duration,
    /// What was listed, before anything else was read.
    pub objects: BTreeMap<AnyKey, Seen>,
    /// The checkpoints, by number.
    pub checkpoints: BTreeMap<u64, CheckpointFacts>,
    /// The manifests that were listed.
    pub manifests: BTreeMap<Namespace, BTreeMap<u64, ManifestFacts>>,
    /// The files that finished indexes name, by the key of their description.
    pub indexes: BTreeMap<IndexKey, BTreeSet<ContentHash>>,
    /// All snapshots.
    pub pins: Vec<(Uuid, Pin)>,
    /// The newest floor of each log that has one.
    pub floors: BTreeMap<LogId, Floor>,
    /// What each other member holds; none where a member's is not known, so that no floor may rise.
    pub acks: Option<Vec<VersionVector>>,
}

/// What is to be known of a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CheckpointFacts {
    /// When it was made, or the newest time in it if that is newer; milliseconds since 1970.
    pub as_of_ms: u64,
    /// Up to where it holds each log.
    pub logs: BTreeMap<LogId, Position>,
    /// The chunks of its map.
    pub maps: Vec<ContentHash>,
    /// Its runs.
    pub runs: Vec<ContentHash>,
    /// The number of each namespace's manifest.
    pub namespaces: BTreeMap<Namespace, u64>,
}

/// What is to be known of a manifest.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ManifestFacts {
    /// Its parts among the objects of its namespace.
    pub parts: Vec<ContentHash>,
    /// Its parts among those of namespaces that they were adopted from.
    pub adopted: Vec<PartKey>,
    /// Their deletion vectors.
    pub dead: Vec<ContentHash>,
}

impl CheckpointFacts {
    /// The facts of a checkpoint whose map names these manifests.
    pub fn of(checkpoint: &Checkpoint, namespaces: BTreeMap<Namespace, u64>) -> Self {
        let logs = checkpoint.logs.values().map(|position| position.hlc);
        let newest = logs.chain([checkpoint.hlc_cut]).max().unwrap_or_default();
        Self {
            as_of_ms: checkpoint.created_at_ms.max(newest.millis()),
            logs: checkpoint.logs.clone(),
            maps: checkpoint.maps.clone(),
            runs: checkpoint.runs.iter().map(|run| run.hash).collect(),
            namespaces,
        }
    }
}

impl From<&Manifest> for ManifestFacts {
    fn from(manifest: &Manifest) -> Self {
        let own = manifest.parts.iter().filter(|part| part.owner.is_none());
        let adopted = manifest.parts.iter().filter(|part| part.owner.is_some());
        Self {
            parts: own.map(|part| part.hash).collect(),
            adopted: adopted
                .map(|part| PartKey::of(&manifest.namespace, part))
                .collect(),
            dead: manifest.parts.iter().filter_map(|part| part.dead).collect(),
        }
    }
}
