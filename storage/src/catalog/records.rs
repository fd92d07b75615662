//! What lies beside checkpoints and manifests: floors and pins, as objects of a [`Catalog`].

use super::{Catalog, CatalogError, Claim, Floor};
use crate::{
    format::{FormatError, Pin},
    model::LogId,
    store::keys::{ClaimKey, FloorKey, Key, PinKey},
};
use bytes::Bytes;
use object_store::{ObjectStoreExt, path::Path};
use serde::Serialize;
use std::collections::BTreeMap;
use uuid::Uuid;

impl Catalog {
    /// The paths of all objects below `prefix`, in no order.
    pub async fn paths(&self, prefix: &Path) -> Result<Vec<Path>, CatalogError> {
        self.list(prefix).await
    }

    /// The newest floor of each log that has one, by one LIST.
    pub async fn floors(&self) -> Result<BTreeMap<LogId, Floor>, CatalogError> {
        let paths = self.list(&Path::from("floor")).await?;
        let keys = paths.iter().filter_map(|path| FloorKey::parse(path).ok());
        let mut newest: BTreeMap<LogId, u64> = BTreeMap::new();
        for FloorKey { log, k } in keys {
            let known = newest.entry(log).or_default();
            *known = k.max(*known);
        }
        let mut floors = BTreeMap::new();
        for (log, k) in newest {
            let key = FloorKey { log, k }.path();
            let json = |source| FormatError::Json {
                what: "floor",
                source,
            };
            let read = serde_json::from_slice(&self.get(&key).await?);
            floors.insert(log, read.map_err(json).map_err(CatalogError::format(&key))?);
        }
        Ok(floors)
    }

    /// Creates a floor; whether it has its number.
    pub async fn create_floor(&self, log: LogId, floor: &Floor) -> Result<bool, CatalogError> {
        let key = FloorKey { log, k: floor.k }.path();
        let bytes = json("floor", &key, floor)?;
        self.create_numbered(&key, bytes).await
    }

    /// Creates a claim; whether it has its number. For a bucket that is set up, not for owning a log.
    pub async fn create_claim(&self, log: LogId, claim: &Claim) -> Result<bool, CatalogError> {
        let epoch = claim.epoch;
        let key = ClaimKey { log, epoch }.path();
        let bytes = json("claim", &key, claim)?;
        self.create_numbered(&key, bytes).await
    }

    /// All pins, expired ones too.
    pub async fn pins(&self) -> Result<Vec<(Uuid, Pin)>, CatalogError> {
        let paths = self.list(&PinKey::prefix()).await?;
        let mut pins = vec![];
        for PinKey(id) in paths.iter().filter_map(|path| PinKey::parse(path).ok()) {
            let key = PinKey(id).path();
            match self.get(&key).await {
                Ok(bytes) => {
                    let pin = Pin::decode(&bytes).map_err(CatalogError::format(&key))?;
                    pins.push((id, pin));
                }
                // deleted since the listing
                Err(CatalogError::Missing { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(pins)
    }

    /// Creates a pin.
    pub async fn create_pin(&self, id: Uuid, pin: &Pin) -> Result<(), CatalogError> {
        let key = PinKey(id).path();
        let bytes = pin.encode().map_err(CatalogError::format(&key))?;
        self.create_numbered(&key, bytes).await.map(drop)
    }

    /// Deletes a pin; one that is not there is deleted already.
    pub async fn delete_pin(&self, id: Uuid) -> Result<(), CatalogError> {
        let key = PinKey(id).path();
        match self.store.delete(&key).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(CatalogError::store(&key)(error)),
        }
    }
}

fn json(what: &'static str, key: &Path, value: &impl Serialize) -> Result<Bytes, CatalogError> {
    let bytes = serde_json::to_vec_pretty(value).map(Bytes::from);
    let failed = |source| FormatError::Json { what, source };
    bytes.map_err(failed).map_err(CatalogError::format(key))
}
