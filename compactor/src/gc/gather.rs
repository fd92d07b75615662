//! [`gather`]: the facts about a bucket.

use super::{CheckpointFacts, Facts, ManifestFacts, Seen};
use crate::state::StateError;
use futures::{StreamExt, TryStreamExt, stream};
use isobath_storage::{
    Clock,
    catalog::{Catalog, CatalogError},
    format::{BuiltIndex, NamespaceMap},
    model::{ContentHash, Namespace, Region, VersionVector},
    store::Marker,
    store::keys::{AnyKey, CheckpointKey, IndexFile, IndexKey, Key, ManifestKey, MapKey},
};
use object_store::ObjectStore;
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

/// Requests at a time.
const AT_ONCE: usize = 16;

/// The facts about the bucket in `store`. The listing comes first: what is created later is not in it, so that it is
/// neither missed as a reference nor deleted.
pub(super) async fn gather(
    store: &Arc<dyn ObjectStore>,
    catalog: &Catalog,
    members: &BTreeMap<Region, Catalog>,
    clock: &dyn Clock,
    now_ms: u64,
) -> Result<Facts, StateError> {
    let start = clock.monotonic();
    let objects = list(store).await?;
    let mut facts = Facts {
        now_ms,
        read_for: Duration::ZERO,
        checkpoints: checkpoints(catalog, &objects).await?,
        manifests: manifests(catalog, &objects).await?,
        indexes: indexes(catalog, &objects).await?,
        pins: catalog.pins().await?,
        floors: catalog.floors().await?,
        acks: acks(store, catalog, members).await?,
        objects,
    };
    facts.read_for = clock.monotonic().saturating_sub(start);
    Ok(facts)
}

/// What each other member of the cluster holds, by its newest ack; none where one has none, or cannot be asked.
async fn acks(
    store: &Arc<dyn ObjectStore>,
    catalog: &Catalog,
    members: &BTreeMap<Region, Catalog>,
) -> Result<Option<Vec<VersionVector>>, StateError> {
    let membership = match catalog.newest_membership().await {
        Ok(None) => return Ok(Some(vec![])),
        Ok(Some(membership)) => membership,
        Err(error) => {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(
                error,
                "the cluster's membership cannot be read: no floor rises"
            );
            return Ok(None);
        }
    };
    let marker = Marker::read_in(&**store).await?;
    let own = marker.map(|marker| marker.region);
    let mut acks = vec![];
    for member in &membership.members {
        if Some(member.region) == own {
            continue;
        }
        let Some(theirs) = members.get(&member.region) else {
            return Ok(None);
        };
        match theirs.newest_ack().await {
            Ok(Some(ack)) => acks.push(ack.holds),
            Ok(None) => return Ok(None),
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(region = %member.region, error, "its acks cannot be read: no floor rises");
                return Ok(None);
            }
        }
    }
    Ok(Some(acks))
}

async fn list(store: &Arc<dyn ObjectStore>) -> Result<BTreeMap<AnyKey, Seen>, StateError> {
    let mut objects = BTreeMap::new();
    let mut listed = store.list(None);
    while let Some(object) = listed
        .try_next()
        .await
        .map_err(StateError::store("the listing"))?
    {
        let seen = Seen {
            bytes: object.size,
            created_ms: u64::try_from(object.last_modified.timestamp_millis()).unwrap_or(0),
        };
        // what is none of ours is left alone
        if let Ok(key) = AnyKey::parse(&object.location) {
            objects.insert(key, seen);
        }
    }
    Ok(objects)
}

