//! [`recall`]: how much of the exact answers approximate searches find.

use super::{
    Filter, Hit, Include, Query, RankBy, SearchContext, SearchError,
    run::{matching, run},
};
use crate::{
    index::{VectorColumn, Vectors},
    view::View,
};
use isobath_storage::model::{AttributeName, Schema};

/// Asks how much of the exact answers approximate searches find.
#[derive(Debug, Clone, PartialEq)]
pub struct RecallQuery {
    /// The vector attribute; `None` = `vector`, or the only one.
    pub attribute: Option<AttributeName>,
    /// The query vector; `None` = those of `num` rows that pass the filter.
    pub vector: Option<Vec<f32>>,
    /// How many searches.
    pub num: usize,
    /// How many rows each search returns.
    pub top_k: usize,
    /// Which rows count.
    pub filter: Option<Filter>,
    /// The recall that the approximate searches aim for; `None` = the index's default.
    pub recall_target: Option<f32>,
}

/// How much of the exact answers approximate searches found, on average over the searches.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RecallReport {
    /// The share of the exact answer, 0 to 1; a row as near as the last one of the exact answer counts as
    /// found.
    pub avg_recall: f64,
    /// Rows of the exact answer.
    pub avg_exhaustive_count: f64,
    /// Rows of the approximate answer.
    pub avg_ann_count: f64,
    /// The exact answers.
    pub ground_truth: Vec<GroundTruth>,
}

/// The exact answer of one search.
#[derive(Debug, Clone, PartialEq)]
pub struct GroundTruth {
    /// The query vector.
    pub query_vector: Vec<f32>,
    /// The nearest rows, with distances and vectors.
    pub nearest_neighbors: Vec<Hit>,
}

/// Compares approximate with exact answers on `view`. Without searches everything is found.
pub fn recall(
    view: &View,
    query: &RecallQuery,
    context: &mut SearchContext<'_>,
) -> Result<RecallReport, SearchError> {
    let attribute = attribute(&view.schema, query.attribute.as_ref())?;
    let vectors = match &query.vector {
        Some(vector) => vec![vector.clone()],
        None => sample(view, query, &attribute, context)?,
    };
    let mut report = RecallReport::default();
    let mut found = 0.0;
    for vector in vectors {
        let by = (attribute.clone(), vector.clone());
        let ann = RankBy::Ann {
            attribute: by.0.clone(),
            vector: by.1.clone(),
        };
        let knn = RankBy::Knn {
            attribute: by.0,
            vector: by.1,
        };
        let approximate = run(view, &query.ranked(ann), context)?.rows;
        let with_vectors = Query {
            include: Include::Only(vec![attribute.clone()]),
            ..query.ranked(knn)
        };
        let exact = run(view, &with_vectors, context)?.rows;
        found += share(&approximate, &exact);
        report.avg_ann_count += count(approximate.len());
        report.avg_exhaustive_count += count(exact.len());
        report.ground_truth.push(GroundTruth {
            query_vector: vector,
            nearest_neighbors: exact,
        });
    }
    let searches = count(report.ground_truth.len());
    if searches == 0.0 {
        report.avg_recall = 1.0;
        return Ok(report);
    }
    report.avg_recall = found / searches;
    report.avg_ann_count /= searches;
    report.avg_exhaustive_count /= searches;
    Ok(report)
}

impl RecallQuery {
    fn ranked(&self, rank_by: RankBy) -> Query {
        Query {
            rank_by,
            filter: self.filter.clone(),
            limit: self.top_k,
            offset: 0,
            include: Include::Nothing,
            per: None,
            aggregates: vec![],
            group_by: None,
            recall_target: self.recall_target,
        }
    }
}

/// The vector attribute that is meant.
fn attribute(schema: &Schema, named: Option<&AttributeName>) -> Result<AttributeName, SearchError> {
    if let Some(named) = named {
        return Ok(named.clone());
    }
    let vectors: Vec<&AttributeName> = schema.vectors().map(|(name, _)| name).collect();
    let usual = vectors.iter().find(|name| name.as_str() == "vector");
    match (usual, vectors.as_slice()) {
        (Some(name), _) | (None, [name]) => Ok((*name).clone()),
        _ => Err(SearchError::NoAttribute),
    }
}

/// The share of `exact` that `approximate` holds.
fn share(approximate: &[Hit], exact: &[Hit]) -> f64 {
    let Some(last) = exact.last().and_then(|hit| hit.distance) else {
        return 1.0;
    };
    let near = |hit: &&Hit| hit.distance.is_some_and(|distance| distance <= last);
    count(approximate.iter().filter(near).count()) / count(exact.len())
}

#[expect(clippy::cast_precision_loss, reason = "answers are far from 2^52 rows")]
fn count(rows: usize) -> f64 {
    rows as f64
}

/// Vectors of rows that pass the filter, at regular distances from one another.
fn sample(
    view: &View,
    query: &RecallQuery,
    attribute: &AttributeName,
    context: &SearchContext<'_>,
) -> Result<Vec<Vec<f32>>, SearchError> {
    let Some(config) = view.schema.get(attribute.as_str()) else {
        let fault = "the schema has no such attribute";
        return Err(SearchError::rank_by(attribute, fault));
    };
    let sets = matching(view, query.filter.as_ref(), context)?;
    let mut rows = vec![];
    for set in &sets {
        let column = VectorColumn::of(set.set, attribute, config.ty)?;
        let Some(column) = column else { continue };
        let with_vector = set.rows().filter(|row| column.has(*row));
        rows.extend(with_vector.map(|row| (column, row)));
    }
    let num = query.num.min(rows.len());
    let chosen = (0..num).filter_map(|i| {
        let (column, row) = rows.get(i * rows.len() / num)?;
        column.vectors.row(*row)
    });
    Ok(chosen.map(widen).collect())
}

fn widen(vector: Vectors<'_>) -> Vec<f32> {
    match vector {
        Vectors::F32(vector) => vector.to_vec(),
        Vectors::F16(vector) => vector.iter().map(|x| x.to_f32()).collect(),
    }
}
