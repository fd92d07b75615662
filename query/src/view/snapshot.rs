//! [`View`]: what one query sees.

use super::{RowSet, Version};
use isobath_storage::model::{Hlc, Namespace, Schema, VersionVector};
use std::sync::Arc;

/// What one query sees of a namespace: row sets under one version. Never changes.
#[derive(Debug, Clone)]
pub struct View {
    /// The namespace.
    pub namespace: Namespace,
    /// The version that the view is pinned to.
    pub version: Version,
    /// The visible schema. A column whose type differs from the schema's reads as null.
    pub schema: Arc<Schema>,
    /// Parts first, then the delta. A live row is visible in exactly one of them.
    pub sets: Arc<[Arc<RowSet>]>,
    /// What the view has applied of each log.
    pub seen: VersionVector,
    /// Since when the namespace exists; `None` where it does not.
    pub created: Option<Hlc>,
    /// The namespace's policy; null where there is none.
    pub policy: Arc<serde_json::Value>,
    /// When the last write was committed.
    pub last_write: Hlc,
}

impl View {
    /// Whether the namespace exists.
    pub fn exists(&self) -> bool {
        self.created.is_some()
    }

    /// How many rows the namespace has.
    pub fn rows(&self) -> usize {
        self.sets
            .iter()
            .map(|set| set.len().saturating_sub(set.hidden.count()))
            .sum()
    }
}
