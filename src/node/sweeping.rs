//! [`Sweeping`]: now and then deletes from the bucket what nobody needs any more.

use isobath_compactor::gc::{Gc, Times};
use isobath_config::GcConfig;
use isobath_storage::{Clock, catalog::Catalog, model::Region, store::Store};
use std::{collections::BTreeMap, error::Error, sync::Arc, time::Duration};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

/// The first pass comes after this share of the time between two, so that a node that is often started sweeps too.
const FIRST: u32 = 4;

/// Deletes what nobody needs any more, pass after pass.
#[derive(Debug)]
pub(super) struct Sweeping {
    gc: Gc,
    interval: Duration,
    clock: Arc<dyn Clock>,
    shutdown: CancellationToken,
}

impl Sweeping {
    /// Sweeps a bucket; `members` are the catalogs of the other members of its cluster, whose acks count.
    pub(super) fn new(
        config: &GcConfig,
        store: &Store,
        members: Option<BTreeMap<Region, Catalog>>,
        clock: &Arc<dyn Clock>,
        shutdown: &CancellationToken,
    ) -> Self {
        Self {
            gc: Gc::new(
                Arc::clone(&store.data),
                Times::from(config),
                Arc::clone(clock),
            )
            .among(members),
            interval: config.interval,
            clock: Arc::clone(clock),
            shutdown: shutdown.clone(),
        }
    }

    /// Goes on until the node shuts down. On a thread of its own: there is CPU work in it, and no hurry.
    pub(super) fn run(self) {
        Handle::current().block_on(self.pass_after_pass());
    }

    /// A pass may end anywhere.
    async fn pass_after_pass(self) {
        let mut pause = self.interval / FIRST;
        loop {
            let asleep = self.clock.sleep(pause);
            if self.shutdown.run_until_cancelled(asleep).await.is_none() {
                return;
            }
            pause = self.interval;
            let pass = self.gc.run(self.clock.now_ms());
            match self.shutdown.run_until_cancelled(pass).await {
                None => return,
                Some(Ok(swept)) => tracing::info!(?swept, "bucket was swept"),
                Some(Err(error)) => {
                    let error = &error as &dyn Error;
                    tracing::error!(error, "bucket could not be swept");
                }
            }
        }
    }
}
