//! Saying what the bucket holds, and looking for newer memberships.

use super::Regions;
use isobath_storage::{catalog::CatalogError, format::Ack};
use std::{error::Error, sync::Arc, time::Duration};

/// How often the bucket is asked whether its cluster has changed.
const LOOK: Duration = Duration::from_secs(5);

impl Regions {
    /// Writes acks as long as the bucket comes to hold more.
    pub(super) async fn acknowledge(self: Arc<Self>) {
        let mut last: Option<Ack> = None;
        loop {
            match self.acknowledge_once(last.as_ref()).await {
                Ok(Some(ack)) => last = Some(ack),
                Ok(None) => {}
                Err(error) => {
                    let error = &error as &dyn Error;
                    tracing::warn!(error, "an ack could not be written");
                }
            }
            self.clock.sleep(self.config.replicate.ack_interval).await;
        }
    }

    /// Writes an ack, if it says more than the last one. The newest one then.
    async fn acknowledge_once(&self, last: Option<&Ack>) -> Result<Option<Ack>, CatalogError> {
        let newest = match last {
            Some(last) => Some(last.clone()),
            None => self.own.newest_ack().await?,
        };
        let (holds, membership) = (self.holds(), self.membership.number);
        let says = |ack: &Ack| ack.membership >= membership && ack.holds.covers(&holds);
        if newest.as_ref().is_some_and(says) {
            return Ok(newest);
        }
        let ack = Ack {
            number: newest.map_or(0, |ack| ack.number) + 1,
            membership,
            holds,
            created_at_ms: self.clock.now_ms(),
        };
        if self.own.create_ack(&ack).await? {
            return Ok(Some(ack));
        }
        // Another node of the region was faster.
        self.own.newest_ack().await
    }

    /// Looks for a newer membership; a node that meets one starts anew.
    pub(super) async fn watch_membership(self: Arc<Self>) {
        loop {
            self.clock.sleep(LOOK).await;
            match self.own.membership(self.membership.number + 1).await {
                Ok(None) => {}
                Ok(Some(newer)) => {
                    tracing::warn!(
                        number = newer.number,
                        "the regions of the cluster have changed"
                    );
                    self.changed.cancel();
                    return;
                }
                Err(error) => {
                    let error = &error as &dyn Error;
                    tracing::warn!(error, "the cluster's membership cannot be read");
                }
            }
        }
    }
}
