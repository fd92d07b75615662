//! [`Marker`]: whose bucket it is, and that it still is the same one.

use super::keys::{AnyKey, Key, MarkerKey};
use super::{Store, StoreError, StoreKind, kind_of};
use crate::error::ErrorKind;
use crate::model::{BucketId, ClusterId, Region};
use futures::TryStreamExt;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutPayload};
use serde::{Deserialize, Serialize};

/// The newest format of a marker that this code reads, and the one that it writes.
const FORMAT: u32 = 1;

/// Whose bucket it is: the object at [`MarkerKey`], made once and never deleted.
///
/// It tells a bucket that was emptied or swapped from one that is new: starting such a log again
/// from its first segment would give other segments the numbers of acknowledged ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marker {
    format: u32,
    /// The cluster that the bucket is part of.
    pub cluster: ClusterId,
    /// The region whose log lies in the bucket.
    pub region: Region,
    /// This life of the bucket.
    pub bucket: BucketId,
}

impl Marker {
    /// The marker of a bucket of `region`, not written yet.
    pub fn new(cluster: ClusterId, region: Region, bucket: BucketId) -> Self {
        Self {
            format: FORMAT,
            cluster,
            region,
            bucket,
        }
    }

    /// The marker of the bucket; none where there is none.
    pub async fn read(store: &Store) -> Result<Option<Self>, StoreError> {
        Self::read_from(&*store.data).await
    }

    /// The marker of the bucket, made from `fresh` if the bucket is new: it holds no object, and
    /// `remembered` (the bucket id that this URL had before) is none.
    ///
    /// An existing bucket keeps its cluster and its id, and must be of the region of `fresh`.
    pub async fn ensure(
        store: &Store,
        fresh: Self,
        remembered: Option<BucketId>,
    ) -> Result<Self, StoreError> {
        let remembered = remembered.filter(|_| store.kind != StoreKind::Memory);
        let found = match Self::read(store).await? {
            Some(found) => found,
            None if remembered.is_some() => return Err(lost(store, "holds no marker any more")),
            None => fresh.create(store).await?,
        };
        if remembered.is_some_and(|id| id != found.bucket) {
            return Err(lost(store, "is another bucket than before"));
        }
        if found.region != fresh.region {
            return Err(StoreError::OtherOwner {
                url: store.url.clone(),
                found: format!("region {}", found.region),
                expected: format!("region {}", fresh.region),
            });
        }
        Ok(found)
    }

    /// Marks a bucket that was filled before it got a marker, which makes it one that can be served; whether nobody
    /// else marked it.
    pub async fn finish(self, store: &dyn ObjectStore) -> Result<bool, StoreError> {
        let path = MarkerKey.path();
        match self.put(store).await {
            Ok(()) => Ok(true),
            Err(error) if kind_of(&error) == ErrorKind::Conflict => {
                Ok(Self::read_from(store).await? == Some(self))
            }
            Err(error) => Err(StoreError::request("create", &path, error)),
        }
    }

    /// The marker of the bucket in `store`; none where there is none.
    pub async fn read_in(store: &dyn ObjectStore) -> Result<Option<Self>, StoreError> {
        Self::read_from(store).await
    }

    /// Whether the bucket still carries this marker; asked at every claim and heartbeat, in one
    /// request.
    pub async fn check(&self, store: &Store) -> Result<(), StoreError> {
        match Self::read_from(&*store.log).await? {
            Some(found) if found.bucket == self.bucket => Ok(()),
            Some(_) => Err(lost(store, "was swapped for another bucket")),
            None => Err(lost(store, "was emptied")),
        }
    }

    async fn read_from(store: &dyn ObjectStore) -> Result<Option<Self>, StoreError> {
        let path = MarkerKey.path();
        let failed = |source| StoreError::request("read", &path, source);
        let found = match store.get(&path).await {
            Err(error) if kind_of(&error) == ErrorKind::NotFound => return Ok(None),
            found => found.map_err(failed)?,
        };
        let bytes = found.bytes().await.map_err(failed)?;
        let damaged = |reason| StoreError::Damaged {
            key: path.to_string(),
            reason,
        };
        let marker: Self =
            serde_json::from_slice(&bytes).map_err(|error| damaged(error.to_string()))?;
        if marker.format > FORMAT {
            let reason = format!("format {} is of a newer version of isobath", marker.format);
            return Err(damaged(reason));
        }
        Ok(Some(marker))
    }

    /// Writes the marker into an empty bucket; the first of several wins.
    async fn create(self, store: &Store) -> Result<Self, StoreError> {
        refuse_if_used(store).await?;
        match self.put(&*store.data).await {
            Ok(()) => Ok(self),
            Err(error) if kind_of(&error) == ErrorKind::Conflict => {
                let first = Self::read(store).await?;
                first.ok_or_else(|| lost(store, "was emptied while it was set up"))
            }
            Err(error) => Err(StoreError::request("create", &MarkerKey.path(), error)),
        }
    }

