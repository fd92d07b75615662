//! [`Commit`]: one write, carried out here or by the node that owns the log.

use super::{
    decode::depends_on_rows,
    engine_error::{EngineError, EngineErrorKind},
    error::ApiError,
    peers::{Original, Sent},
    state::Server,
};
use axum::response::Response;
use futures::future::BoxFuture;
use isobath_storage::model::Namespace;
use std::time::Duration;

/// Between two looks at who owns the log.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// One write on its way to the log.
#[derive(Debug)]
pub(crate) struct Commit<'a> {
    pub(crate) server: &'a Server,
    pub(crate) namespace: &'a Namespace,
    /// The request for the owner; `None` where another node sent it here already.
    pub(crate) original: Option<&'a Original>,
}

/// Who carried out a write, and what the client is told.
#[derive(Debug)]
pub(crate) enum Committed<T> {
    /// This node.
    Here(T),
    /// The owner of the log; its answer goes to the client as it is.
    There(Response),
}

impl<'a> Commit<'a> {
    /// Runs `attempt` here if this node owns the log, else sends the request to the owner. While nobody
    /// owns the log, or the owner does not answer, tries again under the same key.
    pub(crate) async fn run<T>(
        &self,
        attempt: impl Fn() -> BoxFuture<'a, Result<T, ApiError>>,
    ) -> Result<Committed<T>, ApiError> {
        let clock = &self.server.clock;
        let start = clock.monotonic();
        if let Some(away) = self.away() {
            return self.at_home(away).await.map(Committed::There);
        }
        let mut unknown = false;
        loop {
            let owner = self.original.and_then(|original| {
                let address = self.server.engine.owner(self.namespace)?;
                Some((address, original))
            });
            if let Some((address, original)) = owner {
                match self.send(&address, original).await {
                    Some(Sent::Answered(response)) => return Ok(Committed::There(response)),
                    Some(Sent::NotOwner | Sent::Unreachable) => {}
                    Some(Sent::Broken) | None => unknown = true,
                }
            } else {
                match attempt().await {
                    Err(error) if error.is_not_owner() && self.original.is_some() => {}
                    Err(error) => return Err(error),
                    Ok(done) => return Ok(Committed::Here(done)),
                }
            }
            if self.server.since(start) >= self.server.config.owner_wait {
                return Err(self.gave_up(unknown));
            }
            clock.sleep(LOOK_AGAIN).await;
        }
    }

    /// Sends the request to the node at `address`; `None` where somebody else became the owner before it
    /// answered, or the time ran out.
    async fn send(&self, address: &str, original: &Original) -> Option<Sent> {
        let clock = &self.server.clock;
        let start = clock.monotonic();
        let replaced = async {
            let wait = self.server.config.owner_wait;
            let owner = || self.server.engine.owner(self.namespace);
            while self.server.since(start) < wait && owner().as_deref() == Some(address) {
                clock.sleep(LOOK_AGAIN).await;
            }
        };
        tokio::select! {
            sent = self.server.peers.send(address, original) => Some(sent),
            () = replaced => None,
        }
    }

    /// Why it is not tried any longer.
    fn gave_up(&self, unknown: bool) -> ApiError {
        if !unknown {
            let text = "no node owns the log";
            return EngineError::new(EngineErrorKind::Unavailable, text).into();
        }
        let depends = self
            .original
            .is_some_and(|original| depends_on_rows(&original.body));
        let text = if depends {
            "the owner of the log did not answer; the write may have been applied: a repeat is safe \
             only under the same Idempotency-Key"
        } else {
            "the owner of the log did not answer; the write may have been applied, and a repeat \
             under the same key or by a client's own retry is safe"
        };
        let repeatable = !depends;
        EngineError::new(EngineErrorKind::UnknownOutcome { repeatable }, text).into()
    }
}
