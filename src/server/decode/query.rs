//! [`DecodedQuery`]: from the body of a query to the queries it asks.

use super::{
    ConsistencyBody, Fault, Fields, Freshness, declared::parse_name, filter::read_filter,
    rank::read_rank,
};
use crate::server::engine::RecallCommand;
use isobath_query::search::{Aggregate, Filter, Include, Query, RankBy};
use isobath_storage::model::{AttributeName, Metric};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// The most rows of an answer, those that are skipped included.
const MAX_ROWS: usize = 10_000;
/// Rows of an answer where the request does not say.
const DEFAULT_ROWS: usize = 10;
/// The most queries of one request.
const MAX_QUERIES: usize = 16;
/// The most aggregates of one query.
const MAX_AGGREGATES: usize = 64;

/// How vectors are written in the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum VectorEncoding {
    /// An array of numbers.
    #[default]
    Float,
    /// Base64 of little-endian 32-bit floats.
    Base64,
}

/// What the body of a query asks.
#[derive(Debug)]
pub(crate) struct DecodedQuery {
    /// The queries, all to be answered on one snapshot.
    pub(crate) asked: Vec<Asked>,
    /// The body holds a list of queries, and so does the answer.
    pub(crate) multi: bool,
    pub(crate) encoding: VectorEncoding,
    pub(crate) freshness: Freshness,
}

/// One query.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) query: Query,
    /// The answer has rows, not only aggregates.
    pub(crate) rows: bool,
    /// The distance that the client takes for granted.
    pub(crate) metric: Option<Metric>,
}

/// Decodes the body of a query or multi-query.
pub(crate) fn decode_query(body: &[u8]) -> Result<DecodedQuery, Fault> {
    let mut fields = Fields::parse(body)?;
    let consistency = fields.take::<ConsistencyBody>("consistency")?;
    let freshness = consistency.map(ConsistencyBody::freshness).transpose();
    let freshness = freshness.map_err(|fault| fault.under("consistency"))?;
    let encoding = fields.take("vector_encoding")?.unwrap_or_default();
    fields.ignore(&["disable_cache"]);
    fields.refuse(&["rerank_by"])?;
    let queries = fields.read("queries", sub_queries)?;
    let multi = queries.is_some();
    let asked = match queries {
        Some(queries) => {
            fields.finish()?;
            queries
        }
        None => vec![one(fields)?],
    };
    Ok(DecodedQuery {
        asked,
        multi,
        encoding,
        freshness: freshness.unwrap_or_default(),
    })
}

fn sub_queries(json: &RawValue) -> Result<Vec<Asked>, Fault> {
    let queries: Vec<&RawValue> =
        serde_json::from_str(json.get()).map_err(|e| Fault::of_json(&e))?;
    if queries.is_empty() || queries.len() > MAX_QUERIES {
        let text = format!("{} queries; expected 1 to {MAX_QUERIES}", queries.len());
        return Err(Fault::invalid(text));
    }
    let read = |(at, json): (usize, &&RawValue)| {
        let asked = Fields::of(json).and_then(one);
        asked.map_err(|fault| fault.at(at))
    };
    queries.iter().enumerate().map(read).collect()
}

/// One query.
fn one(mut fields: Fields<'_>) -> Result<Asked, Fault> {
    fields.refuse(&["group_by", "compute_attributes", "rerank_by"])?;
    let rank_by = fields.read("rank_by", read_rank)?;
    let filter = fields.read("filters", read_filter)?;
    let aggregates = fields.read("aggregate_by", read_aggregates)?;
    let limit = read_limit(&mut fields)?;
    let offset = fields.take::<usize>("offset")?.unwrap_or(0);
    let include = read_include(&mut fields)?;
    let metric = fields.take::<Metric>("distance_metric")?;
    let recall_target = fields.take::<f32>("recall_target")?;
    fields.finish()?;
    let rows = aggregates.is_none() || rank_by.is_some() || limit.is_some();
    let limit = limit.unwrap_or(if rows { DEFAULT_ROWS } else { 0 });
    if limit.saturating_add(offset) > MAX_ROWS {
        let text = format!("{limit} rows after {offset} are more than {MAX_ROWS}");
        return Err(Fault::invalid(text).under("offset"));
    }
    if recall_target.is_some_and(|target| !(target > 0.0 && target <= 1.0)) {
        return Err(Fault::invalid("not above 0 and at most 1").under("recall_target"));
    }
    Ok(Asked {
        query: Query {
            rank_by: rank_by.unwrap_or(RankBy::Id),
            filter,
            limit,
            offset,
            include,
            aggregates: aggregates.unwrap_or_default(),
            recall_target,
        },
        rows,
        metric,
    })
}

