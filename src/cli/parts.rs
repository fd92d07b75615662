//! [`MappedParts`]: parts of a bucket as mapped files, so that memory does not grow with them.

use futures::{FutureExt as _, StreamExt as _, future::BoxFuture};
use isobath_compactor::state::{OpenParts, StateError};
use isobath_query::view::open_part;
use isobath_storage::{
    fold::PartRows,
    format::PartEntry,
    model::Namespace,
    store::{
        Store,
        keys::{Key as _, PartKey},
    },
};
use object_store::{ObjectStoreExt as _, path::Path};
use roaring::RoaringBitmap;
use std::{
    io::{self, Write as _},
    sync::Arc,
};
use tempfile::{NamedTempFile, TempDir};

/// Fetches parts into files of a directory of its own, which are gone when they are not used any more.
#[derive(Debug)]
pub(super) struct MappedParts {
    store: Store,
    dir: TempDir,
}

impl MappedParts {
    /// Parts of the bucket `store`.
    pub(super) fn new(store: &Store) -> io::Result<Self> {
        let dir = tempfile::Builder::new()
            .prefix("isobath-parts-")
            .tempdir()?;
        Ok(Self {
            store: store.clone(),
            dir,
        })
    }

    /// The bytes of an object in a file without a name once it is mapped.
    async fn fetch(&self, path: &Path) -> Result<NamedTempFile, StateError> {
        let failed = |source: object_store::Error| StateError::Store {
            key: path.to_string(),
            source,
        };
        let disk = |error: io::Error| {
            failed(object_store::Error::Generic {
                store: "temporary file",
                source: error.into(),
            })
        };
        let mut file = NamedTempFile::new_in(self.dir.path()).map_err(disk)?;
        let object = self.store.data.get(path).await;
        let object = object.map_err(|error| match error {
            object_store::Error::NotFound { .. } => StateError::Damaged {
                key: path.to_string(),
                why: "it is missing".to_owned(),
            },
            error => failed(error),
        })?;
        let mut pieces = object.into_stream();
        while let Some(piece) = pieces.next().await {
            file.write_all(&piece.map_err(failed)?).map_err(disk)?;
        }
        Ok(file)
    }
}

impl OpenParts for MappedParts {
    fn open<'a>(
        &'a self,
        namespace: &'a Namespace,
        entry: &'a PartEntry,
        dead: Arc<RoaringBitmap>,
    ) -> BoxFuture<'a, Result<PartRows, StateError>> {
        let path = PartKey::of(namespace, entry).path();
        async move {
            let file = self.fetch(&path).await?;
            let part = open_part(file.path(), entry.clone(), dead, true);
            let part = part.map_err(|error| StateError::Damaged {
                key: path.to_string(),
                why: format!("{:#}", anyhow::Error::new(error)),
            })?;
            // the mapping keeps the file's content when its name goes
            Ok(part.rows)
        }
        .boxed()
    }
}
