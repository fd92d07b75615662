//! [`AnyKey`]: the key of an object of whatever kind.

use super::{
    AckKey, AuditKey, CheckpointKey, ClaimKey, ClusterKey, DeadKey, FloorKey, IndexKey, InvalidKey,
    Key, ManifestKey, MapKey, MarkerKey, PartKey, PinKey, ProbeKey, RunKey, SegmentKey,
};
use object_store::path::Path;

/// The key of an object of whatever kind; for reading what is in a bucket.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(
    missing_docs,
    reason = "each variant is documented at the key that it holds"
)]
pub enum AnyKey {
    Marker(MarkerKey),
    Cluster(ClusterKey),
    Segment(SegmentKey),
    Claim(ClaimKey),
    Floor(FloorKey),
    Manifest(ManifestKey),
    Checkpoint(CheckpointKey),
    Run(RunKey),
    Map(MapKey),
    Part(PartKey),
    Dead(DeadKey),
    Index(IndexKey),
    Ack(AckKey),
    Pin(PinKey),
    Audit(AuditKey),
    Probe(ProbeKey),
}

impl AnyKey {
    /// The kind of object in one or two words.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Marker(_) => "marker",
            Self::Cluster(_) => "membership",
            Self::Segment(_) => "segment",
            Self::Claim(_) => "claim",
            Self::Floor(_) => "floor",
            Self::Manifest(_) => "manifest",
            Self::Checkpoint(_) => "checkpoint",
            Self::Run(_) => "run",
            Self::Map(_) => "map",
            Self::Part(_) => "part",
            Self::Dead(_) => "deletion vector",
            Self::Index(_) => "index",
            Self::Ack(_) => "ack",
            Self::Pin(_) => "pin",
            Self::Audit(_) => "audit records",
            Self::Probe(_) => "probe object",
        }
    }

    fn parse_data(path: &Path) -> Result<Self, InvalidKey> {
        RunKey::parse(path)
            .map(Self::Run)
            .or_else(|_| MapKey::parse(path).map(Self::Map))
            .or_else(|_| PartKey::parse(path).map(Self::Part))
            .or_else(|_| DeadKey::parse(path).map(Self::Dead))
            .or_else(|_| IndexKey::parse(path).map(Self::Index))
            .map_err(|_| InvalidKey::new("data object", "data/…", path))
    }
}

impl Key for AnyKey {
    fn path(&self) -> Path {
        match self {
            Self::Marker(key) => key.path(),
            Self::Cluster(key) => key.path(),
            Self::Segment(key) => key.path(),
            Self::Claim(key) => key.path(),
            Self::Floor(key) => key.path(),
            Self::Manifest(key) => key.path(),
            Self::Checkpoint(key) => key.path(),
            Self::Run(key) => key.path(),
            Self::Map(key) => key.path(),
            Self::Part(key) => key.path(),
            Self::Dead(key) => key.path(),
            Self::Index(key) => key.path(),
            Self::Ack(key) => key.path(),
            Self::Pin(key) => key.path(),
            Self::Audit(key) => key.path(),
            Self::Probe(key) => key.path(),
        }
    }

    fn parse(path: &Path) -> Result<Self, InvalidKey> {
        let root = path.as_ref().split('/').next().unwrap_or_default();
        match root {
            "marker" => MarkerKey::parse(path).map(Self::Marker),
            "cluster" => ClusterKey::parse(path).map(Self::Cluster),
            "log" => SegmentKey::parse(path).map(Self::Segment),
            "claim" => ClaimKey::parse(path).map(Self::Claim),
            "floor" => FloorKey::parse(path).map(Self::Floor),
            "manifest" => ManifestKey::parse(path).map(Self::Manifest),
            "checkpoint" => CheckpointKey::parse(path).map(Self::Checkpoint),
            "data" => Self::parse_data(path),
            "ack" => AckKey::parse(path).map(Self::Ack),
            "pin" => PinKey::parse(path).map(Self::Pin),
            "audit" => AuditKey::parse(path).map(Self::Audit),
            "probe" => ProbeKey::parse(path).map(Self::Probe),
            _ => Err(InvalidKey::new(
                "object of isobath",
                "log/…, data/…, manifest/…",
                path,
            )),
        }
    }
}
