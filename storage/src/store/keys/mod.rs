//! The keys of a bucket's objects: one type per kind of object, with its path and the way back.
//!
//! Every key is relative to the bucket's prefix. Numbers are zero-padded, so that keys order like
//! their numbers; manifests and checkpoints are numbered backwards, so that the newest is listed
//! first.

mod any;
mod audit;
mod catalog;
mod data;
mod index;
mod log;
mod text;

pub use any::AnyKey;
pub use audit::AuditKey;
pub use catalog::{AckKey, CheckpointKey, ClusterKey, ManifestKey, MarkerKey, PinKey, ProbeKey};
pub use data::{DeadKey, MapKey, PartKey, RunKey};
pub use index::{IndexFile, IndexKey};
pub use log::{ClaimKey, FloorKey, SegmentKey};

use object_store::path::Path;

/// A kind of object: where it lies, and which object lies at a path.
pub trait Key: Sized {
    /// Where the object lies.
    fn path(&self) -> Path;

    /// The key whose path is `path`.
    fn parse(path: &Path) -> Result<Self, InvalidKey>;
}

/// A path that is not the key of any object of the expected kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path:?} is not the key of a {kind}; one looks like {shape}")]
pub struct InvalidKey {
    /// What was expected to lie there, for example `segment`.
    pub kind: &'static str,
    /// The form of its keys.
    pub shape: &'static str,
    /// The path, cut to 300 characters.
    pub path: String,
}

impl InvalidKey {
    fn new(kind: &'static str, shape: &'static str, path: &Path) -> Self {
        Self {
            kind,
            shape,
            path: path.as_ref().chars().take(300).collect(),
        }
    }
}

#[cfg(test)]
mod tests;
