//! [`Floor`]: up to where a bucket has deleted a log.

use super::Patience;
use crate::model::{Epoch, LogId, Seq};
use crate::store::Look;
use crate::store::keys::{FloorKey, Key};
use serde::{Deserialize, Serialize};

/// Everything up to and including `seq` was deleted from the bucket, or will be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Floor {
    /// The number of the floor, from 1; 0 while nothing was deleted.
    pub k: u64,
    /// The last segment that is gone.
    pub seq: Seq,
    /// The highest epoch among the deleted segments.
    pub max_epoch: Epoch,
}

/// The floors of one log: the newest one known, and how to find newer ones.
#[derive(Debug, Clone)]
pub struct Floors {
    store: Patience,
    look: Option<Look>,
    log: LogId,
}

impl Floors {
    pub(crate) fn new(store: Patience, look: Option<Look>, log: LogId) -> Self {
        Self { store, look, log }
    }

    /// Whether no floor comes after `known`, as far as one look on the spot tells.
    pub(crate) fn is_newest(&self, known: Floor) -> bool {
        let k = known.k.saturating_add(1);
        let path = FloorKey { log: self.log, k }.path();
        self.look
            .as_ref()
            .is_some_and(|look| look.is_missing(&path))
    }

    /// The newest floor, by one LIST; for a start.
    pub async fn find(&self) -> Floor {
        let paths = self.store.list(&FloorKey::prefix(self.log), None).await;
        let keys = paths.iter().filter_map(|path| FloorKey::parse(path).ok());
        let newest = keys.map(|key| key.k).max().unwrap_or_default();
        self.newest(Floor {
            k: newest.saturating_sub(1),
            ..Floor::default()
        })
        .await
    }

    /// The newest floor when `known` is one of them: one GET if nothing changed.
    pub async fn newest(&self, known: Floor) -> Floor {
        let mut newest = known;
        while let Some(next) = self.get(newest.k.saturating_add(1)).await {
            newest = next;
        }
        newest
    }

    /// The floor number `k`. One that cannot be read counts as one above everything: nothing below
    /// it may be trusted.
    async fn get(&self, k: u64) -> Option<Floor> {
        let path = FloorKey { log: self.log, k }.path();
        let bytes = self.store.get(&path, None).await?;
        let read: Result<Floor, _> = serde_json::from_slice(&bytes);
        Some(read.unwrap_or_else(|error| {
            tracing::error!(%path, %error, "unreadable floor");
            Floor {
                k,
                seq: Seq(u64::MAX),
                max_epoch: Epoch(u64::MAX),
            }
        }))
    }
}
