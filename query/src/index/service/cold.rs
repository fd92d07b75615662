//! Codes of indexes in the bucket, for parts that are not here.

use super::{
    IndexService,
    bucket::{FILES_AT_ONCE, Identity, IndexFiles, Shared},
    lacking::indexed_by,
};
use crate::{
    index::{ColdCodes, FileRef, IndexError, Meta},
    view::{CacheError, pieces_of},
};
use futures::{StreamExt, TryStreamExt, stream};
use isobath_storage::{
    format::BuiltFile,
    model::{AttributeConfig, AttributeName, ContentHash, Namespace},
    store::keys::{IndexFile, IndexKey, Key},
};
use serde::Deserialize;
use std::path::Path;

/// An index in the bucket, of which nothing but its description is here.
#[derive(Debug, Clone)]
pub struct ColdIndex {
    key: IndexKey,
    meta: Meta,
}

impl IndexService {
    /// The index of a part by which the vectors of `attribute` are found, by one GET. `None` where there is none, or
    /// none that is undamaged.
    pub async fn cold(
        &self,
        namespace: &Namespace,
        part: ContentHash,
        attribute: (&AttributeName, &AttributeConfig),
    ) -> Result<Option<ColdIndex>, IndexError> {
        let (attribute, config) = attribute;
        let (Some(shared), Some(metric)) = (&self.worker.shared, indexed_by(config)) else {
            return Ok(None);
        };
        let params = self.worker.params(metric)?;
        let identity = Identity::vectors(namespace, &part.to_string(), attribute, &params);
        let Some(key) = identity.map(|identity| identity.key(0)) else {
            return Ok(None);
        };
        let Some(found) = shared.indexes.find(&key).await? else {
            return Ok(None);
        };
        let path = Path::new(&found.of);
        let meta = Meta::deserialize(&found.about)
            .map_err(|error| IndexError::corrupt(path, error.to_string()))?;
        let meta = meta.checked(path)?;
        Ok(Some(ColdIndex { key, meta }))
    }

    /// The codes of an index, with how many requests and bytes they took.
    pub async fn cold_codes(&self, index: &ColdIndex) -> Result<(ColdCodes, u64, u64), IndexError> {
        let meta = &index.meta;
        let wanted = [Some(&meta.codes), meta.rows.as_ref()];
        let wanted: Vec<FileRef> = wanted.into_iter().flatten().cloned().collect();
        let (files, requests, bytes) = self.fetch_files(index, &wanted).await?;
        Ok((ColdCodes::of(meta, &files)?, requests, bytes))
    }

    /// Fetches what of an index is not here yet, so that it opens at once.
    pub async fn warm(&self, index: &ColdIndex) -> Result<(), IndexError> {
        let fetched = self.fetch_files(index, &index.meta.files()).await;
        fetched.map(drop)
    }

    async fn fetch_files(
        &self,
        index: &ColdIndex,
        files: &[FileRef],
    ) -> Result<(IndexFiles, u64, u64), IndexError> {
        let Some(shared) = &self.worker.shared else {
            return Ok((IndexFiles::new(), 0, 0));
        };
        let (mut requests, mut bytes) = (0, 0);
        let mut wanted = vec![];
        for file in files {
            let hash = file.content();
            let hash =
                hash.ok_or_else(|| IndexError::corrupt(&file.hash, "its name is no hash"))?;
            if !shared.bucket.cache.contains(hash) {
                requests += pieces_of(file.bytes);
                bytes += file.bytes;
            }
            let bytes = file.bytes;
            wanted.push(BuiltFile { hash, bytes });
        }
        let fetch = |file| fetch_file(shared, &index.key, file);
        let found = stream::iter(wanted).map(fetch);
        let found = found.buffer_unordered(FILES_AT_ONCE).try_collect().await?;
        Ok((found, requests, bytes))
    }
}

async fn fetch_file(
    shared: &Shared,
    key: &IndexKey,
    file: BuiltFile,
) -> Result<(ContentHash, bytes::Bytes), CacheError> {
    let path = key.with_file(IndexFile::Data(file.hash)).path();
    let cache = &shared.bucket.cache;
    let found = cache.fetch(&path, file.hash, Some(file.bytes)).await?;
    Ok((file.hash, found.map()?))
}
