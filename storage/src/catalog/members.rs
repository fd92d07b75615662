//! Memberships and acks, as objects of a [`Catalog`].

use super::{Catalog, CatalogError};
use crate::{
    format::{Ack, Membership},
    store::keys::{AckKey, ClusterKey, Key},
};

impl Catalog {
    /// The newest membership, by one LIST; none where the bucket's region is alone.
    pub async fn newest_membership(&self) -> Result<Option<Membership>, CatalogError> {
        let paths = self.list(&ClusterKey::prefix()).await?;
        let keys = paths.iter().filter_map(|path| ClusterKey::parse(path).ok());
        match keys.map(|key| key.0).max() {
            Some(number) => self.membership(number).await,
            None => Ok(None),
        }
    }

    /// The membership of this number, if it is there.
    pub async fn membership(&self, number: u64) -> Result<Option<Membership>, CatalogError> {
        let key = ClusterKey(number).path();
        match self.get(&key).await {
            Ok(bytes) => Membership::decode(&bytes)
                .map(Some)
                .map_err(CatalogError::format(&key)),
            Err(CatalogError::Missing { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Creates a membership; whether its number is this one.
    pub async fn create_membership(&self, membership: &Membership) -> Result<bool, CatalogError> {
        let key = ClusterKey(membership.number).path();
        let bytes = membership.encode().map_err(CatalogError::format(&key))?;
        self.create_numbered(&key, bytes).await
    }

    /// The newest ack of the bucket, by one LIST; none where there never was one.
    pub async fn newest_ack(&self) -> Result<Option<Ack>, CatalogError> {
        let paths = self.list(&AckKey::prefix()).await?;
        let keys = paths.iter().filter_map(|path| AckKey::parse(path).ok());
        let Some(number) = keys.map(|key| key.0).max() else {
            return Ok(None);
        };
        let key = AckKey(number).path();
        match self.get(&key).await {
            Ok(bytes) => Ack::decode(&bytes)
                .map(Some)
                .map_err(CatalogError::format(&key)),
            // deleted since the listing, because a newer one is there: nothing is known for now
            Err(CatalogError::Missing { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Creates an ack; whether its number is this one.
    pub async fn create_ack(&self, ack: &Ack) -> Result<bool, CatalogError> {
        let key = AckKey(ack.number).path();
        let bytes = ack.encode().map_err(CatalogError::format(&key))?;
        self.create_numbered(&key, bytes).await
    }
}
