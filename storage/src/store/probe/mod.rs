//! [`probe`]: whether a store can do what the log relies on, asked of the real bucket.

mod checks;
mod report;

pub use report::{Check, Outcome, ProbeReport};

use super::keys::{Key, ProbeKey};
use super::{Store, StoreError, kind_of};
use crate::error::ErrorKind;
use bytes::Bytes;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutResult, path::Path};
use std::fs;
use uuid::Uuid;

/// Asks the bucket for everything that the log relies on, under a key prefix of its own, named by
/// the unique `run`; deletes what it wrote. Stops at the first question that gets no answer.
pub async fn probe(store: &Store, run: Uuid) -> ProbeReport {
    let probe = Probe { store, run };
    let mut checks = Vec::new();
    for number in 0..checks::COUNT {
        let check = probe.check(number).await;
        let failed = matches!(check.outcome, Outcome::Failed(_));
        checks.push(check);
        if failed {
            break;
        }
    }
    if let Err(error) = probe.clean_up().await {
        let outcome = Outcome::Weak(format!("objects stay below probe/{run}: {error}"));
        checks.push(Check {
            name: "deletes what the probe wrote",
            outcome,
        });
    }
    ProbeReport {
        url: store.url.clone(),
        checks,
    }
}

/// One run of the probe.
struct Probe<'a> {
    store: &'a Store,
    run: Uuid,
}

impl Probe<'_> {
    /// The log's client: no answer is hidden behind a retry.
    fn client(&self) -> &dyn ObjectStore {
        &*self.store.log
    }

    fn key(&self, n: u64) -> Path {
        ProbeKey { run: self.run, n }.path()
    }

    /// Creates an object; none if the store says that it exists.
    async fn create(&self, key: &Path, body: Bytes) -> Result<Option<PutResult>, StoreError> {
        match self
            .client()
            .put_opts(key, body.into(), PutMode::Create.into())
            .await
        {
            Ok(put) => Ok(Some(put)),
            Err(error) if kind_of(&error) == ErrorKind::Conflict => Ok(None),
            Err(error) => Err(StoreError::request("create", key, error)),
        }
    }

    async fn read(&self, key: &Path) -> Result<Bytes, StoreError> {
        let failed = |error| StoreError::request("read", key, error);
        self.client()
            .get(key)
            .await
            .map_err(failed)?
            .bytes()
            .await
            .map_err(failed)
    }

    /// Deletes an object; whether it was there does not matter.
    async fn delete(&self, key: &Path) -> Result<(), StoreError> {
        match self.client().delete(key).await {
            Err(error) if kind_of(&error) != ErrorKind::NotFound => {
                Err(StoreError::request("delete", key, error))
            }
            _ => Ok(()),
        }
    }

    async fn clean_up(&self) -> Result<(), StoreError> {
        for n in 0..checks::KEYS {
            self.delete(&self.key(n)).await?;
        }
        if let Some(dir) = &self.store.dir {
            // Other runs may be under way: only what is empty goes.
            let ours = dir.join(ProbeKey::prefix(self.run).as_ref());
            drop(fs::remove_dir(ours));
            drop(fs::remove_dir(dir.join("probe")));
        }
        Ok(())
    }
}
