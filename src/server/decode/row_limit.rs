//! [`read_limit`]: how many rows are wanted.

use super::{Fault, Fields, declared::parse_name};
use isobath_query::search::PerLimit;
use serde_json::value::RawValue;

/// The most rows of an answer, those that are skipped included.
pub(super) const MAX_ROWS: usize = 10_000;
/// The most attributes that make rows of one kind.
const MAX_PER: usize = 16;

/// How many rows are wanted.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Limit {
    /// In all.
    pub(super) total: usize,
    /// Of one kind.
    pub(super) per: Option<PerLimit>,
}

/// `limit` or `top_k`: a number, or `{"total": number, "per"?: {"attributes": [names], "limit": number}}`.
pub(super) fn read_limit(fields: &mut Fields<'_>) -> Result<Option<Limit>, Fault> {
    let limit = fields.read("limit", |json| {
        if !json.get().starts_with('{') {
            let total = serde_json::from_str(json.get()).map_err(|e| Fault::of_json(&e))?;
            return Ok((total, None));
        }
        let mut fields = Fields::of(json)?;
        let per = fields.read("per", read_per)?;
        let total = fields.take::<usize>("total")?;
        fields.finish()?;
        let total = total.ok_or_else(|| Fault::unfit("missing field `total`"))?;
        Ok((total, per))
    })?;
    let top_k = fields.take::<usize>("top_k")?;
    let (name, total, per) = match (limit, top_k) {
        (Some(_), Some(_)) => {
            return Err(Fault::invalid("the same as `limit`, which is given too").under("top_k"));
        }
        (None, None) => return Ok(None),
        (Some((total, per)), None) => ("limit", total, per),
        (None, Some(top_k)) => ("top_k", top_k, None),
    };
    check_count(total).map_err(|fault| fault.under(name))?;
    Ok(Some(Limit { total, per }))
}

fn read_per(json: &RawValue) -> Result<PerLimit, Fault> {
    let mut fields = Fields::of(json)?;
    let names = fields.take::<Vec<String>>("attributes")?;
    let limit = fields.take::<usize>("limit")?;
    fields.finish()?;
    let names = names.ok_or_else(|| Fault::unfit("missing field `attributes`"))?;
    let limit = limit.ok_or_else(|| Fault::unfit("missing field `limit`"))?;
    check_count(limit).map_err(|fault| fault.under("limit"))?;
    if !(1..=MAX_PER).contains(&names.len()) {
        let text = format!("{} attributes; expected 1 to {MAX_PER}", names.len());
        return Err(Fault::invalid(text).under("attributes"));
    }
    let name = |(at, name): (usize, &String)| {
        parse_name(name).map_err(|fault| fault.at(at).under("attributes"))
    };
    let attributes = names.iter().enumerate().map(name);
    Ok(PerLimit {
        attributes: attributes.collect::<Result<_, _>>()?,
        limit,
    })
}

fn check_count(count: usize) -> Result<(), Fault> {
    if (1..=MAX_ROWS).contains(&count) {
        return Ok(());
    }
    let text = format!("{count} is not between 1 and {MAX_ROWS}");
    Err(Fault::invalid(text))
}

/// Refuses an answer that would reach too far into the order.
pub(super) fn check_page(limit: usize, offset: usize) -> Result<(), Fault> {
    if limit.saturating_add(offset) > MAX_ROWS {
        let text = format!("{limit} rows after {offset} are more than {MAX_ROWS}");
        return Err(Fault::invalid(text).under("offset"));
    }
    Ok(())
}
