//! [`Views`]: every namespace of this node.

use super::{Installed, Live};
use isobath_storage::{
    fold::FoldError,
    model::{Namespace, Segment},
};
use parking_lot::RwLock;
use std::{collections::BTreeMap, ops::Bound, sync::Arc};

/// Every namespace of this node, also those that were deleted.
#[derive(Debug, Default)]
pub struct Views {
    namespaces: RwLock<BTreeMap<Namespace, Arc<Live>>>,
}

impl Views {
    /// The namespace, whether it exists or was deleted; `None` where nothing was ever written to it.
    pub fn get(&self, namespace: &Namespace) -> Option<Arc<Live>> {
        self.namespaces.read().get(namespace).map(Arc::clone)
    }

    /// Adds a namespace at its manifest.
    pub fn insert(&self, namespace: Namespace, installed: Installed) {
        let live = Arc::new(Live::new(namespace.clone(), installed));
        self.namespaces.write().insert(namespace, live);
    }

    /// Applies a durable segment; segments come in log order. Blocks that a namespace's manifest covers
    /// are left out.
    pub fn apply(&self, segment: &Arc<Segment>) -> Result<(), FoldError> {
        for (at, block) in segment.blocks.iter().enumerate() {
            let live = self.get(&block.namespace).unwrap_or_else(|| {
                let mut namespaces = self.namespaces.write();
                let live = namespaces
                    .entry(block.namespace.clone())
                    .or_insert_with(|| {
                        Arc::new(Live::new(block.namespace.clone(), Installed::default()))
                    });
                Arc::clone(live)
            });
            let header = &segment.header;
            if header.seq > live.view().seen.get(header.log) {
                live.apply(segment, at)?;
            }
        }
        Ok(())
    }

    /// Up to `limit` namespaces of clients that exist, whose name starts with `prefix` and comes after `after`.
    pub fn list(&self, prefix: &str, after: Option<&Namespace>, limit: usize) -> Vec<Namespace> {
        let namespaces = self.namespaces.read();
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        namespaces
            .range((from, Bound::Unbounded))
            .filter(|(name, live)| {
                name.as_str().starts_with(prefix) && !name.is_reserved() && live.view().exists()
            })
            .map(|(name, _)| name.clone())
            .take(limit)
            .collect()
    }

    /// Every namespace, also those that were deleted.
    pub fn all(&self) -> Vec<(Namespace, Arc<Live>)> {
        let namespaces = self.namespaces.read();
        namespaces
            .iter()
            .map(|(name, live)| (name.clone(), Arc::clone(live)))
            .collect()
    }
}
