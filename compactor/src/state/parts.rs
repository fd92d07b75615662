//! [`OpenParts`]: how the rows of a part are come by.

use super::StateError;
use futures::future::{BoxFuture, FutureExt};
use isobath_storage::{
    catalog::Catalog,
    fold::PartRows,
    format::{PartEntry, part},
    model::Namespace,
    store::keys::{Key, PartKey},
};
use roaring::RoaringBitmap;
use std::{fmt, sync::Arc};

/// Opens parts of a bucket, whose bytes it compares with their names.
pub trait OpenParts: fmt::Debug + Send + Sync {
    /// The rows of a part of `namespace`, of which `dead` are dead.
    fn open<'a>(
        &'a self,
        namespace: &'a Namespace,
        entry: &'a PartEntry,
        dead: Arc<RoaringBitmap>,
    ) -> BoxFuture<'a, Result<PartRows, StateError>>;
}

/// Opens parts in memory.
#[derive(Debug, Clone)]
pub struct PartsInMemory(pub Catalog);

impl OpenParts for PartsInMemory {
    fn open<'a>(
        &'a self,
        namespace: &'a Namespace,
        entry: &'a PartEntry,
        dead: Arc<RoaringBitmap>,
    ) -> BoxFuture<'a, Result<PartRows, StateError>> {
        let key = PartKey::of(namespace, entry).path();
        async move {
            let bytes = self.0.get(&key).await?;
            part::verify(&bytes, entry.hash).map_err(StateError::format(&key))?;
            let part = part::Part::open(bytes).map_err(StateError::format(&key))?;
            let rows = PartRows {
                rows: part.rows,
                stamps: part.stamps,
                dead,
                residue: Arc::new(part.residue),
            };
            Ok(match entry.stamp {
                None => rows,
                Some(stamp) => rows.adopted(stamp),
            })
        }
        .boxed()
    }
}
