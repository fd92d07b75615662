//! [`explain`]: how a query is answered, in words.

use super::{Answer, Direction, Path, Query, RankBy, SearchContext, SearchError, run::run};
use crate::view::{Origin, RowSet, View};
use isobath_storage::model::AttributeName;
use std::{fmt::Write, sync::Arc};

/// How `query` is answered on `view`, in words; it is answered to find out.
pub fn explain(
    view: &View,
    query: &Query,
    context: &mut SearchContext<'_>,
) -> Result<String, SearchError> {
    let whole = run(view, query, context)?;
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = write_whole(&mut text, view, query, &whole);
    for (number, set) in (1..).zip(view.sets.iter()) {
        let alone = View {
            sets: Arc::from([Arc::clone(set)]),
            ..view.clone()
        };
        let found = run(&alone, query, context)?;
        let _ = write_set(&mut text, number, set, query, &found);
    }
    Ok(text)
}

fn write_whole(text: &mut String, view: &View, query: &Query, whole: &Answer) -> std::fmt::Result {
    let rows = view.rows();
    writeln!(
        text,
        "namespace {}, version {}",
        view.namespace, view.version.0
    )?;
    writeln!(text, "rows: {rows} in {} row sets", view.sets.len())?;
    match whole.stats.filter_rows {
        None => writeln!(text, "filter: none")?,
        Some(passing) => {
            let share = percent(passing, rows as u64);
            writeln!(text, "filter: {passing} rows pass, {share}")?;
        }
    }
    if query.limit > 0 {
        writeln!(text, "order: {}", order(query))?;
        if let Some(per) = &query.per {
            let names: Vec<&str> = per.attributes.iter().map(AttributeName::as_str).collect();
            let names = names.join(", ");
            writeln!(text, "at most {} rows with the same {names}", per.limit)?;
        }
    }
    for (label, aggregate) in &query.aggregates {
        writeln!(
            text,
            "aggregate {label}: {aggregate:?} of all rows that pass"
        )?;
    }
    let stats = &whole.stats;
    writeln!(
        text,
        "answer: {} rows, {} groups; {} rows or codes compared, {} full vectors after their codes",
        whole.rows.len(),
        whole.groups.as_ref().map_or(0, Vec::len),
        stats.rows_scanned,
        stats.candidates,
    )
}

fn write_set(
    text: &mut String,
    number: usize,
    set: &RowSet,
    query: &Query,
    found: &Answer,
) -> std::fmt::Result {
    let origin = match &set.origin {
        Origin::Part(hash) => format!("part {hash}"),
        Origin::Delta => "delta".to_owned(),
    };
    let (len, hidden) = (set.len(), set.hidden.count());
    write!(
        text,
        "{number}. {origin}: {len} rows, {hidden} replaced or deleted"
    )?;
    if let Some(passing) = found.stats.filter_rows {
        let share = percent(passing, len as u64);
        write!(text, "; {passing} pass the filter, {share}")?;
    }
    if query.limit > 0 {
        let how = match found.stats.path {
            Path::Exact => "every row that passes, exactly",
            Path::Codes => "the codes of every row that passes",
            Path::Graph => "the graph of the index",
            Path::Mixed => "several ways",
        };
        let scanned = found.stats.rows_scanned;
        write!(text, "; searched by {how}; {scanned} compared")?;
    }
    writeln!(text)
}

/// A share in words, with one decimal.
fn percent(part: u64, whole: u64) -> String {
    let tenths = part.saturating_mul(1_000).checked_div(whole).unwrap_or(0);
    format!("{}.{} %", tenths / 10, tenths % 10)
}

fn order(query: &Query) -> String {
    let limit = query.limit.saturating_add(query.offset);
    match &query.rank_by {
        RankBy::Ann { attribute, .. } => {
            let target = query
                .recall_target
                .map(|t| format!(", aiming for recall {t}"));
            let target = target.unwrap_or_default();
            format!("the {limit} nearest by `{attribute}`, approximately{target}")
        }
        RankBy::Knn { attribute, .. } => format!("the {limit} nearest by `{attribute}`, exactly"),
        RankBy::Sparse { attribute, .. } => {
            format!("the {limit} highest dot products with `{attribute}`, exactly")
        }
        RankBy::Score(_) => format!("the {limit} highest scores"),
        RankBy::Order(keys) => {
            let key = |(attribute, direction): &(_, Direction)| match direction {
                Direction::Ascending => format!("`{attribute}` rising"),
                Direction::Descending => format!("`{attribute}` falling"),
            };
            let keys: Vec<String> = keys.iter().map(key).collect();
            format!("the first {limit} by {}, then by id", keys.join(", "))
        }
        RankBy::Id => format!("the first {limit} by id"),
    }
}
