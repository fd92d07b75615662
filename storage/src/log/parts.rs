//! [`Parts`]: what a log's task is made of.

use super::{BucketCheck, Peer};
use crate::Clock;
use crate::model::{ClusterId, ContentHash, Epoch, Hlc, LogId, Seq};
use crate::store::Look;
use bytes::Bytes;
use isobath_config::LogConfig;
use object_store::ObjectStore;
use rand::rngs::StdRng;
use std::{
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// A process, as a log knows it.
#[derive(Debug, Clone)]
pub struct Member {
    /// The cluster; segments of another are refused.
    pub cluster: ClusterId,
    /// The log.
    pub log: LogId,
    /// Names this life of the process.
    pub writer: Uuid,
    /// Where it takes forwarded writes and answers pings. Without one, other processes take it for gone
    /// as soon as the log stands still.
    pub address: Option<String>,
    /// Whether it may own the log. Never where the log is another region's, of which the bucket holds copies.
    pub claims: bool,
    /// Whether the bucket holds copies of the log of another region: there are no claims of it here.
    pub copies: bool,
}

/// A segment that this process committed, for who carries it to other regions.
#[derive(Debug, Clone)]
pub struct Published {
    /// Its number.
    pub seq: Seq,
    /// Its bytes.
    pub bytes: Bytes,
}

/// Where reading starts: after everything up to `seq`, which the sink holds already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Start {
    /// The last segment that the sink holds.
    pub seq: Seq,
    /// The highest epoch up to there.
    pub max_epoch: Epoch,
    /// The running hash over all segments up to there that count.
    pub chain: ContentHash,
    /// The newest time of a segment up to there: what is yet to come of the log is newer.
    pub hlc: Hlc,
}

impl Default for Start {
    /// Before the first segment.
    fn default() -> Self {
        let chain = ContentHash([0; 32]);
        Self {
            seq: Seq::ZERO,
            max_epoch: Epoch::ZERO,
            chain,
            hlc: Hlc::ZERO,
        }
    }
}

/// What a log's task is made of.
#[derive(Debug)]
pub struct Parts<S> {
    /// Who runs it.
    pub member: Member,
    /// How it behaves.
    pub config: LogConfig,
    /// How long a write waits for an owner, or for the store.
    pub hold: Duration,
    /// Where the log lies. Sends every request once and gives up on those that take too long.
    pub store: Arc<dyn ObjectStore>,
    /// Looks into the same store on the spot, where that is possible.
    pub look: Option<Look>,
    /// Whether the store charges per request, so that segments are spaced.
    pub charges_per_request: bool,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Chance: nonces and random waits. Two lives of a process must not share its seed.
    pub rng: StdRng,
    /// Other processes of the region.
    pub peer: Arc<dyn Peer>,
    /// The bucket's marker.
    pub bucket: Arc<dyn BucketCheck>,
    /// Takes what the log brings.
    pub sink: S,
    /// Where reading starts.
    pub start: Start,
    /// Told of every segment that this process commits as the owner.
    pub published: broadcast::Sender<Published>,
    /// While it is set the log is not claimed: a region that joins first has to have read what the others wrote.
    pub joining: Arc<AtomicBool>,
    /// Ends the task: it drains, and releases the log.
    pub shutdown: CancellationToken,
}
