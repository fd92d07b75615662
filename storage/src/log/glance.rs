//! [`Glance`]: proof for a strong read of the owner's, without the log's task.

use crate::model::{Epoch, LogId};
use crate::store::Look;
use crate::store::keys::{ClaimKey, Key};

/// Finds by one look at the store that nobody has claimed a log after its owner.
///
/// Whoever takes a log over creates the next claim first, and claims are never deleted. So while there is none, all
/// that was ever acked was acked by this owner, or by those before it whose segments it has read; and it applies a
/// write before it acks it.
#[derive(Debug, Clone)]
pub(super) struct Glance {
    look: Look,
    log: LogId,
}

impl Glance {
    pub(super) fn new(look: Look, log: LogId) -> Self {
        Self { look, log }
    }

    /// Whether at some moment of this call there was no claim after that of `epoch`.
    pub(super) fn is_newest(&self, epoch: Epoch) -> bool {
        let (log, epoch) = (self.log, epoch.next());
        self.look.is_missing(&ClaimKey { log, epoch }.path())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SystemClock;
    use crate::model::ShardId;
    use crate::store::{Store, StoreOptions};
    use object_store::ObjectStoreExt as _;
    use std::sync::Arc;

    #[tokio::test]
    async fn should_see_a_newer_claim() {
        let dir = tempfile::tempdir().unwrap();
        let options = StoreOptions {
            fsync: false,
            ..StoreOptions::default()
        };
        let clock = Arc::new(SystemClock) as Arc<_>;
        let url = dir.path().to_str().unwrap();
        let store = Store::open(url, [("", ""); 0], &options, &clock).unwrap();
        let log = LogId::new("eu".parse().unwrap(), ShardId(0));
        let glance = Glance::new(store.look.clone().unwrap(), log);
        assert!(glance.is_newest(Epoch(1)));
        let epoch = Epoch(2);
        let path = ClaimKey { log, epoch }.path();
        store.log.put(&path, "a claim".into()).await.unwrap();
        assert!(!glance.is_newest(Epoch(1)));
        assert!(glance.is_newest(epoch));
    }
}
