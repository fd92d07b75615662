//! [`AuditLog`]: takes records, and the task that stores them.

use super::{AuditRecord, metrics};
use crate::{
    Clock,
    error::ErrorKind,
    model::Region,
    store::{
        keys::{AuditKey, Key},
        kind_of,
    },
};
use bytes::Bytes;
use futures::future::{Either, select};
use isobath_config::AuditConfig;
use object_store::{ObjectStore, PutMode, PutPayload, path::Path};
use std::{
    io,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{sync::mpsc, task::JoinHandle};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// The most records of one object.
const MOST: usize = 4096;
/// How hard records are compressed.
const LEVEL: i32 = 3;
/// The first pause before a create is tried again, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));
/// A key that nobody else makes is taken for stored when a create of it met so many conflicts in a row: the store may
/// answer one by mistake.
const CONFLICTS: u32 = 3;
/// How long the last records are tried to be stored after the shutdown.
const LAST: Duration = Duration::from_secs(10);

/// What it takes to store audit records.
#[derive(Debug)]
pub struct AuditParts {
    /// How.
    pub config: AuditConfig,
    /// Where: sends again what fails in passing.
    pub store: Arc<dyn ObjectStore>,
    /// The region that commits what the records say.
    pub region: Region,
    /// Names this life of the process: no other may have the same.
    pub node: Uuid,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Ends the task after what is there is stored, or after a while.
    pub shutdown: CancellationToken,
}

/// Takes audit records. Cheap to clone.
#[derive(Debug, Clone)]
pub struct AuditLog {
    records: mpsc::Sender<AuditRecord>,
    dropped: Arc<AtomicU64>,
    /// How long a record waits for room.
    wait: Duration,
    clock: Arc<dyn Clock>,
}

impl AuditLog {
    /// Starts the task that stores them.
    pub fn start(parts: AuditParts) -> (Self, JoinHandle<()>) {
        let (send, records) = mpsc::channel(parts.config.queue);
        // known from the start, so that its first rise is seen
        ::metrics::counter!(metrics::RECORDS, "outcome" => "dropped").increment(0);
        let log = Self {
            records: send,
            dropped: Arc::default(),
            wait: parts.config.wait,
            clock: Arc::clone(&parts.clock),
        };
        let keeper = Keeper {
            interval: parts.config.interval,
            store: parts.store,
            region: parts.region,
            node: parts.node,
            clock: parts.clock,
            shutdown: parts.shutdown,
            dropped: Arc::clone(&log.dropped),
            records,
            n: 0,
        };
        (log, tokio::spawn(keeper.run()))
    }

    /// Has a record stored. Waits for room, but not long; then the record is dropped, and that is recorded instead.
    pub async fn record(&self, record: AuditRecord) {
        let record = match self.records.try_send(record) {
            Ok(()) => return,
            Err(mpsc::error::TrySendError::Full(record)) => Some(record),
            Err(mpsc::error::TrySendError::Closed(_)) => None,
        };
        if let Some(record) = record {
            let (room, time) = (pin!(self.records.reserve()), self.clock.sleep(self.wait));
            if let Either::Left((Ok(room), _)) = select(room, time).await {
                room.send(record);
                return;
            }
        }
        self.dropped.fetch_add(1, Ordering::Relaxed);
        ::metrics::counter!(metrics::RECORDS, "outcome" => "dropped").increment(1);
    }
}

/// Stores records.
struct Keeper {
    interval: Duration,
    store: Arc<dyn ObjectStore>,
    region: Region,
    node: Uuid,
    clock: Arc<dyn Clock>,
    shutdown: CancellationToken,
    dropped: Arc<AtomicU64>,
    records: mpsc::Receiver<AuditRecord>,
    /// Objects made so far.
    n: u64,
}

impl Keeper {
    async fn run(mut self) {
        while let Some(records) = self.gather().await {
            let count = records.len() as u64;
            if self.store(records).await {
                ::metrics::counter!(metrics::RECORDS, "outcome" => "stored").increment(count);
                continue;
            }
            // only a shutdown gives up: nobody is left to record it for
            ::metrics::counter!(metrics::RECORDS, "outcome" => "dropped").increment(count);
            tracing::error!(records = count, "audit records could not be stored");
        }
    }

    /// What comes in from the next record on for a while; none after the last one.
    async fn gather(&mut self) -> Option<Vec<AuditRecord>> {
        let shutdown = self.shutdown.clone();
        let running = shutdown.run_until_cancelled(self.records.recv()).await;
        let first = if let Some(first) = running {
            first?
        } else {
            self.records.close();
            self.records.recv().await?
        };
        let mut records = vec![first];
        let full = async {
            while records.len() < MOST
                && let Some(record) = self.records.recv().await
            {
                records.push(record);
            }
        };
        let time_is_up = shutdown.run_until_cancelled(self.clock.sleep(self.interval));
        tokio::select! {
            () = full => {}
            _ = time_is_up => {}
        }
        while records.len() < MOST
            && let Ok(record) = self.records.try_recv()
        {
            records.push(record);
        }
        ::metrics::gauge!(metrics::QUEUE)
            .set(u32::try_from(self.records.len()).unwrap_or(u32::MAX));
        let dropped = self.dropped.swap(0, Ordering::Relaxed);
        if dropped > 0 {
            let now = self.clock.now_ms();
            records.push(AuditRecord::dropped(now, self.region, dropped));
        }
        Some(records)
    }

    /// Creates an object of these records; goes on until the store takes it, or until it is too late.
    async fn store(&mut self, records: Vec<AuditRecord>) -> bool {
        let at_ms = records.first().map_or(0, |record| record.at_ms);
        let Ok(bytes) = encode(&records) else {
            return false;
        };
        let key = AuditKey {
            region: self.region,
            at_ms,
            node: self.node,
            n: self.n,
        };
        self.n += 1;
        let path = key.path();
        let deadline = async {
            self.shutdown.cancelled().await;
            self.clock.sleep(LAST).await;
        };
        let stored = self.create(&path, bytes.into());
        matches!(select(pin!(stored), pin!(deadline)).await, Either::Left(_))
    }

    /// Creates an object, however often that has to be tried.
    async fn create(&self, path: &Path, bytes: Bytes) {
        let (mut pause, mut conflicts) = (PAUSES.0, 0);
        loop {
            let payload = PutPayload::from_bytes(bytes.clone());
            let put = self.store.put_opts(path, payload, PutMode::Create.into());
            match put.await {
                Ok(_) => return,
                Err(error) if kind_of(&error) == ErrorKind::Conflict => {
                    conflicts += 1;
                    if conflicts == CONFLICTS {
                        return;
                    }
                }
                Err(error) => {
                    conflicts = 0;
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(%path, error, "audit records are not stored yet");
                }
            }
            self.clock.sleep(pause).await;
            pause = (pause * 2).min(PAUSES.1);
        }
    }
}

/// The records as lines, compressed.
fn encode(records: &[AuditRecord]) -> io::Result<Vec<u8>> {
    let mut lines = Vec::with_capacity(records.len() * 256);
    for record in records {
        record.write_to(&mut lines)?;
    }
    zstd::encode_all(lines.as_slice(), LEVEL)
}
