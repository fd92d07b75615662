//! The finished indexes of reachable parts: each file that a description names.

use super::{
    Report,
    fetch::{Fetch, LARGE, SMALL, found, is_named, sound},
    listing::Listing,
    manifests::Parts,
};
use crate::state::StateError;
use futures::TryStreamExt;
use isobath_storage::{
    format::BuiltIndex,
    store::keys::{IndexFile, IndexKey, Key},
};

/// Reads and checks the descriptions and files of the indexes of `parts`.
pub(super) async fn check(
    fetch: &Fetch,
    listing: &Listing,
    parts: &Parts,
    report: &mut Report,
) -> Result<(), StateError> {
    let finished = listing.indexes.iter().filter(|key| {
        let part = (key.namespace.clone(), key.part);
        key.file == IndexFile::Meta && parts.contains(&part)
    });
    let keys = finished.map(|key| (key.path(), key));
    let mut files = vec![];
    let mut reads = std::pin::pin!(fetch.all(keys, SMALL));
    while let Some((path, key, bytes)) = reads.try_next().await? {
        let Some(bytes) = found(report, &path, bytes, "it was listed") else {
            continue;
        };
        if let Some(index) = sound(report, &path, BuiltIndex::decode(&bytes))? {
            if index.part != key.part {
                report.damage(&path, format!("says it is an index of part {}", index.part));
            }
            let of = index.files.into_iter().map(|file| (key.clone(), file));
            files.extend(of);
        }
    }
    let keys = files.into_iter().map(|(key, file)| {
        let key: IndexKey = key.with_file(IndexFile::Data(file.hash));
        (key.path(), file)
    });
    let mut reads = std::pin::pin!(fetch.all(keys, LARGE));
    while let Some((path, file, bytes)) = reads.try_next().await? {
        let why = "the description of a finished index names it";
        let Some(bytes) = found(report, &path, bytes, why) else {
            continue;
        };
        if is_named(report, &path, &bytes, file.hash) && bytes.len() as u64 != file.bytes {
            let (length, said) = (bytes.len(), file.bytes);
            report.damage(
                &path,
                format!("has {length} bytes, its description says {said}"),
            );
        }
    }
    Ok(())
}
