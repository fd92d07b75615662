//! Sparse vectors: objects of dimensions with weights.

use super::{Budget, Fault, Fields};
use half::f16;
use isobath_storage::model::SparseVector;
use serde::de::MapAccess;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// Reads the vector of one row: `{"dimension": weight, ...}`.
pub(super) fn read_sparse<'de, A: MapAccess<'de>>(
    map: &mut A,
    budget: &Budget,
) -> Result<Result<SparseVector, Fault>, A::Error> {
    let mut weights: BTreeMap<u32, f16> = BTreeMap::new();
    while let Some(key) = map.next_key::<String>()? {
        let weight = map.next_value::<f32>()?;
        let half = f16::from_f32(weight);
        let read = parse_dim(&key).and_then(|dim| {
            if !half.is_finite() {
                let text = format!("{weight} is beyond the range of f16");
                return Err(Fault::invalid(text).under(&key));
            }
            budget.take(size_of::<(u32, f16)>())?;
            check_count(weights.len() + 1)?;
            let before = weights.insert(dim, half);
            before.map_or(Ok(()), |_| Err(Fault::invalid("given twice").under(&key)))
        });
        if let Err(fault) = read {
            return Ok(Err(fault));
        }
    }
    let vector = SparseVector::new(weights.into_iter().collect::<Vec<_>>());
    Ok(vector.ok_or_else(|| Fault::invalid("no sparse vector")))
}

/// The sparse query vector that `json` writes.
pub(super) fn read_query_weights(json: &RawValue) -> Result<Vec<(u32, f32)>, Fault> {
    let mut weights: BTreeMap<u32, f32> = BTreeMap::new();
    for (key, json) in Fields::of(json)?.into_members() {
        let weight: f32 =
            serde_json::from_str(json.get()).map_err(|e| Fault::of_json(&e).under(&key))?;
        if !weight.is_finite() {
            return Err(Fault::invalid("not a finite 32-bit float").under(&key));
        }
        check_count(weights.len() + 1)?;
        if weights.insert(parse_dim(&key)?, weight).is_some() {
            return Err(Fault::invalid("given twice").under(&key));
        }
    }
    if weights.is_empty() {
        return Err(Fault::invalid("a query vector has at least one weight"));
    }
    Ok(weights.into_iter().collect())
}

fn parse_dim(key: &str) -> Result<u32, Fault> {
    key.parse().map_err(|_| {
        let cut: String = key.chars().take(40).collect();
        let text = format!("{cut:?} is no dimension: a whole number below 4294967296");
        Fault::invalid(text)
    })
}

fn check_count(count: usize) -> Result<(), Fault> {
    let max = SparseVector::MAX_WEIGHTS;
    if count > max {
        return Err(Fault::invalid(format!("more than {max} weights")));
    }
    Ok(())
}
