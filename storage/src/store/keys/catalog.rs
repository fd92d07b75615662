//! Keys of the catalog: marker, membership, manifests, checkpoints, acks, pins; and of the probe.

use super::text::{WIDE, join, namespace, number, padded, parts, reversed, reversed_number};
use super::{InvalidKey, Key};
use crate::model::Namespace;
use object_store::path::Path;
use uuid::Uuid;

/// The bucket's marker: `marker`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MarkerKey;

impl Key for MarkerKey {
    fn path(&self) -> Path {
        join(["marker"])
    }

    fn parse(path: &Path) -> Result<Self, InvalidKey> {
        let bad = || InvalidKey::new("marker", "marker", path);
        (path.as_ref() == "marker").then_some(Self).ok_or_else(bad)
    }
}

/// A version of the cluster's membership: `cluster/{n:020}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClusterKey(pub u64);

impl ClusterKey {
    /// Under which all versions lie.
    pub fn prefix() -> Path {
        join(["cluster"])
    }
}

impl Key for ClusterKey {
    fn path(&self) -> Path {
        join(["cluster", &padded(self.0, WIDE)])
    }

    fn parse(path: &Path) -> Result<Self, InvalidKey> {
        let read = || {
            let ["cluster", n] = parts(path)[..] else {
                return None;
            };
            number(n, WIDE).map(Self)
        };
        read().ok_or_else(|| InvalidKey::new("membership", "cluster/{n:020}", path))
    }
}

/// Manifest v of a namespace: `manifest/{namespace}/{MAX-v:020}`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ManifestKey {
    /// Whose parts it lists.
    pub namespace: Namespace,
    /// Its number.
    pub version: u64,
}

impl ManifestKey {
    /// Under which all manifests of `namespace` lie, the newest first.
    pub fn prefix(namespace: &Namespace) -> Path {
        join(["manifest", namespace.as_str()])
    }
}

impl Key for ManifestKey {
    fn path(&self) -> Path {
        join(["manifest", self.namespace.as_str(), &reversed(self.version)])
    }

    fn parse(path: &Path) -> Result<Self, InvalidKey> {
        let read = || {
            let ["manifest", name, version] = parts(path)[..] else {
                return None;
            };
            Some(Self {
                namespace: namespace(name)?,
                version: reversed_number(version)?,
            })
        };
        read().ok_or_else(|| InvalidKey::new("manifest", "manifest/{namespace}/{MAX-v:020}", path))
    }
}

/// Checkpoint k: `checkpoint/{MAX-k:020}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CheckpointKey(pub u64);

impl CheckpointKey {
    /// Under which all checkpoints lie, the newest first.
    pub fn prefix() -> Path {
        join(["checkpoint"])
    }
}

impl Key for CheckpointKey {
    fn path(&self) -> Path {
        join(["checkpoint", &reversed(self.0)])
    }

    fn parse(path: &Path) -> Result<Self, InvalidKey> {
        let read = || {
            let ["checkpoint", k] = parts(path)[..] else {
                return None;
            };
            reversed_number(k).map(Self)
        };
        read().ok_or_else(|| InvalidKey::new("checkpoint", "checkpoint/{MAX-k:020}", path))
    }
}

/// What this bucket holds: `ack/{k:020}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AckKey(pub u64);

impl AckKey {
    /// Under which all acks lie.
    pub fn prefix() -> Path {
        join(["ack"])
    }
}

impl Key for AckKey {
    fn path(&self) -> Path {
        join(["ack", &padded(self.0, WIDE)])
    }

    fn parse(path: &Path) -> Result<Self, InvalidKey> {
        let read = || {
            let ["ack", k] = parts(path)[..] else {
                return None;
            };
            number(k, WIDE).map(Self)
        };
        read().ok_or_else(|| InvalidKey::new("ack", "ack/{k:020}", path))
    }
}

/// A snapshot kept for restore, branch or a long read: `pin/{uuid}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PinKey(pub Uuid);

impl PinKey {
    /// Under which all pins lie.
    pub fn prefix() -> Path {
        join(["pin"])
    }
}

impl Key for PinKey {
    fn path(&self) -> Path {
        join(["pin", &self.0.to_string()])
    }

    fn parse(path: &Path) -> Result<Self, InvalidKey> {
        let read = || {
            let ["pin", id] = parts(path)[..] else {
                return None;
            };
            let uuid = Uuid::try_parse(id).ok()?;
            (uuid.to_string() == id).then_some(Self(uuid))
        };
        read().ok_or_else(|| InvalidKey::new("pin", "pin/{uuid}", path))
    }
}

/// An object of a running capability probe: `probe/{run}/{n:020}`; gone when the probe ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProbeKey {
    /// Which run of the probe.
    pub run: Uuid,
    /// Which of its objects.
    pub n: u64,
}

impl ProbeKey {
    /// Under which all objects of `run` lie.
    pub fn prefix(run: Uuid) -> Path {
        join(["probe", &run.to_string()])
    }
}

impl Key for ProbeKey {
    fn path(&self) -> Path {
        Self::prefix(self.run).join(padded(self.n, WIDE))
    }

    fn parse(path: &Path) -> Result<Self, InvalidKey> {
        let read = || {
            let ["probe", run, n] = parts(path)[..] else {
                return None;
            };
            let uuid = Uuid::try_parse(run).ok()?;
            let n = number(n, WIDE)?;
            (uuid.to_string() == run).then_some(Self { run: uuid, n })
        };
        read().ok_or_else(|| InvalidKey::new("probe object", "probe/{uuid}/{n:020}", path))
    }
}
