//! [`RowJson`]: one row of an answer as JSON.

use super::value::{IdJson, ValueJson, value_bytes};
use crate::server::decode::{VectorEncoding, id_bytes};
use isobath_query::search::Hit;
use serde::{Serialize, Serializer, ser::SerializeMap};

/// One row of an answer: `id`, `$dist` where rows have one, then the attributes that are not null.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RowJson<'a> {
    pub(crate) hit: &'a Hit,
    pub(crate) encoding: VectorEncoding,
}

impl Serialize for RowJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("id", &IdJson(&self.hit.id))?;
        if let Some(distance) = self.hit.distance {
            map.serialize_entry("$dist", &distance)?;
        }
        for (name, value) in &self.hit.attributes {
            if !value.is_null() {
                let encoding = self.encoding;
                map.serialize_entry(name.as_str(), &ValueJson { value, encoding })?;
            }
        }
        map.end()
    }
}

/// The rows of an answer as JSON.
pub(crate) fn rows_json(hits: &[Hit], encoding: VectorEncoding) -> Vec<RowJson<'_>> {
    let row = |hit| RowJson { hit, encoding };
    hits.iter().map(row).collect()
}

/// Bytes of a row as they are counted to a client.
pub(crate) fn row_bytes(hit: &Hit) -> u64 {
    let distance = if hit.distance.is_some() { 4 } else { 0 };
    let values = hit.attributes.iter().map(|(_, value)| value_bytes(value));
    id_bytes(&hit.id) + distance + values.sum::<u64>()
}
