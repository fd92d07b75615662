//! [`Turn`]: whose turn it is to build an index.

use super::IndexBucket;
use isobath_storage::{
    catalog::{CatalogError, Indexes},
    format::BuildClaim,
    store::keys::IndexKey,
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::task::JoinHandle;

/// How long a claim holds; a node that dies holds up the others no longer.
const LEASE: Duration = Duration::from_mins(1);
/// How often a claim is renewed.
const RENEWAL: Duration = Duration::from_secs(20);

/// Whose turn it is to build an index.
#[derive(Debug)]
pub(in crate::index::service) enum Turn {
    /// This node's, until it is dropped.
    Ours(Box<Claimed>),
    /// Another node's, for so long if it does not go on.
    Theirs(Duration),
}

/// The turn of this node; claims it again and again while it lasts.
#[derive(Debug)]
pub(in crate::index::service) struct Claimed {
    claim: Claim,
    renewal: Option<JoinHandle<()>>,
}

/// A claim that this node created.
#[derive(Debug, Clone)]
struct Claim {
    indexes: Indexes,
    key: IndexKey,
    bucket: IndexBucket,
    number: u64,
}

impl Turn {
    /// Claims the build of an index, unless another node is at it.
    pub(super) async fn take(
        indexes: &Indexes,
        key: &IndexKey,
        bucket: &IndexBucket,
    ) -> Result<Self, CatalogError> {
        let newest = indexes.newest_claim(key).await?;
        let number = newest.as_ref().map_or(0, |(number, _)| *number);
        let claim = newest.and_then(|(_, claim)| claim);
        // a clock that was set back does not make a claim hold for longer
        let left = claim.map_or(0, |claim| {
            claim.expires_at_ms.saturating_sub(bucket.clock.now_ms())
        });
        if left > 0 {
            return Ok(Self::Theirs(Duration::from_millis(left).min(LEASE)));
        }
        let mut claim = Claim {
            indexes: indexes.clone(),
            key: key.clone(),
            bucket: bucket.clone(),
            number,
        };
        if !claim.create_next().await? {
            return Ok(Self::Theirs(LEASE));
        }
        Ok(Self::Ours(Box::new(Claimed {
            claim,
            renewal: None,
        })))
    }
}

impl Claimed {
    /// Renews the claim until this is dropped; sets `lost` if another node took over.
    pub(in crate::index::service) fn renew(&mut self, lost: &Arc<AtomicBool>) {
        let (mut claim, lost) = (self.claim.clone(), Arc::clone(lost));
        let renewal = async move {
            loop {
                claim.bucket.clock.sleep(RENEWAL).await;
                match claim.create_next().await {
                    Ok(true) => {}
                    Ok(false) => return lost.store(true, Ordering::Relaxed),
                    // another one may take over, which costs it time and nothing else
                    Err(error) => tracing::debug!(%error, "a claim was not renewed"),
                }
            }
        };
        self.renewal = Some(self.claim.bucket.runtime.spawn(renewal));
    }

    /// Whether others claimed this build before.
    pub(in crate::index::service) fn follows_another(&self) -> bool {
        self.claim.number > 1
    }
}

impl Drop for Claimed {
    fn drop(&mut self) {
        if let Some(renewal) = self.renewal.take() {
            renewal.abort();
        }
    }
}

impl Claim {
    /// Creates the next claim; whether no other node was first.
    async fn create_next(&mut self) -> Result<bool, CatalogError> {
        let lease = u64::try_from(LEASE.as_millis()).unwrap_or(u64::MAX);
        let claim = BuildClaim {
            node: self.bucket.node,
            expires_at_ms: self.bucket.clock.now_ms().saturating_add(lease),
        };
        let next = self.number + 1;
        let created = self.indexes.claim(&self.key, next, &claim).await?;
        if created {
            self.number = next;
        }
        Ok(created)
    }
}
