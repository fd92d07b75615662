//! Ranks rows by the dot product of their sparse vectors with one of a query.

use super::{
    SearchError, Stats, context::SearchContext, matching::Matching, place::Near, scalars::Scalars,
    top::Top,
};
use crate::search::place::Place;
use half::f16;
use isobath_storage::model::{AttributeName, AttributeType, Schema};

/// A sparse query vector that fits its attribute.
#[derive(Debug)]
pub(super) struct SparseTarget {
    attribute: AttributeName,
    /// The dimensions rise.
    weights: Vec<(u32, f32)>,
}

impl SparseTarget {
    /// Checks a query vector against the schema.
    pub(super) fn bind(
        attribute: &AttributeName,
        weights: &[(u32, f32)],
        schema: &Schema,
    ) -> Result<Self, SearchError> {
        let fault = |fault: String| SearchError::rank_by(attribute, fault);
        let Some(config) = schema.get(attribute.as_str()) else {
            return Err(fault("the schema has no such attribute".into()));
        };
        if config.ty != AttributeType::Sparse {
            let text = format!("expecting a sparse vector attribute, not {}", config.ty);
            return Err(fault(text));
        }
        let mut weights = weights.to_vec();
        weights.sort_unstable_by_key(|(dim, _)| *dim);
        Ok(Self {
            attribute: attribute.clone(),
            weights,
        })
    }

    /// The dot product with a row's vector, whose dimensions rise.
    fn product(&self, dims: &[u32], weights: &[f16]) -> f64 {
        let mut row = dims.iter().zip(weights).peekable();
        let mut sum = 0.0;
        for (dim, weight) in &self.weights {
            while row.next_if(|(other, _)| **other < *dim).is_some() {}
            if let Some((_, other)) = row.next_if(|(other, _)| **other == *dim) {
                sum += f64::from(*weight) * other.to_f64();
            }
        }
        sum
    }
}

/// The `limit` rows of the highest products, then by id; a row whose product is 0 is none of them.
pub(super) fn rank(
    target: &SparseTarget,
    sets: &[Matching<'_>],
    limit: usize,
    context: &SearchContext<'_>,
    stats: &mut Stats,
) -> Result<Vec<Near>, SearchError> {
    let ids: Vec<Scalars<'_>> = sets.iter().map(Matching::ids).collect();
    let id = |near: &Near| ids[near.place.set as usize].get(near.place.row as usize);
    let mut top = Top::new(limit, |a: &Near, b: &Near| {
        let by_product = b.distance.total_cmp(&a.distance);
        by_product.then_with(|| id(a).compare(&id(b)))
    });
    let mut seen = 0;
    for (number, set) in (0..).zip(sets) {
        let column = set.set.rows.column(target.attribute.as_str());
        let Some(vectors) = column.and_then(isobath_storage::model::Column::sparse) else {
            continue;
        };
        for row in set.rows() {
            context.pace(&mut seen)?;
            let (dims, weights) = vectors.row(row as usize);
            let product = single(target.product(dims, weights));
            if product != 0.0 {
                let place = Place { set: number, row };
                top.push(Near {
                    place,
                    distance: product,
                });
            }
        }
    }
    stats.rows_scanned += seen as u64;
    stats.exhaustive_search_count += seen as u64;
    Ok(top.finish())
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a product is given as a 32-bit float"
)]
fn single(product: f64) -> f32 {
    let max = f64::from(f32::MAX);
    product.clamp(-max, max) as f32
}
