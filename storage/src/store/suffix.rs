//! [`get_suffix`]: the end of an object, on stores that can and on those that cannot.

use super::is_unsupported;
use bytes::Bytes;
use object_store::{
    GetOptions, GetRange, ObjectMeta, ObjectStore, ObjectStoreExt, Result, path::Path,
};

/// The last `length` bytes of an object, or all of a shorter one; one request, or two on a store
/// without suffix ranges (Azure).
pub async fn get_suffix(
    store: &dyn ObjectStore,
    path: &Path,
    length: u64,
) -> Result<(Bytes, ObjectMeta)> {
    let options = |range| GetOptions {
        range: Some(range),
        ..GetOptions::default()
    };
    let found = match store
        .get_opts(path, options(GetRange::Suffix(length)))
        .await
    {
        Err(error) if is_unsupported(&error) => {
            let meta = store.head(path).await?;
            let range = meta.size.saturating_sub(length)..meta.size;
            let same = GetOptions {
                if_match: meta.e_tag,
                ..options(GetRange::Bounded(range))
            };
            store.get_opts(path, same).await?
        }
        found => found?,
    };
    let meta = found.meta.clone();
    Ok((found.bytes().await?, meta))
}
