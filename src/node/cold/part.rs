//! [`ColdPart`]: a part of which the codes and the ids are here.

use super::{Cold, ColdError};
use crate::server::StoreUse;
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use isobath_query::index::{ColdCodes, ColdIndex, PreparedQuery, distance_of_bytes};
use isobath_storage::{
    format::{
        FormatError, PartEntry,
        part::{PREFIX, PartLayout, VectorsAt, read_ids},
    },
    model::{AttributeConfig, AttributeName, Id, IdColumn, IdKind, Namespace},
    store::keys::{DeadKey, Key, PartKey},
};
use object_store::{ObjectStoreExt, path::Path};
use roaring::RoaringBitmap;
use std::{cmp::Ordering, collections::HashSet, ops::Range};

/// Vectors with less between them are fetched together.
const GAP: u64 = 16 * 1024;
/// Ranges that are fetched at a time.
const AT_ONCE: usize = 128;

/// A part of which it is known where everything lies.
#[derive(Debug)]
pub(super) struct PartHead {
    key: Path,
    dead: RoaringBitmap,
    vectors: VectorsAt,
    ids: (IdKind, Range<u64>),
    index: ColdIndex,
}

impl PartHead {
    /// The kind of its ids.
    pub(super) fn kind(&self) -> IdKind {
        self.ids.0
    }
}

/// A part of which the codes and the ids are here.
#[derive(Debug)]
pub(super) struct ColdPart {
    key: Path,
    /// Rows that are not to be found.
    pub(super) hidden: RoaringBitmap,
    vectors: VectorsAt,
    pub(super) ids: IdColumn,
    pub(super) codes: ColdCodes,
    pub(super) index: ColdIndex,
}

/// A row and where its vector lies.
type Place = (u32, Range<u64>);

/// A row with its exact distance.
#[derive(Debug, Clone)]
pub(super) struct ColdHit {
    pub(super) id: Id,
    pub(super) distance: f32,
}

impl Cold {
    /// Reads where everything of a part lies; `None` where it has no index, or ids of different lengths.
    pub(super) async fn head(
        &self,
        namespace: &Namespace,
        entry: &PartEntry,
        attribute: (&AttributeName, &AttributeConfig),
    ) -> Result<Option<PartHead>, ColdError> {
        let home = entry.owner(namespace);
        let key = PartKey::of(namespace, entry).path();
        let prefix = async {
            let range = 0..PREFIX.min(entry.bytes);
            Ok::<Bytes, ColdError>(self.store.get_range(&key, range).await?)
        };
        let index = async { Ok(self.index.cold(home, entry.hash, attribute).await?) };
        let dead = self.dead(namespace, entry);
        let (prefix, index, dead) = futures::try_join!(prefix, index, dead)?;
        let layout = match PartLayout::read(prefix) {
            Err(FormatError::Truncated { .. }) => return Ok(None),
            read => read?,
        };
        let found = (index, layout.vectors(attribute.0), layout.ids());
        let (Some(index), Some(vectors), Some(ids)) = found else {
            return Ok(None);
        };
        if layout.rows != entry.rows {
            let why = "it has more or fewer rows than its manifest says".to_owned();
            return Err(FormatError::Corrupt { what: "part", why }.into());
        }
        Ok(Some(PartHead {
            key,
            dead,
            vectors,
            ids,
            index,
        }))
    }

    /// The deletion vector of a part.
    pub(super) async fn dead(
        &self,
        namespace: &Namespace,
        entry: &PartEntry,
    ) -> Result<RoaringBitmap, ColdError> {
        let Some(hash) = entry.dead else {
            return Ok(RoaringBitmap::new());
        };
        let namespace = namespace.clone();
        let dead = self.opener.catalog.dead(&DeadKey { namespace, hash }).await;
        Ok(dead.map_err(super::OpenError::from)?)
    }

    /// Fetches the codes and the ids of a part.
    pub(super) async fn part(&self, head: PartHead) -> Result<(ColdPart, StoreUse), ColdError> {
        let (kind, range) = head.ids;
        let mut used = StoreUse::one(range.end - range.start);
        let ids = async { Ok(self.store.get_range(&head.key, range).await?) };
        let codes = async { Ok::<_, ColdError>(self.index.cold_codes(&head.index).await?) };
        let (ids, (codes, requests, bytes)) = futures::try_join!(ids, codes)?;
        used.requests += requests;
        used.bytes += bytes;
        let ids = read_ids(kind, &ids).ok_or_else(|| FormatError::Corrupt {
            what: "part",
            why: "its ids do not rise".to_owned(),
        })?;
        let part = ColdPart {
            key: head.key,
            hidden: head.dead,
            vectors: head.vectors,
            ids,
            codes,
            index: head.index,
        };
        Ok((part, used))
    }

