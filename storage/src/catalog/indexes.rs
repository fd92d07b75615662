//! [`Indexes`]: the finished indexes of a bucket, and the claims to build one.

use super::{Catalog, CatalogError};
use crate::{
    error::ErrorKind,
    format::{BuildClaim, BuiltIndex},
    store::keys::{IndexFile, IndexKey, Key},
};
use object_store::ObjectStore;
use std::sync::Arc;

/// The finished indexes of a bucket, and the claims to build one.
#[derive(Debug, Clone)]
pub struct Indexes {
    catalog: Catalog,
}

impl Indexes {
    /// The indexes in `store`, whose requests are sent again where they fail in passing.
    pub fn new(store: Arc<dyn ObjectStore>) -> Self {
        Self {
            catalog: Catalog::new(store),
        }
    }

    /// The finished index under a key, if there is one; of the key's file nothing is looked at.
    pub async fn find(&self, key: &IndexKey) -> Result<Option<BuiltIndex>, CatalogError> {
        let path = key.with_file(IndexFile::Meta).path();
        let bytes = match self.catalog.get(&path).await {
            Err(CatalogError::Missing { .. }) => return Ok(None),
            read => read?,
        };
        let index = BuiltIndex::decode(&bytes).map_err(CatalogError::format(&path))?;
        Ok(Some(index))
    }

    /// Makes `index`, whose files are there, the one under its key; whether no other was first.
    pub async fn publish(&self, key: &IndexKey, index: &BuiltIndex) -> Result<bool, CatalogError> {
        let path = key.with_file(IndexFile::Meta).path();
        let bytes = index.encode().map_err(CatalogError::format(&path))?;
        self.catalog.create_numbered(&path, bytes).await
    }

    /// The newest claim with its number; one that is damaged counts as expired.
    pub async fn newest_claim(
        &self,
        key: &IndexKey,
    ) -> Result<Option<(u64, Option<BuildClaim>)>, CatalogError> {
        let paths = self.catalog.list(&key.prefix().join("claim")).await?;
        let numbers = paths.iter().filter_map(|path| {
            let found = IndexKey::parse(path).ok()?;
            match found.file {
                IndexFile::Claim(number) => Some(number),
                _ => None,
            }
        });
        let Some(number) = numbers.max() else {
            return Ok(None);
        };
        let path = key.with_file(IndexFile::Claim(number)).path();
        let bytes = self.catalog.get(&path).await?;
        let claim = match BuildClaim::decode(&bytes) {
            Ok(claim) => Some(claim),
            Err(error) if error.kind() == ErrorKind::Corrupt => None,
            Err(error) => return Err(CatalogError::format(&path)(error)),
        };
        Ok(Some((number, claim)))
    }

    /// Creates the claim of this number; whether no other was first.
    pub async fn claim(
        &self,
        key: &IndexKey,
        number: u64,
        claim: &BuildClaim,
    ) -> Result<bool, CatalogError> {
        let path = key.with_file(IndexFile::Claim(number)).path();
        let bytes = claim.encode().map_err(CatalogError::format(&path))?;
        self.catalog.create_numbered(&path, bytes).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ContentHash;
    use object_store::{ObjectStoreExt, memory::InMemory};
    use uuid::Uuid;

    #[tokio::test]
    async fn should_keep_the_first_index_and_the_newest_claim() {
        let store = Arc::new(InMemory::new());
        let indexes = Indexes::new(Arc::clone(&store) as Arc<dyn ObjectStore>);
        let hash = ContentHash::of(b"x");
        let key = IndexKey {
            namespace: "books".parse().unwrap(),
            part: hash,
            params: hash,
            file: IndexFile::Meta,
        };
        assert_eq!(indexes.find(&key).await.unwrap(), None);
        assert_eq!(indexes.newest_claim(&key).await.unwrap(), None);
        let claim = |node, expires_at_ms| BuildClaim {
            node: Uuid::from_u128(node),
            expires_at_ms,
        };
        for (number, node) in [(1, 1), (2, 2), (10, 1)] {
            assert!(
                indexes
                    .claim(&key, number, &claim(node, number))
                    .await
                    .unwrap()
            );
        }
        assert!(!indexes.claim(&key, 10, &claim(2, 10)).await.unwrap());
        let newest = indexes.newest_claim(&key).await.unwrap();
        assert_eq!(newest, Some((10, Some(claim(1, 10)))));
        let path = key.with_file(IndexFile::Claim(11)).path();
        store.put(&path, "torn".into()).await.unwrap();
        assert_eq!(indexes.newest_claim(&key).await.unwrap(), Some((11, None)));

        let built = |of: &str| BuiltIndex {
            part: hash,
            of: of.into(),
            files: vec![],
            about: serde_json::json!({"bits": 2}),
        };
        assert!(indexes.publish(&key, &built("first")).await.unwrap());
        assert!(!indexes.publish(&key, &built("second")).await.unwrap());
        let found = indexes.find(&key).await.unwrap();
        assert_eq!(found, Some(built("first")));
    }
}
