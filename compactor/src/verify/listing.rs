//! [`Listing`]: what a bucket holds, by kind.

use super::Report;
use crate::state::StateError;
use futures::TryStreamExt;
use isobath_storage::{
    model::{LogId, Namespace, Seq},
    store::keys::{AnyKey, CheckpointKey, IndexKey, Key, ManifestKey, SegmentKey},
};
use object_store::ObjectStore;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// What a bucket holds, by kind.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// Every object, with its bytes.
    objects: BTreeMap<AnyKey, u64>,
    pub(super) checkpoints: Vec<u64>,
    pub(super) manifests: BTreeMap<Namespace, BTreeSet<u64>>,
    pub(super) segments: BTreeMap<LogId, BTreeSet<Seq>>,
    pub(super) indexes: Vec<IndexKey>,
}

impl Listing {
    /// Lists the bucket; objects that are none of ours are noted.
    pub(super) async fn read(
        store: &Arc<dyn ObjectStore>,
        report: &mut Report,
    ) -> Result<Self, StateError> {
        let mut listing = Self::default();
        let mut listed = store.list(None);
        while let Some(object) = listed
            .try_next()
            .await
            .map_err(StateError::store("the listing"))?
        {
            match AnyKey::parse(&object.location) {
                Ok(key) => listing.add(key, object.size),
                Err(_) => report.note(&object.location, "is no object of isobath"),
            }
        }
        listing.checkpoints.sort_unstable();
        Ok(listing)
    }

    fn add(&mut self, key: AnyKey, bytes: u64) {
        match &key {
            AnyKey::Checkpoint(CheckpointKey(number)) => self.checkpoints.push(*number),
            AnyKey::Manifest(ManifestKey { namespace, version }) => {
                let numbers = self.manifests.entry(namespace.clone()).or_default();
                numbers.insert(*version);
            }
            AnyKey::Segment(SegmentKey { log, seq }) => {
                self.segments.entry(*log).or_default().insert(*seq);
            }
            AnyKey::Index(index) => self.indexes.push(index.clone()),
            _ => {}
        }
        self.objects.insert(key, bytes);
    }

    pub(super) fn has(&self, key: &AnyKey) -> bool {
        self.objects.contains_key(key)
    }
}