/// `limit` or `top_k`: a number, or `{"total": number}`.
fn read_limit(fields: &mut Fields<'_>) -> Result<Option<usize>, Fault> {
    let limit = fields.read("limit", |json| {
        if !json.get().starts_with('{') {
            return serde_json::from_str(json.get()).map_err(|e| Fault::of_json(&e));
        }
        let mut fields = Fields::of(json)?;
        fields.refuse(&["per"])?;
        let total = fields.take::<usize>("total")?;
        fields.finish()?;
        total.ok_or_else(|| Fault::unfit("missing field `total`"))
    })?;
    let top_k = fields.take::<usize>("top_k")?;
    let (name, limit) = match (limit, top_k) {
        (Some(_), Some(_)) => {
            return Err(Fault::invalid("the same as `limit`, which is given too").under("top_k"));
        }
        (None, None) => return Ok(None),
        (Some(limit), None) => ("limit", limit),
        (None, Some(top_k)) => ("top_k", top_k),
    };
    if (1..=MAX_ROWS).contains(&limit) {
        Ok(Some(limit))
    } else {
        let text = format!("{limit} is not between 1 and {MAX_ROWS}");
        Err(Fault::invalid(text).under(name))
    }
}

/// `include_attributes` or `exclude_attributes`.
fn read_include(fields: &mut Fields<'_>) -> Result<Include, Fault> {
    let include = fields.read("include_attributes", |json| match json.get() {
        "true" => Ok(Include::All),
        "false" => Ok(Include::Nothing),
        _ => read_names(json).map(Include::Only),
    })?;
    let exclude = fields.read("exclude_attributes", read_names)?;
    match (include, exclude) {
        (Some(_), Some(_)) => {
            let fault = Fault::invalid("`include_attributes` is given too");
            Err(fault.under("exclude_attributes"))
        }
        (include, None) => Ok(include.unwrap_or(Include::Nothing)),
        (None, Some(names)) => Ok(Include::Except(names)),
    }
}

/// Attribute names; `id` comes with every row and need not be named.
fn read_names(json: &RawValue) -> Result<Vec<AttributeName>, Fault> {
    let names: Vec<String> = serde_json::from_str(json.get()).map_err(|e| Fault::of_json(&e))?;
    let names = names.iter().enumerate();
    let names = names.map(|(at, name)| parse_name(name).map_err(|fault| fault.at(at)));
    let mut names: Vec<AttributeName> = names.collect::<Result<_, _>>()?;
    names.retain(|name| !name.is_id());
    Ok(names)
}

/// `aggregate_by`: labels with `["Count"]`, or `["Count", attribute]` as older clients write it.
fn read_aggregates(json: &RawValue) -> Result<Vec<(String, Aggregate)>, Fault> {
    let labels: BTreeMap<String, Vec<String>> =
        serde_json::from_str(json.get()).map_err(|e| Fault::of_json(&e))?;
    if labels.is_empty() || labels.len() > MAX_AGGREGATES {
        let text = format!(
            "{} aggregates; expected 1 to {MAX_AGGREGATES}",
            labels.len()
        );
        return Err(Fault::invalid(text));
    }
    let one = |(label, words): (String, Vec<String>)| {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match words.as_slice() {
            ["Count"] | ["Count", "id"] => Ok((label, Aggregate::Count)),
            ["Count" | "Sum", _] => {
                let feature = format!("{} of an attribute", words[0]);
                Err(Fault::not_yet(&feature).under(&label))
            }
            _ => Err(Fault::invalid("expected [\"Count\"]").under(&label)),
        }
    };
    labels.into_iter().map(one).collect()
}

/// Decodes the body of a recall request; an empty one asks for the defaults.
pub(crate) fn decode_recall(body: &[u8]) -> Result<RecallCommand, Fault> {
    let body = if body.is_empty() { b"{}" } else { body };
    let mut fields = Fields::parse(body)?;
    let rank_by = fields.read("rank_by", read_rank)?;
    let (attribute, vector) = match rank_by {
        None => (None, None),
        Some(RankBy::Ann { attribute, vector }) => (Some(attribute), Some(vector)),
        Some(_) => return Err(Fault::invalid("expected ranking by ANN").under("rank_by")),
    };
    let num = fields.take::<usize>("num")?;
    let num = num.unwrap_or(if vector.is_some() { 1 } else { 25 });
    let top_k = fields.take::<usize>("top_k")?.unwrap_or(10);
    let filter: Option<Filter> = fields.read("filters", read_filter)?;
    let truth = fields.take::<bool>("include_ground_truth")?;
    fields.finish()?;
    if vector.is_some() && num != 1 {
        return Err(Fault::invalid("must be null or 1 with `rank_by`").under("num"));
    }
    for (name, value, max) in [("num", num, 1_000), ("top_k", top_k, MAX_ROWS)] {
        if !(1..=max).contains(&value) {
            let text = format!("{value} is not between 1 and {max}");
            return Err(Fault::invalid(text).under(name));
        }
    }
    Ok(RecallCommand {
        attribute,
        vector,
        num,
        top_k,
        filter,
        include_ground_truth: truth.unwrap_or(false),
    })
}
