//! A namespace as it was: read from the checkpoint and the log of that time.

use super::{
    Node,
    adopt::Source,
    opener::{OpenError, Opener},
};
use crate::server::{CopyFrom, EngineError, EngineErrorKind as Kind, WriteCommand};
use futures::future::{BoxFuture, FutureExt};
use isobath_compactor::state::{Moment, OpenParts, StateError};
use isobath_storage::{
    error::ErrorKind,
    fold::PartRows,
    model::{LogId, Namespace, PartEntry, Seq},
    store::keys::{Key, PartKey},
};
use object_store::ObjectStore;
use roaring::RoaringBitmap;
use std::{sync::Arc, time::Duration};
use tokio::runtime::Handle;

/// What may be deleted within this time is not read: a copy has to name its parts before they go.
const MARGIN: Duration = Duration::from_mins(10);
/// Said of a time of which not all is there any more.
const BEYOND: &str = "the time lies further back than what is kept";

/// Opens parts by way of the node's cache.
#[derive(Debug)]
struct CachedParts<'a>(&'a Opener);

impl OpenParts for CachedParts<'_> {
    fn open<'a>(
        &'a self,
        namespace: &'a Namespace,
        entry: &'a PartEntry,
        dead: Arc<RoaringBitmap>,
    ) -> BoxFuture<'a, Result<PartRows, StateError>> {
        async move {
            match self.0.part(namespace, entry, dead).await {
                Ok(part) => Ok(part.rows),
                Err(OpenError::Catalog(error)) => Err(error.into()),
                Err(error) => Err(StateError::Damaged {
                    key: PartKey::of(namespace, entry).path().to_string(),
                    why: format!("{:#}", anyhow::Error::new(error)),
                }),
            }
        }
        .boxed()
    }
}

impl Node {
    /// The write that makes `target` what a namespace was at the end of the millisecond `at` since 1970: the fold of all
    /// that was committed up to then. With the segment that it must directly follow, where nothing newer than `at` was
    /// found: what came between might be of that time.
    pub(super) async fn copy_of_past(
        &self,
        target: &Namespace,
        from: &CopyFrom,
        at: u64,
    ) -> Result<(WriteCommand, Option<Seq>), EngineError> {
        let field = from.kind.field();
        let invalid =
            |text: &str| EngineError::new(Kind::Invalid, format!("{field}.as_of: {text}"));
        let (now_ms, started) = (self.clock.now_ms(), self.clock.monotonic());
        if at >= now_ms {
            return Err(invalid("the time must lie in the past"));
        }
        let kept = self.adopting.retention.saturating_sub(MARGIN).as_millis();
        if u128::from(now_ms - at) > kept {
            return Err(invalid(BEYOND));
        }
        self.strong().await?;
        let applied = self.log.applied();
        let past = Past {
            data: Arc::clone(&self.adopting.data),
            opener: Arc::clone(&self.opener),
            log: self.log_id,
            source: from.source.clone(),
            at,
        };
        let runtime = Handle::current();
        let read = tokio::task::spawn_blocking(move || runtime.block_on(past.read()));
        let read = read.await.map_err(|error| {
            let said = format!("{field}.as_of: the state of that time cannot be read");
            EngineError::new(Kind::Internal, said).caused_by(error)
        })?;
        let (source, end) = read.map_err(|error| past_error(field, error))?;
        let command = self.adopt(target, from, source).await?;
        if !command.declarations.iter().any(|d| d.attribute.is_id()) {
            let said = format!("namespace '{}' did not exist at that time", from.source);
            return Err(EngineError::new(Kind::NotFound, said));
        }
        if self.clock.monotonic().saturating_sub(started) > MARGIN {
            let said = format!("{field}.as_of: reading the state of that time took too long");
            return Err(EngineError::new(Kind::Unavailable, said));
        }
        Ok((command, (applied <= end).then_some(end)))
    }
}

/// What is to be read.
#[derive(Debug)]
struct Past {
    data: Arc<dyn ObjectStore>,
    opener: Arc<Opener>,
    log: LogId,
    source: Namespace,
    at: u64,
}

impl Past {
    /// The namespace at that time, with the last segment of that time.
    async fn read(self) -> Result<(Source, Seq), StateError> {
        let moment = Moment::open(self.data, Some(self.at)).await?;
        let positions = moment.positions();
        let end = positions.get(&self.log).map_or(Seq::ZERO, |p| p.seq);
        let parts = CachedParts(&self.opener);
        let grounds = moment.grounds(&self.source, &parts).await?;
        let source = Source {
            entries: grounds.entries,
            prior: grounds.prior,
            blocks: grounds.blocks,
            seen: positions.iter().map(|(log, at)| (*log, at.seq)).collect(),
        };
        Ok((source, end))
    }
}

fn past_error(field: &str, error: StateError) -> EngineError {
    if let StateError::NotCovered { .. } = error {
        let said = format!("{field}.as_of: {BEYOND}");
        return EngineError::new(Kind::Invalid, said).caused_by(error);
    }
    let kind = match error.kind() {
        ErrorKind::Unavailable => Kind::Unavailable,
        _ => Kind::Internal,
    };
    EngineError::new(
        kind,
        format!("{field}.as_of: the state of that time cannot be read"),
    )
    .caused_by(error)
}
