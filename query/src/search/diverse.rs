//! Ranks rows so that no more than a few of each kind come through.

use super::{
    Path, PerLimit, Query, SearchError, Stats,
    aggregate::KeyColumn,
    context::SearchContext,
    matching::Matching,
    run::{Found, Rank},
};
use crate::view::View;
use isobath_storage::model::{AttributeType, IdKind, Schema};
use std::collections::HashMap;

/// So many times the wanted rows are ranked at first, and so many times more in each further round.
const GROWTH: usize = 4;
/// Rows of the first round at least.
const MIN_ROWS: usize = 100;

/// The first `limit` rows, of which at most `per.limit` have the same values of `per.attributes`.
///
/// More and more rows are ranked until there are enough, or no others: the rows that come through are those
/// of the whole order.
pub(super) fn rank(
    view: &View,
    query: &Query,
    (per, limit): (&PerLimit, usize),
    sets: &[Matching<'_>],
    context: &mut SearchContext<'_>,
    stats: &mut Stats,
) -> Result<Vec<Found>, SearchError> {
    let columns = Columns::bind(per, sets, &view.schema)?;
    let most: usize = sets.iter().map(Matching::at_most).sum();
    let mut wanted = limit.saturating_mul(GROWTH).max(MIN_ROWS);
    loop {
        context.check()?;
        let mut round = Stats::default();
        let ranked = Rank::bind(view, query, wanted)?.run(view, sets, context, &mut round)?;
        stats.add_round(&round);
        // A walk through a graph may miss rows; every other way sees all of them.
        let sees_all = matches!(round.path, Path::Exact | Path::Codes);
        let all = wanted >= most || (sees_all && ranked.len() < wanted);
        let chosen = columns.choose(ranked, per.limit, limit);
        if all || chosen.len() >= limit {
            return Ok(chosen);
        }
        wanted = wanted.saturating_mul(GROWTH);
    }
}

/// What makes rows of one kind, for every row set.
struct Columns<'a>(Vec<Vec<KeyColumn<'a>>>);

impl<'a> Columns<'a> {
    fn bind(per: &PerLimit, sets: &[Matching<'a>], schema: &Schema) -> Result<Self, SearchError> {
        let mut types = vec![];
        for attribute in &per.attributes {
            let fault = |text: String| SearchError::clause("limit.per", attribute, text);
            let ty = if attribute.is_id() {
                schema.id_kind.unwrap_or(IdKind::Uint).attribute_type()
            } else {
                let config = schema.get(attribute.as_str());
                let missing = || fault("the schema has no such attribute".into());
                config.ok_or_else(missing)?.ty
            };
            if !matches!(ty, AttributeType::Scalar(_) | AttributeType::Array(_)) {
                return Err(fault(format!("values of type {ty} are no keys")));
            }
            types.push((attribute, ty));
        }
        let columns = |set: &Matching<'a>| {
            let types = types.iter();
            let columns = types.map(|(attribute, ty)| KeyColumn::of(&set.set.rows, attribute, *ty));
            columns.collect()
        };
        Ok(Self(sets.iter().map(columns).collect()))
    }

    /// The first `limit` of `ranked`, at most `per` of a kind.
    fn choose(&self, ranked: Vec<Found>, per: usize, limit: usize) -> Vec<Found> {
        let mut seen: HashMap<Box<[u8]>, usize> = HashMap::new();
        let mut key = vec![];
        let comes_through = |found: &Found| {
            key.clear();
            let columns = &self.0[found.place.set as usize];
            for column in columns {
                column.encode(found.place.row, &mut key);
            }
            if let Some(count) = seen.get_mut(key.as_slice()) {
                *count += 1;
                return *count <= per;
            }
            seen.insert(key.as_slice().into(), 1);
            true
        };
        ranked
            .into_iter()
            .filter(comes_through)
            .take(limit)
            .collect()
    }
}
