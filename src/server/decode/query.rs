//! [`DecodedQuery`]: from the body of a query to the queries it asks.

use super::{
    ConsistencyBody, Fault, Fields, Freshness,
    aggregates::{read_aggregates, read_group_by},
    declared::parse_name,
    filter::read_filter,
    fusion::read_fusion,
    lifted::Lifted,
    rank::read_rank,
    row_limit::{MAX_ROWS, check_page, read_limit},
};
use crate::server::engine::RecallCommand;
use isobath_query::search::{Filter, Fusion, Include, Query, RankBy};
use isobath_storage::model::{AttributeName, Metric};
use serde::Deserialize;
use serde_json::value::RawValue;

/// Rows of an answer where the request does not say.
const DEFAULT_ROWS: usize = 10;
/// The most queries of one request.
const MAX_QUERIES: usize = 16;

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
    /// How the answers of several queries become one.
    pub(crate) fusion: Option<Fusion>,
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
    if let Some(lifted) = Lifted::of(body) {
        let decoded = Fields::parse(&lifted.rest)
            .and_then(|fields| decode_fields(fields, Some(lifted.rank_by)));
        if decoded.is_ok() {
            return decoded;
        }
        // What is wrong is said of the whole body.
    }
    decode_fields(Fields::parse(body)?, None)
}

/// Decodes the members of a query or multi-query; `lifted` is the order, where it was read before.
fn decode_fields(mut fields: Fields<'_>, lifted: Option<RankBy>) -> Result<DecodedQuery, Fault> {
    let consistency = fields.take::<ConsistencyBody>("consistency")?;
    let freshness = consistency.map(ConsistencyBody::freshness).transpose();
    let freshness = freshness.map_err(|fault| fault.under("consistency"))?;
    let encoding = fields.take("vector_encoding")?.unwrap_or_default();
    fields.ignore(&["disable_cache"]);
    let queries = fields.read("queries", sub_queries)?;
    let multi = queries.is_some();
    let (asked, fusion) = match queries {
        Some(_) if lifted.is_some() => return Err(Fault::invalid("`rank_by` beside `queries`")),
        Some(queries) => {
            let fusion = read_fusion(&mut fields, &queries)?;
            fields.finish()?;
            (queries, fusion)
        }
        None => (vec![one(fields, lifted)?], None),
    };
    Ok(DecodedQuery {
        asked,
        multi,
        fusion,
        encoding,
        freshness: freshness.unwrap_or_default(),
    })
}

/// Decodes the body of a request to explain a query.
pub(crate) fn decode_explain(body: &[u8]) -> Result<DecodedQuery, Fault> {
    let decoded = decode_query(body)?;
    if decoded.multi {
        return Err(Fault::invalid("only single queries are explained").under("queries"));
    }
    Ok(decoded)
}

fn sub_queries(json: &RawValue) -> Result<Vec<Asked>, Fault> {
    let queries: Vec<&RawValue> =
        serde_json::from_str(json.get()).map_err(|e| Fault::of_json(&e))?;
    if queries.is_empty() || queries.len() > MAX_QUERIES {
        let text = format!("{} queries; expected 1 to {MAX_QUERIES}", queries.len());
        return Err(Fault::invalid(text));
    }
    let read = |(at, json): (usize, &&RawValue)| {
        let asked = Fields::of(json).and_then(|fields| one(fields, None));
        asked.map_err(|fault| fault.at(at))
    };
    queries.iter().enumerate().map(read).collect()
}

/// One query; `lifted` is its order, where it was read before.
fn one(mut fields: Fields<'_>, lifted: Option<RankBy>) -> Result<Asked, Fault> {
    fields.refuse(&["compute_attributes"])?;
    if let Some(json) = fields.take_raw("rerank_by") {
        let fault = if json.get().starts_with('[') {
            Fault::invalid("one query alone is not fused: expected `queries` beside it")
        } else {
            Fault::not_yet("reranking by a model")
        };
        return Err(fault.under("rerank_by"));
    }
    let rank_by = match lifted {
        Some(_) if fields.has("rank_by") => {
            return Err(Fault::invalid("given twice").under("rank_by"));
        }
        Some(lifted) => Some(lifted),
        None => fields.read("rank_by", read_rank)?,
    };
    let filter = fields.read("filters", read_filter)?;
    let aggregates = fields.read("aggregate_by", read_aggregates)?;
    let mut group_by = read_group_by(&mut fields, aggregates.as_deref())?;
    let limit = read_limit(&mut fields)?;
    let offset = fields.take::<usize>("offset")?.unwrap_or(0);
    let include = read_include(&mut fields)?;
    let metric = fields.take::<Metric>("distance_metric")?;
    let recall_target = fields.take::<f32>("recall_target")?;
    fields.finish()?;
    let (mut total, per) = limit.map_or((None, None), |limit| (Some(limit.total), limit.per));
    if let (Some(by), None) = (&mut group_by, &rank_by) {
        // Without an order there are no rows, and it is the groups that are limited.
        by.limit = total.take().unwrap_or(by.limit);
    }
    let rows = aggregates.is_none() || rank_by.is_some() || total.is_some();
    let limit = total.unwrap_or(if rows { DEFAULT_ROWS } else { 0 });
    check_page(limit, offset)?;
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
            per,
            aggregates: aggregates.unwrap_or_default(),
            group_by,
            recall_target,
        },
        rows,
        metric,
    })
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
