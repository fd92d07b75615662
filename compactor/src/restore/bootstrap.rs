//! [`bootstrap`]: the state of one region's bucket in the new bucket of another.

use super::{Progress, Watch, copy::Copying};
use crate::state::StateError;
use isobath_storage::{
    catalog::{Catalog, Floor, OpenCheckpoint},
    model::Namespace,
    store::keys::{CheckpointKey, Key, MapKey, RunKey},
};
use object_store::ObjectStore;
use std::sync::Arc;

/// Tells nobody.
#[derive(Debug)]
struct Silent;

impl Watch for Silent {
    fn progress(&self, _: Progress) {}
}

/// Copies the newest checkpoint of `source`, and all that it refers to, into `target`, which holds none. For each log a
/// floor says that the bucket holds nothing of it up to there; the rest is copied as the logs of other regions are. How
/// many objects were copied; what an interrupted call copied is not copied again.
pub async fn bootstrap(
    source: &Arc<dyn ObjectStore>,
    target: &Arc<dyn ObjectStore>,
) -> Result<u64, StateError> {
    let catalog = Catalog::new(Arc::clone(source));
    let Some(newest) = catalog.newest_checkpoint().await? else {
        return Ok(0);
    };
    let number = newest.number;
    let open = catalog.open(newest).await?;
    let mut copying = Copying::new(&catalog, target, &Silent);
    for (namespace, entry) in &open.namespaces {
        let manifest = catalog.manifest(namespace, entry.manifest).await?;
        copying.manifest(namespace, manifest).await?;
    }
    for name in open.names() {
        adopted(&catalog, &open, name, &mut copying).await?;
    }
    let checkpoint = &open.checkpoint;
    for run in &checkpoint.runs {
        copying.object(RunKey(run.hash).path(), run.hash).await?;
    }
    for hash in &checkpoint.maps {
        copying.object(MapKey(*hash).path(), *hash).await?;
    }
    for (log, position) in &checkpoint.logs {
        let floor = Floor {
            k: 1,
            seq: position.seq,
            max_epoch: position.max_epoch,
        };
        copying.target.create_floor(*log, &floor).await?;
    }
    let key = CheckpointKey(number).path();
    let bytes = checkpoint.encode().map_err(StateError::format(&key))?;
    copying.create_numbered(&key, bytes).await?;
    Ok(copying.progress.objects)
}

/// Copies what the blocks of a namespace adopt that are in runs only.
async fn adopted(
    catalog: &Catalog,
    open: &OpenCheckpoint,
    namespace: &Namespace,
    copying: &mut Copying<'_>,
) -> Result<(), StateError> {
    for (run, slice) in open.slices(namespace) {
        for segment in catalog.slice(run, slice).await? {
            for block in &segment.blocks {
                if let Some((_, adoption)) = block.adoption() {
                    copying.parts(namespace, &adoption.parts).await?;
                }
            }
        }
    }
    Ok(())
}
