//! [`ColdQuery`]: a query that can be answered without opening its namespace, and the answer.

use super::{Cold, ColdView, part::ColdPart};
use crate::{
    node::{Node, stopwatch::Stopwatch},
    server::{EngineError, EngineErrorKind, Queried, QueryCommand, ReadOptions, Spent, StoreUse},
};
use isobath_query::{
    index::{PreparedQuery, Scratch},
    metrics::{COLD_BYTES, COLD_REQUESTS, COLD_SEARCHES},
    search::{self, Answer, Hit, Include, Path, Query, RankBy, SearchError},
    view::{Live, View},
};
use isobath_storage::model::{AttributeName, Id, Mutation, Namespace};
use std::{collections::HashSet, sync::Arc, time::Duration};

/// Answers with more rows are given by an open namespace.
const MOST_ROWS: usize = 200;
/// Rows that were written since the manifest; more are hidden by an open namespace.
const MOST_TOUCHED: usize = 20_000;

/// A query for the nearest vectors that asks for nothing else.
#[derive(Debug, Clone)]
pub(in crate::node) struct ColdQuery {
    /// The vector attribute.
    pub(super) attribute: AttributeName,
    vector: Vec<f32>,
    query: Query,
}

/// What the search found of a cold namespace.
struct Found {
    /// Among the rows that are here.
    answer: Answer,
    /// Of each part the rows whose vectors are to be fetched.
    candidates: Vec<Vec<u32>>,
    target: PreparedQuery,
    parts: Vec<ColdPart>,
}

impl ColdQuery {
    /// The query of a command; `None` where it needs the namespace open.
    pub(in crate::node) fn of(command: &QueryCommand) -> Option<Self> {
        let ([query], None) = (command.queries.as_slice(), &command.fusion) else {
            return None;
        };
        let RankBy::Ann { attribute, vector } = &query.rank_by else {
            return None;
        };
        let plain = query.filter.is_none()
            && query.include == Include::Nothing
            && query.per.is_none()
            && query.group_by.is_none()
            && query.aggregates.is_empty();
        let rows = query.limit.saturating_add(query.offset);
        (plain && query.limit > 0 && rows <= MOST_ROWS).then(|| Self {
            attribute: attribute.clone(),
            vector: vector.clone(),
            query: query.clone(),
        })
    }

    /// How many rows are wanted, those that are left out included.
    fn rows(&self) -> usize {
        self.query.limit + self.query.offset
    }

    /// Searches what is here.
    fn search(
        &self,
        view: &View,
        parts: Vec<ColdPart>,
        context: &mut search::SearchContext<'_>,
    ) -> Result<Option<Found>, SearchError> {
        let query = Query {
            limit: self.rows(),
            offset: 0,
            ..self.query.clone()
        };
        let answer = search::run(view, &query, context)?;
        let config = view.schema.get(self.attribute.as_str());
        let Some(metric) = config.and_then(|config| config.metric) else {
            return Ok(None);
        };
        let target = PreparedQuery::new(metric, &self.vector)?;
        if !parts.iter().all(|part| part.codes.fit(&target)) {
            return Ok(None);
        }
        let mut scratch = Scratch::default();
        let keep = 2 * self.rows() + 30;
        let mut candidates = vec![];
        for part in &parts {
            let visible = |row| !part.hidden.contains(row);
            let expired = || context.check().is_err();
            let found = part
                .codes
                .candidates(&target, keep, visible, &expired, &mut scratch)?;
            candidates.push(found);
        }
        Ok(Some(Found {
            answer,
            candidates,
            target,
            parts,
        }))
    }
}

