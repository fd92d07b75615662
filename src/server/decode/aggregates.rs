//! [`read_aggregates`] and [`read_group_by`]: what is computed over all rows.

use super::{Fault, Fields, declared::parse_name};
use isobath_query::search::{Aggregate, GroupBy, GroupKey};
use isobath_storage::model::AttributeName;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// The most aggregates of one query.
const MAX_AGGREGATES: usize = 64;
/// The most parts of a group's key.
const MAX_KEYS: usize = 16;
/// The most groups of an answer.
const MAX_GROUPS: usize = 10_000;

/// `aggregate_by`: labels with `["Count"]` or `["Sum", attribute]`; older clients write `["Count", attribute]`.
pub(super) fn read_aggregates(json: &RawValue) -> Result<Vec<(String, Aggregate)>, Fault> {
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
        let aggregate = match words.as_slice() {
            ["Count"] | ["Count", "id"] => Ok(Aggregate::Count),
            ["Count", attribute] => parse_name(attribute).map(Aggregate::CountOf),
            ["Sum", attribute] => parse_name(attribute).map(Aggregate::Sum),
            _ => Err(Fault::invalid(
                "expected [\"Count\"] or [\"Sum\", attribute]",
            )),
        };
        let aggregate = aggregate.map_err(|fault| fault.under(&label))?;
        Ok((label, aggregate))
    };
    labels.into_iter().map(one).collect()
}

/// `group_by`: attributes, or `{label: ["ForEachUnique", attribute]}`.
pub(super) fn read_group_by(
    fields: &mut Fields<'_>,
    aggregates: Option<&[(String, Aggregate)]>,
) -> Result<Option<GroupBy>, Fault> {
    let keys = fields.read("group_by", |json| {
        let items: Vec<&RawValue> =
            serde_json::from_str(json.get()).map_err(|e| Fault::of_json(&e))?;
        if items.is_empty() || items.len() > MAX_KEYS {
            let text = format!("{} keys; expected 1 to {MAX_KEYS}", items.len());
            return Err(Fault::invalid(text));
        }
        let aggregates =
            aggregates.ok_or_else(|| Fault::invalid("expected `aggregate_by` beside it"))?;
        let mut keys: Vec<(String, GroupKey)> = vec![];
        for (at, item) in items.iter().enumerate() {
            let key = read_key(item).map_err(|fault| fault.at(at))?;
            let labels = keys.iter().map(|(label, _)| label);
            let mut labels = labels.chain(aggregates.iter().map(|(label, _)| label));
            if labels.any(|label| *label == key.0) {
                let text = format!("the label `{}` is given twice", key.0);
                return Err(Fault::invalid(text).at(at));
            }
            keys.push(key);
        }
        Ok(keys)
    })?;
    Ok(keys.map(|keys| GroupBy {
        keys,
        limit: MAX_GROUPS,
    }))
}

fn read_key(json: &RawValue) -> Result<(String, GroupKey), Fault> {
    if json.get().starts_with('"') {
        let name: String = serde_json::from_str(json.get()).map_err(|e| Fault::of_json(&e))?;
        let attribute = parse_name(&name)?;
        return Ok((name, GroupKey::Value(attribute)));
    }
    let mut members = Fields::of(json)?.into_members();
    let shape =
        || Fault::invalid("expected an attribute or {label: [\"ForEachUnique\", attribute]}");
    let (Some((label, json)), None) = (members.next(), members.next()) else {
        return Err(shape());
    };
    let words: Vec<String> =
        serde_json::from_str(json.get()).map_err(|e| Fault::of_json(&e).under(&label))?;
    match words.as_slice() {
        [function, attribute] if function == "ForEachUnique" => {
            let attribute: AttributeName =
                parse_name(attribute).map_err(|fault| fault.under(&label))?;
            Ok((label.into_owned(), GroupKey::EachElement(attribute)))
        }
        _ => Err(shape()),
    }
}
