//! [`Claim`]: who owns a log, by epoch.

use super::{Outcome, Patience};
use crate::model::{Epoch, LogId};
use crate::store::keys::{ClaimKey, Key};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The version of the object's form.
const FORMAT: u32 = 1;
/// The most slots that any owner may have in flight.
const MAX_WINDOW: u64 = 64;

/// Says who owns a log from an epoch on, until the next claim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// The version of this form.
    format: u32,
    /// The number of the claim.
    pub epoch: Epoch,
    /// Tells this attempt to claim from all others.
    pub nonce: Uuid,
    /// The process that claims.
    pub writer: Uuid,
    /// Where the owner takes forwarded writes, if anywhere.
    pub address: Option<String>,
    /// The owner left in good order: the log is free.
    pub released: bool,
    /// How many slots the owner has in flight at most.
    pub window: u64,
    /// The largest window of this claim and all before it: so many slots a successor fences.
    pub widest: u64,
    /// When, in milliseconds since 1970. For people.
    pub claimed_at_ms: u64,
}

impl Claim {
    /// A claim of the log after `previous`, with a window of `window` slots.
    pub fn after(previous: Option<&Self>, nonce: Uuid, writer: Uuid, window: u64) -> Self {
        Self {
            format: FORMAT,
            epoch: previous.map_or(Epoch::ZERO, |claim| claim.epoch).next(),
            nonce,
            writer,
            address: None,
            released: false,
            window,
            widest: previous.map_or(window, |claim| claim.widest.max(window)),
            claimed_at_ms: 0,
        }
    }
}

/// The claims of one log.
#[derive(Debug, Clone)]
pub struct Claims {
    store: Patience,
    log: LogId,
}

impl Claims {
    pub(crate) fn new(store: Patience, log: LogId) -> Self {
        Self { store, log }
    }

    /// The claim of `epoch`; `None` where there is none.
    ///
    /// A claim that cannot be read, say one of a newer version, counts as taken by somebody unknown.
    pub async fn get(&self, epoch: Epoch) -> Option<Claim> {
        let path = ClaimKey {
            log: self.log,
            epoch,
        }
        .path();
        let bytes = self.store.get(&path, None).await?;
        let read: Result<Claim, _> = serde_json::from_slice(&bytes);
        Some(read.unwrap_or_else(|error| {
            tracing::error!(%path, %error, "unreadable claim");
            Claim {
                epoch,
                ..Claim::after(None, Uuid::nil(), Uuid::nil(), MAX_WINDOW)
            }
        }))
    }

    /// The newest claim that is not older than `known`.
    pub async fn newest(&self, known: Option<Claim>) -> Option<Claim> {
        let after = known.as_ref().map(|claim| ClaimKey {
            log: self.log,
            epoch: claim.epoch,
        });
        let after = after.map(|key| key.path());
        let paths = self
            .store
            .list(&ClaimKey::prefix(self.log), after.as_ref())
            .await;
        let keys = paths.iter().filter_map(|path| ClaimKey::parse(path).ok());
        match keys.map(|key| key.epoch).max() {
            Some(epoch) => self.get(epoch).await,
            None => known,
        }
    }

    /// Creates `claim`. `false` when another's claim has its number.
    pub async fn create(&self, claim: &Claim) -> bool {
        let path = ClaimKey {
            log: self.log,
            epoch: claim.epoch,
        }
        .path();
        let Ok(bytes) = serde_json::to_vec_pretty(claim).map(Bytes::from) else {
            return false;
        };
        let mut attempt = 0;
        loop {
            if self.store.create(&path, bytes.clone()).await == Outcome::Created {
                return true;
            }
            if let Some(found) = self.get(claim.epoch).await {
                return found.nonce == claim.nonce;
            }
            attempt += 1;
            self.store.pause(attempt).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn should_remember_the_widest_window() {
        let claim = |previous, window| Claim::after(previous, Uuid::nil(), Uuid::nil(), window);
        let first = claim(None, 8);
        let second = claim(Some(&first), 2);
        assert_eq!(
            (second.epoch, second.window, second.widest),
            (Epoch(2), 2, 8)
        );
    }
}
