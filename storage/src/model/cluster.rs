//! [`ClusterId`] and [`BucketId`]: which cluster and which bucket an object belongs to.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Names a cluster; part of every segment and token, so that those of another are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ClusterId(pub Uuid);

/// Names one life of a bucket: a bucket that was emptied or swapped has another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BucketId(pub Uuid);
