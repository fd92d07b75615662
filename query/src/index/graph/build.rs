//! Building a graph: every row is inserted once, by all threads at once, then what is unreached is tied in.

use isobath_storage::model::Metric;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

use super::{
    Graph, Neighbours as _,
    live::Live,
    order::{order, sample_len},
    prune::Pruner,
    repair::Repair,
    walk::{Effort, Scratch, Walk},
};
use crate::index::{IndexError, IndexParams, codes::Codes, pool::node, vectors::Nodes};

/// Entries an insertion looks at for its starts: a walk corrects a worse one, and looking at the square root of
/// all rows each time was a tenth of the build of a million. The dot product's sample begins with long rows
/// only, so all of it is looked at.
const ENTRIES: usize = 256;

/// The last rows handed out may still be on their way in, on other threads: none of them is a start.
const IN_FLIGHT: usize = 64;

/// What a graph is built with.
#[derive(Debug, Clone, Copy)]
pub(in crate::index) struct GraphParams<'a> {
    pub(in crate::index) degree: usize,
    pub(in crate::index) list: usize,
    pub(in crate::index) slack: f32,
    pub(in crate::index) alpha: f32,
    pub(in crate::index) threads: usize,
    /// Set by the caller to give up.
    pub(in crate::index) cancel: &'a AtomicBool,
}

impl<'a> GraphParams<'a> {
    pub(in crate::index) fn new(
        params: &IndexParams,
        threads: usize,
        cancel: &'a AtomicBool,
    ) -> Self {
        Self {
            degree: params.degree.into(),
            list: params.build_list.into(),
            slack: params.slack,
            alpha: params.alpha,
            threads: threads.max(1),
            cancel,
        }
    }
}

impl Graph {
    /// Builds the graph of `nodes` over their codes.
    pub(in crate::index) fn build(
        nodes: &Nodes<'_>,
        codes: &Codes,
        params: &GraphParams<'_>,
    ) -> Result<Self, IndexError> {
        let order = order(nodes, codes);
        let sample = order[..sample_len(order.len())].to_vec();
        let stride = (params.degree as f32 * params.slack) as usize;
        let site = Site {
            live: Live::new(order.len(), stride),
            codes,
            params,
            sample: &sample,
            order: &order,
        };
        site.on_all_threads(|builder, turn| {
            builder.insert(turn);
        })?;
        site.on_all_threads(|builder, turn| {
            builder.trim(turn);
        })?;
        let adjacency = site.live.freeze(params.degree);
        drop(site);
        // the dot product's short rows lie apart on purpose: no search for a place among the others
        let search = codes.metric() != Metric::DotProduct;
        Repair::new(codes, adjacency, params.degree, sample, params.list).run(search)
    }
}

/// What the threads share.
struct Site<'a> {
    live: Live,
    codes: &'a Codes,
    params: &'a GraphParams<'a>,
    sample: &'a [u32],
    order: &'a [u32],
}

impl Site<'_> {
    /// Has every number below the count of rows worked on once.
    fn on_all_threads(
        &self,
        work: impl Fn(&mut Builder<'_>, usize) + Sync,
    ) -> Result<(), IndexError> {
        let next = AtomicUsize::new(0);
        let run = || {
            let mut builder = Builder::new(self);
            while !self.params.cancel.load(Relaxed) {
                let turn = next.fetch_add(1, Relaxed);
                if turn >= self.order.len() {
                    break;
                }
                work(&mut builder, turn);
            }
        };
        std::thread::scope(|scope| {
            (1..self.params.threads).for_each(|_| drop(scope.spawn(run)));
            run();
        });
        if self.params.cancel.load(Relaxed) {
            return Err(IndexError::Cancelled);
        }
        Ok(())
    }
}

/// One thread at work.
struct Builder<'a> {
    site: &'a Site<'a>,
    scratch: Scratch,
    pruner: Pruner,
    row: Vec<u32>,
    chosen: Vec<u32>,
}

impl<'a> Builder<'a> {
    fn new(site: &'a Site<'a>) -> Self {
        Self {
            site,
            scratch: Scratch::default(),
            pruner: Pruner::default(),
            row: vec![],
            chosen: vec![],
        }
    }

    /// Inserts the row whose turn it is: search, prune, link both ways.
    fn insert(&mut self, turn: usize) {
        if turn == 0 {
            return;
        }
        let id = self.site.order[turn];
        self.find_candidates(id, turn);
        let params = self.site.params;
        self.pruner
            .choose(&self.site.codes.view(), params.degree, params.alpha);
        self.chosen.clone_from(&self.pruner.chosen);
        self.link_out(id);
        for at in 0..self.chosen.len() {
            self.link_back(self.chosen[at], id);
        }
    }

    /// What a search for the row leaves and all it expanded: those on the way give the edges between clusters.
    fn find_candidates(&mut self, id: u32, turn: usize) {
        let Self {
            site,
            scratch,
            pruner,
            ..
        } = self;
        let codes = site.codes.view();
        codes.prepare_row(id, &mut pruner.query);
        let there = turn.saturating_sub(IN_FLIGHT).clamp(1, site.sample.len());
        let there = match site.codes.metric() {
            Metric::DotProduct => there,
            _ => there.min(ENTRIES),
        };
        let walk = Walk {
            graph: &site.live,
            codes: &codes,
            entries: &site.sample[..there],
            effort: Effort::build(site.params.list),
            expired: None,
        };
        // without a deadline a walk always ends well
        let _done = walk.run(&pruner.query, scratch, |_| {});
        let keys = scratch.pool.iter().chain(&scratch.path).map(|key| key & !1);
        pruner.candidates.clear();
        pruner
            .candidates
            .extend(keys.filter(|key| node(*key) != id));
        pruner.candidates.sort_unstable();
        pruner.candidates.dedup();
    }

    fn link_out(&mut self, id: u32) {
        let live = &self.site.live;
        let _lock = live.lock(id);
        // others may have linked to the row meanwhile
        live.read(id, &mut self.row);
        let chosen = self.chosen.len();
        let back = self
            .row
            .iter()
            .filter(|other| !self.chosen[..chosen].contains(other));
        let mut all = self.chosen.clone();
        all.extend(back);
        live.write(id, &all);
    }

    fn link_back(&mut self, from: u32, to: u32) {
        let (live, params) = (&self.site.live, self.site.params);
        let _lock = live.lock(from);
        live.read(from, &mut self.row);
        if self.row.contains(&to) {
            return;
        }
        if self.row.len() < live.stride() {
            live.append(from, self.row.len(), to);
            return;
        }
        self.row.push(to);
        let codes = self.site.codes.view();
        self.pruner
            .shrink(&codes, from, &self.row, params.degree, params.alpha);
        live.write(from, &self.pruner.chosen);
    }

    /// Takes the slack out of a node.
    fn trim(&mut self, turn: usize) {
        let (live, params) = (&self.site.live, self.site.params);
        let id = turn as u32;
        live.read(id, &mut self.row);
        if self.row.len() > params.degree {
            let codes = self.site.codes.view();
            self.pruner
                .shrink(&codes, id, &self.row, params.degree, params.alpha);
            live.write(id, &self.pruner.chosen);
        }
    }
}
