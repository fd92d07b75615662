//! [`read_fusion`]: how the answers of several queries become one.

use super::{
    Fault, Fields,
    query::Asked,
    row_limit::{MAX_ROWS, check_page, read_limit},
};
use isobath_query::search::Fusion;
use serde_json::value::RawValue;

/// The rank constant where the request does not say.
const RANK_CONSTANT: u32 = 60;

/// `rerank_by` with its `limit` and `offset`, beside `queries`.
pub(super) fn read_fusion(
    fields: &mut Fields<'_>,
    queries: &[Asked],
) -> Result<Option<Fusion>, Fault> {
    let fusion = fields.read("rerank_by", |json| read(json, queries))?;
    let limit = read_limit(fields)?;
    let offset = fields.take::<usize>("offset")?;
    let Some(mut fusion) = fusion else {
        let given = [("limit", limit.is_some()), ("offset", offset.is_some())];
        return match given.into_iter().find(|(_, given)| *given) {
            Some((name, _)) => Err(Fault::invalid("expected `rerank_by` beside it").under(name)),
            None => Ok(None),
        };
    };
    if let Some(limit) = limit {
        if limit.per.is_some() {
            return Err(Fault::not_yet("`per` of fused answers").under("limit"));
        }
        fusion.limit = limit.total;
    } else if offset.is_some() {
        return Err(Fault::invalid("expected `limit` beside it").under("offset"));
    }
    fusion.offset = offset.unwrap_or(0);
    if fusion.offset > 0 {
        check_page(fusion.limit, fusion.offset)?;
    }
    Ok(Some(fusion))
}

/// `["RRF"]` or `["RRF", {"rank_constant"?: number, "weights"?: [number, ...]}]`.
fn read(json: &RawValue, queries: &[Asked]) -> Result<Fusion, Fault> {
    if json.get().starts_with('{') {
        return Err(Fault::not_yet("reranking by a model"));
    }
    let items: Vec<&RawValue> = serde_json::from_str(json.get()).map_err(|e| Fault::of_json(&e))?;
    let shape = || Fault::invalid("expected [\"RRF\"] or [\"RRF\", {rank_constant, weights}]");
    let (first, others) = items.split_first().ok_or_else(shape)?;
    if first.get() != "\"RRF\"" || others.len() > 1 {
        return Err(shape());
    }
    let mut fusion = Fusion {
        rank_constant: RANK_CONSTANT,
        weights: vec![],
        limit: MAX_ROWS,
        offset: 0,
    };
    if let Some(options) = others.first() {
        read_options(options, &mut fusion, queries.len()).map_err(|fault| fault.at(1))?;
    }
    let bad = |asked: &Asked| !asked.rows || !asked.query.aggregates.is_empty();
    if let Some(at) = queries.iter().position(bad) {
        let text = format!("queries[{at}] asks for aggregates, which cannot be fused");
        return Err(Fault::invalid(text));
    }
    Ok(fusion)
}

fn read_options(json: &RawValue, fusion: &mut Fusion, queries: usize) -> Result<(), Fault> {
    let mut fields = Fields::of(json)?;
    let constant = fields.take::<u32>("rank_constant")?;
    let weights = fields.take::<Vec<f64>>("weights")?;
    fields.finish()?;
    fusion.rank_constant = constant.unwrap_or(RANK_CONSTANT);
    if fusion.rank_constant == 0 {
        return Err(Fault::invalid("must be at least 1").under("rank_constant"));
    }
    fusion.weights = weights.unwrap_or_else(|| vec![1.0; queries]);
    if fusion.weights.len() != queries {
        let text = format!("{} weights for {queries} queries", fusion.weights.len());
        return Err(Fault::invalid(text).under("weights"));
    }
    let bad = |weight: &f64| !(*weight > 0.0 && *weight <= f64::from(f32::MAX));
    match fusion.weights.iter().position(bad) {
        Some(at) => Err(Fault::invalid("not a positive 32-bit float")
            .at(at)
            .under("weights")),
        None => Ok(()),
    }
}
