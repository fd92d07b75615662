//! [`Task`]: one file on its way to the server, several requests at a time.

use super::{
    super::client::{Client, Request},
    batch::{self, WriteShape},
    columns::Naming,
    journal::Journal,
    source::{Chunk, Source},
};
use anyhow::Context as _;
use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use indicatif::ProgressBar;
use std::{ops::AddAssign, sync::Arc};
use tokio::sync::mpsc;

/// Bodies above this are cut in halves: servers accept 64 MiB by default.
const MAX_BODY: usize = 48 << 20;

/// What an import has sent.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Sent {
    /// Rows.
    pub(crate) rows: u64,
    /// Rows that had arrived before it began.
    pub(super) earlier: u64,
    /// Requests.
    pub(super) requests: u64,
    /// Bytes of their bodies.
    pub(super) bytes: u64,
}

impl AddAssign for Sent {
    fn add_assign(&mut self, other: Self) {
        self.rows += other.rows;
        self.earlier += other.earlier;
        self.requests += other.requests;
        self.bytes += other.bytes;
    }
}

/// How a file is sent.
#[derive(Debug, Clone)]
pub(super) struct Task {
    /// The server.
    pub(super) client: Client,
    /// Where writes of the namespace go.
    pub(super) path: String,
    /// What is said about every batch.
    pub(super) shape: WriteShape,
    /// Which columns are what.
    pub(super) naming: Naming,
    /// Requests at a time.
    pub(super) in_flight: usize,
    /// Shows how far it is.
    pub(super) bar: ProgressBar,
}

/// One request's rows.
struct Piece {
    first: u64,
    rows: u64,
    key: String,
    body: Bytes,
}

impl Task {
    /// Sends the rows that have not arrived yet; then removes the journal.
    pub(super) async fn run(self, source: Source, journal: Journal) -> anyhow::Result<Sent> {
        let mut sent = Sent {
            earlier: journal.rows(),
            ..Sent::default()
        };
        let journal = Arc::new(parking_lot::Mutex::new(journal));
        let (pieces, queue) = mpsc::channel(self.in_flight);
        let reader = {
            let (task, journal) = (self.clone(), Arc::clone(&journal));
            tokio::task::spawn_blocking(move || task.read(source, &journal, &pieces))
        };
        let queue = stream::unfold(queue, async |mut queue| {
            queue.recv().await.map(|piece| (piece, queue))
        });
        let mut answers = std::pin::pin!(
            queue
                .map(|piece| self.send(piece))
                .buffer_unordered(self.in_flight)
        );
        while let Some(piece) = answers.try_next().await? {
            journal.lock().note(piece.first, piece.rows)?;
            self.bar.inc(piece.rows);
            sent.rows += piece.rows;
            sent.requests += 1;
            sent.bytes += piece.body.len() as u64;
        }
        reader.await.context("the reader of the file failed")??;
        let journal = Arc::into_inner(journal).context("the journal is still in use")?;
        journal.into_inner().finish()?;
        Ok(sent)
    }

    /// Reads the file into the queue, as far as there is room.
    fn read(
        &self,
        mut source: Source,
        journal: &parking_lot::Mutex<Journal>,
        queue: &mpsc::Sender<Piece>,
    ) -> anyhow::Result<()> {
        let mut first = 0;
        while let Some(chunk) = source
            .next()
            .with_context(|| format!("after row {first}"))?
        {
            let rows = chunk.len() as u64;
            self.cut(chunk, first, journal, queue)
                .with_context(|| format!("in the rows from {first} on"))?;
            first += rows;
        }
        Ok(())
    }

    /// Queues the requests for a chunk whose first row is `first`.
    fn cut(
        &self,
        chunk: Chunk,
        first: u64,
        journal: &parking_lot::Mutex<Journal>,
        queue: &mpsc::Sender<Piece>,
    ) -> anyhow::Result<()> {
        let rows = chunk.len() as u64;
        if journal.lock().has(first, rows) {
            return Ok(());
        }
        let body = batch::body(&chunk.columns(&self.naming)?, &self.shape);
        if body.len() > MAX_BODY && rows > 1 {
            let half = chunk.len() / 2;
            let (head, tail) = chunk.split(half);
            let middle = first + head.len() as u64;
            self.cut(head, first, journal, queue)?;
            return self.cut(tail, middle, journal, queue);
        }
        let key = journal.lock().key(first, rows);
        let piece = Piece {
            first,
            rows,
            key,
            body,
        };
        // Nobody receives once a request has failed; that is what gets reported.
        let queued = queue.blocking_send(piece);
        queued.map_err(|_| anyhow::anyhow!("the requests have ended"))
    }

    /// Sends one request.
    async fn send(&self, piece: Piece) -> anyhow::Result<Piece> {
        let request = Request {
            idempotency_key: Some(piece.key.clone()),
            ..Request::post(self.path.clone(), piece.body.clone())
        };
        self.client.send_text(&request).await?;
        Ok(piece)
    }
}
