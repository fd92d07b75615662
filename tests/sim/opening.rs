//! How a region's process opens what the newest checkpoint of its bucket holds.

use super::{life::Birth, sink::Shared};
use isobath_compactor::{
    CompactError,
    state::{OpenParts, PartsInMemory, StateError},
};
use isobath_query::view::{Installed, Live, PartSet};
use isobath_storage::{
    Clock,
    catalog::{Catalog, CatalogError, OpenCheckpoint},
    format::Manifest,
    log::Start,
    model::{LogId, Namespace, PartEntry},
    store::keys::DeadKey,
};
use std::{collections::BTreeMap, sync::Arc, time::Duration};

/// Where the logs go on, and what the namespaces stand on.
pub(crate) type Ground = (BTreeMap<LogId, Start>, BTreeMap<Namespace, Manifest>);

/// Opens all that the newest checkpoint holds.
pub(crate) async fn newest(birth: &Birth, catalog: &Catalog, shared: &Shared) -> Ground {
    let (mut began, mut manifests) = (BTreeMap::new(), BTreeMap::new());
    let checkpoint = until_it_works(&birth.clock, || newest_checkpoint(catalog)).await;
    let Some(checkpoint) = checkpoint.map(Arc::new) else {
        return (began, manifests);
    };
    for (log, at) in &checkpoint.checkpoint.logs {
        let start = Start {
            seq: at.seq,
            max_epoch: at.max_epoch,
            chain: at.chain,
            hlc: at.hlc,
        };
        began.insert(*log, start);
    }
    shared.views.adopt(Arc::clone(&checkpoint));
    for name in checkpoint.names() {
        let read = || open(catalog, &checkpoint, name);
        let (live, manifest) = until_it_works(&birth.clock, read).await;
        let number = Some(checkpoint.checkpoint.number);
        shared.views.open(name, live, number).unwrap().unwrap();
        manifests.extend(manifest.map(|manifest| (name.clone(), manifest)));
    }
    (began, manifests)
}

pub(crate) async fn newest_checkpoint(
    catalog: &Catalog,
) -> Result<Option<OpenCheckpoint>, CatalogError> {
    match catalog.newest_checkpoint().await? {
        Some(checkpoint) => Ok(Some(catalog.open(checkpoint).await?)),
        None => Ok(None),
    }
}

/// A namespace as a checkpoint has it.
async fn open(
    catalog: &Catalog,
    checkpoint: &OpenCheckpoint,
    name: &Namespace,
) -> Result<(Live, Option<Manifest>), CompactError> {
    let mut base = Installed::default();
    let mut manifest = None;
    if let Some(entry) = checkpoint.namespaces.get(name) {
        let read = catalog.manifest(name, entry.manifest).await?;
        let mut parts = vec![];
        for entry in &read.parts {
            parts.push(part(catalog, name, entry).await?);
        }
        base = installed(&read, parts);
        manifest = Some(read);
    }
    let live = Live::new(name.clone(), base);
    for (run, slice) in checkpoint.slices(name) {
        for segment in catalog.slice(run, slice).await? {
            live.apply(&Arc::new(segment), 0).unwrap();
        }
    }
    Ok((live, manifest))
}

pub(crate) async fn part(
    catalog: &Catalog,
    name: &Namespace,
    entry: &PartEntry,
) -> Result<PartSet, CompactError> {
    let dead = match entry.dead {
        None => Arc::default(),
        Some(hash) => {
            let namespace = name.clone();
            Arc::new(catalog.dead(&DeadKey { namespace, hash }).await?)
        }
    };
    let opened = PartsInMemory(catalog.clone());
    let rows = opened.open(name, entry, dead).await;
    if let Err(StateError::Catalog(error)) = rows {
        return Err(error.into());
    }
    Ok(PartSet::new(rows.unwrap(), entry.clone()))
}

pub(crate) fn installed(manifest: &Manifest, parts: Vec<PartSet>) -> Installed {
    Installed {
        schema: manifest.schema.clone(),
        parts,
        seen: manifest.seen.clone(),
        last_write: manifest.last_write,
    }
}

pub(crate) async fn until_it_works<T, E, F: Future<Output = Result<T, E>>>(
    clock: &Arc<dyn Clock>,
    mut work: impl FnMut() -> F,
) -> T {
    loop {
        match work().await {
            Ok(done) => return done,
            Err(_) => clock.sleep(Duration::from_millis(300)).await,
        }
    }
}
