//! Ranks rows by their attributes.

use super::{
    Direction, SearchError, Stats, context::SearchContext, matching::Matching, place::Place,
    scalars::Scalars, top::Top,
};
use isobath_storage::model::{AttributeName, AttributeType, IdKind, Schema};
use std::cmp::Ordering;

/// One key of an order.
#[derive(Debug)]
pub(super) struct Key {
    attribute: AttributeName,
    /// `None` where every row is null.
    ty: Option<AttributeType>,
    direction: Direction,
}

/// Checks an order against the schema.
pub(super) fn bind(
    order: &[(AttributeName, Direction)],
    schema: &Schema,
) -> Result<Vec<Key>, SearchError> {
    let key = |(attribute, direction): &(AttributeName, Direction)| {
        let ty = if attribute.is_id() {
            schema.id_kind.map(IdKind::attribute_type)
        } else {
            let config = schema.get(attribute.as_str());
            let missing = || SearchError::rank_by(attribute, "the schema has no such attribute");
            Some(config.ok_or_else(missing)?.ty)
        };
        if let Some(ty) = ty
            && !matches!(ty, AttributeType::Scalar(_))
        {
            let fault = format!("values of type {ty} have no order");
            return Err(SearchError::rank_by(attribute, fault));
        }
        Ok(Key {
            attribute: attribute.clone(),
            ty,
            direction: *direction,
        })
    };
    order.iter().map(key).collect()
}

/// The first `limit` rows by `keys`, then by id.
pub(super) fn rank(
    keys: &[Key],
    sets: &[Matching<'_>],
    limit: usize,
    context: &SearchContext<'_>,
    stats: &mut Stats,
) -> Result<Vec<Place>, SearchError> {
    let columns: Vec<Columns<'_>> = sets.iter().map(|set| Columns::new(set, keys)).collect();
    let mut top = Top::new(limit, |a: &Place, b: &Place| {
        let (left, right) = (&columns[a.set as usize], &columns[b.set as usize]);
        left.compare(a.row, right, b.row)
    });
    let mut seen = 0;
    for (at, set) in (0..).zip(sets) {
        // A part is sorted by id.
        let sorted = keys.is_empty() && set.set.is_part();
        for row in set.rows().take(if sorted { limit } else { usize::MAX }) {
            context.pace(&mut seen)?;
            top.push(Place { set: at, row });
        }
    }
    stats.rows_scanned += seen as u64;
    stats.exhaustive_search_count += seen as u64;
    Ok(top.finish())
}

/// The keys of the rows of one row set.
struct Columns<'a> {
    keys: Vec<(Scalars<'a>, Direction)>,
    ids: Scalars<'a>,
}

impl<'a> Columns<'a> {
    fn new(set: &Matching<'a>, keys: &[Key]) -> Self {
        let column = |key: &Key| {
            let ty = key.ty?;
            Some((set.scalars(&key.attribute, ty), key.direction))
        };
        Self {
            keys: keys.iter().filter_map(column).collect(),
            ids: set.ids(),
        }
    }

    fn compare(&self, row: u32, other: &Self, other_row: u32) -> Ordering {
        let (row, other_row) = (row as usize, other_row as usize);
        for ((a, direction), (b, _)) in self.keys.iter().zip(&other.keys) {
            let order = a.get(row).compare(&b.get(other_row));
            let order = match direction {
                Direction::Ascending => order,
                Direction::Descending => order.reverse(),
            };
            if order.is_ne() {
                return order;
            }
        }
        self.ids.get(row).compare(&other.ids.get(other_row))
    }
}
