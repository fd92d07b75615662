//! [`OwnerPing`]: whether the owner of the log lives.

use crate::server::Peers;
use async_trait::async_trait;
use isobath_storage::{log::Peer, model::LogId};
use std::time::Duration;

/// Asks other nodes of the region over HTTP whether they own the log.
#[derive(Debug)]
pub(super) struct OwnerPing {
    peers: Peers,
    log: LogId,
    timeout: Duration,
}

impl OwnerPing {
    /// Asks about `log`; an answer that takes longer than `timeout` is none.
    pub(super) fn new(peers: Peers, log: LogId, timeout: Duration) -> Self {
        Self {
            peers,
            log,
            timeout,
        }
    }
}

#[async_trait]
impl Peer for OwnerPing {
    async fn ping(&self, address: &str) -> bool {
        let pong = self.peers.ping(address, self.timeout).await;
        pong.is_ok_and(|pong| pong.owned.iter().any(|owned| owned.log == self.log))
    }
}
