//! [`NodeError`]: why a node does not start.

use isobath_query::view::CacheError;
use isobath_storage::{
    catalog::CatalogError,
    error::ErrorKind,
    format::FormatError,
    model::{InvalidName, Region, Seq},
    store::StoreError,
};
use std::{
    io,
    path::{Path, PathBuf},
};

/// Why a node does not start.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// The bucket cannot be used.
    #[error("the bucket cannot be used")]
    Store(#[from] StoreError),
    /// The region's name is not one.
    #[error("the configuration names no region")]
    Region(#[from] InvalidName),
    /// The cache directory cannot be used.
    #[error("the cache directory {path} cannot be used")]
    Cache {
        /// The directory.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// The cache of the bucket's objects cannot be used.
    #[error("the cache directory cannot be used")]
    Objects(#[from] CacheError),
    /// The newest checkpoint cannot be read.
    #[error("the bucket's newest checkpoint cannot be read")]
    Checkpoint(#[from] CatalogError),
    /// A segment of the last minutes cannot be read.
    #[error("segment {seq} cannot be read")]
    Segment {
        /// The segment.
        seq: Seq,
        /// The cause.
        #[source]
        source: FormatError,
    },
    /// The store failed.
    #[error("segment {seq} cannot be fetched")]
    Fetch {
        /// The segment.
        seq: Seq,
        /// The cause.
        #[source]
        source: object_store::Error,
    },
    /// The bucket is not part of a cluster yet.
    #[error("the bucket is not part of a cluster; run `isobath cluster init FILE` once")]
    NoMembership,
    /// The region is no member of its cluster any more.
    #[error(
        "region {region} was removed from its cluster; give it an empty bucket and another name, and add it again"
    )]
    Removed {
        /// The region.
        region: Region,
    },
    /// The settings do not say how a member of the cluster is reached.
    #[error("region {region} is a member of the cluster, and the cluster's file does not name it")]
    UnknownMember {
        /// The region.
        region: Region,
    },
    /// A thread could not be started.
    #[error("a thread could not be started")]
    Thread(#[source] io::Error),
}

impl NodeError {
    /// Puts the directory to an error.
    pub(super) fn cache(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Cache { path, source }
    }

    /// What a caller can do about it.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Store(error) => error.kind(),
            Self::Region(_)
            | Self::Objects(CacheError::InUse { .. })
            | Self::NoMembership
            | Self::UnknownMember { .. } => ErrorKind::Invalid,
            Self::Removed { .. } => ErrorKind::Fenced,
            Self::Checkpoint(error) => error.kind(),
            Self::Segment { source, .. } => source.kind(),
            Self::Objects(_) | Self::Cache { .. } | Self::Fetch { .. } => ErrorKind::Unavailable,
            Self::Thread(_) => ErrorKind::Internal,
        }
    }
}