    async fn put(self, store: &dyn ObjectStore) -> Result<(), object_store::Error> {
        let text = serde_json::to_vec_pretty(&self);
        let text = text.map_err(|error| object_store::Error::Generic {
            store: "marker",
            source: error.into(),
        })?;
        let (path, mode) = (MarkerKey.path(), PutMode::Create.into());
        let put = store.put_opts(&path, PutPayload::from(text), mode);
        put.await.map(drop)
    }
}

/// Refuses a bucket that holds anything but what a probe leaves behind.
async fn refuse_if_used(store: &Store) -> Result<(), StoreError> {
    let mut listed = store.data.list(None);
    let failed = |source| StoreError::request("list", &"".into(), source);
    while let Some(object) = listed.try_next().await.map_err(failed)? {
        if !matches!(
            AnyKey::parse(&object.location),
            Ok(AnyKey::Probe(_) | AnyKey::Marker(_))
        ) {
            let (url, example) = (store.url.clone(), object.location.to_string());
            return Err(StoreError::NotOurs { url, example });
        }
    }
    Ok(())
}

fn lost(store: &Store, what: &str) -> StoreError {
    StoreError::BucketLost {
        url: store.url.clone(),
        what: what.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Clock, SystemClock, store::StoreOptions};
    use object_store::path::Path;
    use std::sync::Arc;
    use uuid::Uuid;

    fn marker(region: &str, bucket: u128) -> Marker {
        let cluster = ClusterId(Uuid::from_u128(1));
        Marker::new(
            cluster,
            region.parse().unwrap(),
            BucketId(Uuid::from_u128(bucket)),
        )
    }

    fn open(dir: &tempfile::TempDir) -> Store {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let url = dir.path().to_str().unwrap();
        Store::open(url, [("", ""); 0], &StoreOptions::default(), &clock).unwrap()
    }

    async fn ensure(
        store: &Store,
        fresh: Marker,
        before: Option<Marker>,
    ) -> Result<Marker, String> {
        let made = Marker::ensure(store, fresh, before.map(|m| m.bucket)).await;
        made.map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn should_mark_an_empty_bucket_once() {
        let dir = tempfile::tempdir().unwrap();
        let store = open(&dir);
        let (first, second) = (marker("eu", 1), marker("eu", 2));
        assert_eq!(ensure(&store, first, None).await, Ok(first));
        assert_eq!(ensure(&store, second, None).await, Ok(first));
        assert_eq!(ensure(&store, second, Some(first)).await, Ok(first));
        first.check(&store).await.unwrap();
        let text = std::fs::read_to_string(dir.path().join("marker")).unwrap();
        assert!(text.contains("\"region\": \"eu\""), "{text}");
    }

    #[tokio::test]
    async fn should_refuse_what_is_not_ours() {
        let dir = tempfile::tempdir().unwrap();
        let store = open(&dir);
        std::fs::write(dir.path().join("photo.jpg"), "x").unwrap();
        let error = ensure(&store, marker("eu", 1), None).await.unwrap_err();
        assert!(error.contains("photo.jpg"), "{error}");
        std::fs::remove_file(dir.path().join("photo.jpg")).unwrap();
        ensure(&store, marker("eu", 1), None).await.unwrap();
        let error = ensure(&store, marker("us", 1), None).await.unwrap_err();
        assert!(error.contains("belongs to region eu"), "{error}");
    }

    #[tokio::test]
    async fn should_refuse_an_emptied_or_swapped_bucket() {
        let dir = tempfile::tempdir().unwrap();
        let store = open(&dir);
        let first = ensure(&store, marker("eu", 1), None).await.unwrap();
        let other = marker("eu", 2);
        for found in [None, Some(other)] {
            drop(store.log.delete(&MarkerKey.path()).await);
            if let Some(other) = found {
                ensure(&store, other, None).await.unwrap();
            }
            let error = first.check(&store).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Fenced);
            assert!(
                error.to_string().contains("rejoin under a new id"),
                "{error}"
            );
            let error = ensure(&store, first, Some(first)).await.unwrap_err();
            assert!(error.starts_with("bucket lost"), "{error}");
        }
    }

    #[tokio::test]
    async fn should_say_that_a_marker_is_damaged_or_too_new() {
        let dir = tempfile::tempdir().unwrap();
        let store = open(&dir);
        let newer = serde_json::to_string(&Marker {
            format: 2,
            ..marker("eu", 1)
        })
        .unwrap();
        for text in ["", "{}", &newer] {
            std::fs::write(dir.path().join("marker"), text).unwrap();
            let error = Marker::read(&store).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{text}");
        }
    }

    #[tokio::test]
    async fn should_ignore_what_a_probe_left_behind() {
        let dir = tempfile::tempdir().unwrap();
        let store = open(&dir);
        let left = super::super::keys::ProbeKey {
            run: Uuid::nil(),
            n: 1,
        }
        .path();
        store.log.put(&left, "x".into()).await.unwrap();
        ensure(&store, marker("eu", 1), None).await.unwrap();
        assert_eq!(
            store
                .log
                .head(&Path::from("marker"))
                .await
                .unwrap()
                .location
                .as_ref(),
            "marker"
        );
    }
}