impl Cold {
    /// The namespace as of now but for its large parts, whose hidden rows are noted there; `None` where it stands on
    /// another checkpoint by now, or where what was written needs the rows of parts.
    fn delta(&self, namespace: &Namespace, cold: &mut ColdView) -> Option<Arc<View>> {
        let (checkpoint, blocks) = self.opener.views.closed_at(namespace)?;
        if checkpoint.checkpoint.number != cold.checkpoint {
            return None;
        }
        let live = Live::new(namespace.clone(), cold.installed.clone());
        for segment in cold.segments.drain(..) {
            live.apply(&Arc::new(segment), 0).ok()?;
        }
        for unfolded in &blocks {
            live.apply_unfolded(unfolded).ok()?;
        }
        let mut touched: HashSet<Id> = HashSet::new();
        for unfolded in live.unfolded_blocks() {
            if unfolded.segment().header.hlc_max <= cold.cut {
                return None;
            }
            let requests = &unfolded.block()?.requests;
            for mutation in requests.iter().flat_map(|request| &request.mutations) {
                match mutation {
                    Mutation::Upsert(_) | Mutation::Delete(_) => touched.extend(mutation.ids()),
                    _ => return None,
                }
            }
            if touched.len() > MOST_TOUCHED {
                return None;
            }
        }
        for part in &mut cold.parts {
            part.hide(&touched);
        }
        Some(live.view()).filter(|view| view.exists())
    }
}

impl Node {
    /// Answers a query of a namespace that was read as far as the query needs it; `None` where it has to be opened.
    pub(in crate::node) async fn query_cold(
        &self,
        namespace: &Namespace,
        query: ColdQuery,
        mut cold: ColdView,
        (options, staleness): (&ReadOptions, Option<Duration>),
    ) -> Result<Option<Queried>, EngineError> {
        let applied = self.positions.applied();
        let Some(view) = self.cold.delta(namespace, &mut cold) else {
            return Ok(None);
        };
        let mut used = cold.used;
        let (searched, asked, parts) = (Arc::clone(&view), query.clone(), cold.parts);
        let mut watch = Stopwatch::new(self.clock.as_ref());
        let found = self
            .search(options.timeout, move |context| {
                asked.search(&searched, parts, context)
            })
            .await?;
        let Some(found) = found else {
            return Ok(None);
        };
        let mut spent = Spent {
            search: watch.lap(),
            ..Spent::default()
        };
        let mut answer = found.answer;
        used.round_trips += 1;
        let (mut rows, mut scanned) = (view.rows() as u64, 0);
        let wanted = found.parts.iter().zip(&found.candidates);
        let distances = wanted.map(|(part, rows)| self.cold.distances(part, rows, &found.target));
        let fetched = futures::future::try_join_all(distances).await;
        let fetched = fetched.map_err(|error| {
            let said = format!("rows of namespace {namespace} could not be fetched");
            EngineError::new(EngineErrorKind::Unavailable, said).caused_by(error)
        })?;
        spent.rerank = watch.lap();
        for ((hits, more), part) in fetched.into_iter().zip(&found.parts) {
            used.add(more);
            rows += part.ids.len() as u64 - part.hidden.len();
            scanned += part.codes.len() as u64;
            answer.stats.candidates += hits.len() as u64;
            answer.rows.extend(hits.into_iter().map(|hit| Hit {
                id: hit.id,
                distance: Some(hit.distance),
                attributes: vec![],
            }));
        }
        query.cut(&mut answer);
        answer.stats.path = Path::Codes;
        answer.stats.rows_scanned += scanned;
        measure(used);
        let indexes = found.parts.into_iter().map(|part| part.index).collect();
        let warm = Arc::clone(&self.cold).warm(namespace.clone(), indexes);
        let shutdown = self.shutdown.clone();
        self.tasks
            .spawn(async move { shutdown.run_until_cancelled(warm).await });
        Ok(Some(Queried {
            answers: vec![answer],
            token: self.token(options, &applied, view.last_write),
            schema: Arc::clone(&view.schema),
            approx_namespace_size: rows,
            bytes_queried: used.bytes,
            staleness,
            fetched: Some(used),
            spent,
        }))
    }
}

impl ColdQuery {
    /// Leaves the rows that were asked for.
    fn cut(&self, answer: &mut Answer) {
        let distance = |hit: &Hit| hit.distance.unwrap_or(f32::INFINITY);
        let rows = &mut answer.rows;
        rows.sort_by(|a, b| {
            let nearer = distance(a).total_cmp(&distance(b));
            nearer.then_with(|| a.id.cmp(&b.id))
        });
        rows.truncate(self.rows());
        rows.drain(..self.query.offset.min(rows.len()));
    }
}

fn measure(used: StoreUse) {
    metrics::counter!(COLD_SEARCHES).increment(1);
    metrics::counter!(COLD_REQUESTS).increment(used.requests);
    metrics::counter!(COLD_BYTES).increment(used.bytes);
}
