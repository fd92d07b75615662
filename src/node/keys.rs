//! [`Keys`]: the region's API keys as the node's views hold them.

use crate::server::keys::{ApiKey, KeyRing};
use arc_swap::ArcSwap;
use isobath_query::view::{Version, View, Views};
use isobath_storage::model::Namespace;
use std::sync::Arc;

/// The region's API keys, read from the views again whenever they have changed.
#[derive(Debug)]
pub(super) struct Keys {
    namespace: Namespace,
    known: ArcSwap<(Version, Arc<KeyRing>)>,
}

impl Default for Keys {
    fn default() -> Self {
        Self {
            namespace: Namespace::of_keys(),
            known: ArcSwap::from_pointee((Version(0), Arc::default())),
        }
    }
}

impl Keys {
    /// The keys now.
    pub(super) fn ring(&self, views: &Views) -> Arc<KeyRing> {
        let known = self.known.load();
        let Some(live) = views.get(&self.namespace) else {
            return Arc::clone(&known.1);
        };
        let view = live.view();
        if view.version <= known.0 {
            return Arc::clone(&known.1);
        }
        let ring = Arc::new(read(&view));
        tracing::info!(keys = ring.len(), "API keys changed");
        let read = Arc::new((view.version, Arc::clone(&ring)));
        // Several requests may read at once; the newest view stays.
        self.known.rcu(|known| {
            if known.0 < read.0 {
                Arc::clone(&read)
            } else {
                Arc::clone(known)
            }
        });
        ring
    }
}

fn read(view: &View) -> KeyRing {
    let (mut keys, mut rows) = (vec![], 0);
    for set in view.sets.iter() {
        for row in (0..set.len()).filter(|row| set.is_visible(*row, view.version)) {
            rows += 1;
            if let Some(key) = ApiKey::from_row(|name| set.rows.value(row, name)) {
                keys.push(key);
            } else {
                tracing::warn!(id = %set.rows.ids().get(row), "API key cannot be read");
            }
        }
    }
    KeyRing::new(keys, rows)
}
