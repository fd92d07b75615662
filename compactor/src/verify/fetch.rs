//! [`Fetch`]: whole objects, several at a time.

use super::{Report, text};
use crate::state::StateError;
use bytes::Bytes;
use futures::{Stream, StreamExt, stream};
use isobath_storage::{
    catalog::{Catalog, CatalogError},
    error::ErrorKind,
    format::FormatError,
    model::ContentHash,
};
use object_store::{ObjectStore, path::Path};
use std::sync::Arc;

/// Small objects that are asked for at a time.
pub(super) const SMALL: usize = 16;
/// Large objects that are asked for at a time: so many are held in memory.
pub(super) const LARGE: usize = 2;

/// Reads whole objects.
#[derive(Debug)]
pub(super) struct Fetch {
    pub(super) catalog: Catalog,
}

impl Fetch {
    pub(super) fn new(store: &Arc<dyn ObjectStore>) -> Self {
        Self {
            catalog: Catalog::new(Arc::clone(store)),
        }
    }

    /// The objects at the paths of `keys`, in that order, `at_once` requests at a time; none for one that is missing.
    pub(super) fn all<'a, K: 'a>(
        &'a self,
        keys: impl IntoIterator<Item = (Path, K)> + 'a,
        at_once: usize,
    ) -> impl Stream<Item = Result<(Path, K, Option<Bytes>), StateError>> + 'a {
        let reads = keys.into_iter().map(move |(path, key)| async move {
            match self.catalog.get(&path).await {
                Ok(bytes) => Ok((path, key, Some(bytes))),
                Err(CatalogError::Missing { .. }) => Ok((path, key, None)),
                Err(error) => Err(error.into()),
            }
        });
        stream::iter(reads).buffered(at_once)
    }
}

/// Takes note of an object that was read, or of its loss; `why` says who needs it.
pub(super) fn found(
    report: &mut Report,
    path: &Path,
    bytes: Option<Bytes>,
    why: &str,
) -> Option<Bytes> {
    if let Some(bytes) = bytes {
        report.read(bytes.len());
        return Some(bytes);
    }
    report.damage(path, format!("is missing: {why}"));
    None
}

/// What was read of an object, unless it is damaged. Fails where only a newer program can read it.
pub(super) fn sound<T>(
    report: &mut Report,
    path: &Path,
    read: Result<T, FormatError>,
) -> Result<Option<T>, StateError> {
    match read {
        Ok(read) => Ok(Some(read)),
        Err(error) if error.kind() == ErrorKind::Corrupt => {
            report.damage(path, text(&error));
            Ok(None)
        }
        Err(error) => Err(StateError::format(path)(error)),
    }
}

/// Whether the bytes of an object are those that its name is the hash of.
pub(super) fn is_named(report: &mut Report, path: &Path, bytes: &[u8], hash: ContentHash) -> bool {
    let same = ContentHash::of(bytes) == hash;
    if !same {
        report.damage(path, "its bytes are not those that its name is the hash of");
    }
    same
}