/// What is read of an object; none where it was deleted since the listing.
fn there<T>(read: Result<T, CatalogError>) -> Result<Option<T>, StateError> {
    match read {
        Ok(read) => Ok(Some(read)),
        Err(CatalogError::Missing { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

async fn checkpoints(
    catalog: &Catalog,
    objects: &BTreeMap<AnyKey, Seen>,
) -> Result<BTreeMap<u64, CheckpointFacts>, StateError> {
    let numbers = objects.keys().filter_map(|key| match key {
        AnyKey::Checkpoint(CheckpointKey(number)) => Some(*number),
        _ => None,
    });
    let reads = numbers.map(|number| catalog.checkpoint(number));
    let mut reads = stream::iter(reads).buffered(AT_ONCE);
    let mut read = vec![];
    while let Some(checkpoint) = reads.try_next().await? {
        read.extend(checkpoint);
    }
    let maps: BTreeSet<ContentHash> = read.iter().flat_map(|c| c.maps.clone()).collect();
    let maps = read_maps(catalog, maps).await?;
    let mut checkpoints = BTreeMap::new();
    for checkpoint in read {
        let chunks = checkpoint.maps.iter().map(|hash| maps.get(hash));
        let chunks = chunks.collect::<Option<Vec<_>>>();
        // one whose map is gone is being deleted by another pass, unless it is the newest
        let Some(chunks) = chunks else { continue };
        let named = chunks.into_iter().flatten();
        let named = named
            .map(|(name, number)| (name.clone(), *number))
            .collect();
        checkpoints.insert(checkpoint.number, CheckpointFacts::of(&checkpoint, named));
    }
    Ok(checkpoints)
}

type Chunk = Vec<(Namespace, u64)>;

async fn read_maps(
    catalog: &Catalog,
    hashes: BTreeSet<ContentHash>,
) -> Result<HashMap<ContentHash, Chunk>, StateError> {
    let reads = hashes.into_iter().map(|hash| async move {
        let key = MapKey(hash).path();
        let Some(bytes) = there(catalog.get(&key).await)? else {
            return Ok(None);
        };
        let map = NamespaceMap::decode(&bytes).map_err(StateError::format(&key))?;
        let chunk = map.namespaces.into_iter();
        let chunk: Chunk = chunk.map(|(name, entry)| (name, entry.manifest)).collect();
        Ok::<_, StateError>(Some((hash, chunk)))
    });
    let mut reads = stream::iter(reads).buffered(AT_ONCE);
    let mut maps = HashMap::new();
    while let Some(read) = reads.try_next().await? {
        maps.extend(read);
    }
    Ok(maps)
}

async fn manifests(
    catalog: &Catalog,
    objects: &BTreeMap<AnyKey, Seen>,
) -> Result<BTreeMap<Namespace, BTreeMap<u64, ManifestFacts>>, StateError> {
    let keys = objects.keys().filter_map(|key| match key {
        AnyKey::Manifest(key) => Some(key.clone()),
        _ => None,
    });
    let reads = keys.map(|ManifestKey { namespace, version }| async move {
        let read = there(catalog.manifest(&namespace, version).await)?;
        Ok::<_, StateError>(read.map(|manifest| (namespace, version, manifest)))
    });
    let mut reads = stream::iter(reads).buffered(AT_ONCE);
    let mut manifests: BTreeMap<_, BTreeMap<_, _>> = BTreeMap::new();
    while let Some(read) = reads.try_next().await? {
        if let Some((namespace, version, manifest)) = read {
            let of = manifests.entry(namespace).or_default();
            of.insert(version, ManifestFacts::from(&manifest));
        }
    }
    Ok(manifests)
}

async fn indexes(
    catalog: &Catalog,
    objects: &BTreeMap<AnyKey, Seen>,
) -> Result<BTreeMap<IndexKey, BTreeSet<ContentHash>>, StateError> {
    let metas = objects.keys().filter_map(|key| match key {
        AnyKey::Index(key) if key.file == IndexFile::Meta => Some(key.clone()),
        _ => None,
    });
    let reads = metas.map(|key| async move {
        let path = key.path();
        let Some(bytes) = there(catalog.get(&path).await)? else {
            return Ok(None);
        };
        let index = BuiltIndex::decode(&bytes).map_err(StateError::format(&path))?;
        let files = index.files.iter().map(|file| file.hash).collect();
        Ok::<_, StateError>(Some((key, files)))
    });
    let mut reads = stream::iter(reads).buffered(AT_ONCE);
    let mut indexes = BTreeMap::new();
    while let Some(read) = reads.try_next().await? {
        indexes.extend(read);
    }
    Ok(indexes)
}