    /// Fetches the vectors of rows of a part and compares them with `query`.
    pub(super) async fn distances(
        &self,
        part: &ColdPart,
        rows: &[u32],
        query: &PreparedQuery,
    ) -> Result<(Vec<ColdHit>, StoreUse), ColdError> {
        let mut places: Vec<Place> = rows
            .iter()
            .filter_map(|row| Some((*row, part.vectors.row(*row)?)))
            .collect();
        places.sort_unstable_by_key(|(row, _)| *row);
        let mut used = StoreUse::default();
        let pieces = together(places);
        for (range, _) in &pieces {
            used.requests += 1;
            used.bytes += range.end - range.start;
        }
        let fetch = |(range, rows): (Range<u64>, Vec<Place>)| async move {
            let bytes = self.store.get_range(&part.key, range.clone()).await?;
            Ok::<_, ColdError>((range.start, rows, bytes))
        };
        let fetched = stream::iter(pieces).map(fetch).buffer_unordered(AT_ONCE);
        let fetched: Vec<_> = fetched.try_collect().await?;
        let mut hits = vec![];
        for (start, rows, bytes) in fetched {
            for (row, place) in rows {
                let at = |n: u64| usize::try_from(n - start).unwrap_or(usize::MAX);
                let vector = bytes
                    .get(at(place.start)..at(place.end))
                    .unwrap_or_default();
                let distance = distance_of_bytes(query, part.vectors.element, vector);
                let distance = distance.ok_or_else(|| FormatError::Corrupt {
                    what: "part",
                    why: "it ends before its vectors do".to_owned(),
                })?;
                let id = part.ids.get(row as usize);
                hits.push(ColdHit { id, distance });
            }
        }
        Ok((hits, used))
    }
}

impl ColdPart {
    /// Hides the rows of these ids.
    pub(super) fn hide(&mut self, ids: &HashSet<Id>) {
        for id in ids {
            self.hidden.extend(find(&self.ids, id));
        }
    }
}

/// The row of an id.
fn find(ids: &IdColumn, id: &Id) -> Option<u32> {
    let (mut low, mut high) = (0, ids.len());
    while low < high {
        let middle = low.midpoint(high);
        match ids.get(middle).cmp(id) {
            Ordering::Less => low = middle + 1,
            Ordering::Equal => return u32::try_from(middle).ok(),
            Ordering::Greater => high = middle,
        }
    }
    None
}

/// Ranges in rising order, those that lie near each other as one.
fn together(places: Vec<Place>) -> Vec<(Range<u64>, Vec<Place>)> {
    let mut pieces: Vec<(Range<u64>, Vec<Place>)> = vec![];
    for (row, place) in places {
        match pieces.last_mut() {
            Some((range, rows)) if place.start <= range.end.saturating_add(GAP) => {
                range.end = range.end.max(place.end);
                rows.push((row, place));
            }
            _ => pieces.push((place.clone(), vec![(row, place)])),
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn should_fetch_together_what_lies_together() {
        let place = |row: u32| {
            let start = u64::from(row) * 100;
            (row, start..start + 100)
        };
        let pieces = together([3, 4, 9, 1_000].map(place).into());
        let ranges: Vec<_> = pieces
            .iter()
            .map(|(range, rows)| (range.clone(), rows.len()))
            .collect();
        assert_eq!(ranges, [(300..1_000, 3), (100_000..100_100, 1)]);
        assert!(together(vec![]).is_empty());
    }

    #[test]
    fn should_find_ids_by_halves() {
        let ids = IdColumn::U64(vec![2, 5, 9].into());
        let found = [1, 2, 5, 7, 9, 10].map(|id| find(&ids, &Id::U64(id)));
        assert_eq!(found, [None, Some(0), Some(1), None, Some(2), None]);
        assert_eq!(find(&ids, &Id::Str("5".into())), None);
    }
}
