//! Measuring an index on rows of its own: which bits it needs, and which search list gives which recall.

use super::{
    Codes, Hit, IndexError, Point, PreparedQuery, Scratch,
    graph::{Effort, Graph, Walk},
    pool::{node, offer, ordered, ordered_distance},
    random::SplitMix,
    rerank::{hits, rerank},
    scan::Scan,
    vectors::Nodes,
};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// Rows used as queries.
const PROBES: usize = 256;
/// Of these for scans, which are dearer.
const SCAN_PROBES: usize = 64;
/// Neighbours whose recall is measured.
pub(super) const NEAREST: usize = 100;
/// Rows compared with one query after the other while they are in the cache.
const BLOCK: usize = 128;
const SEED: u64 = 7;
/// The search lists measured.
const LISTS: [usize; 14] = [
    10, 14, 20, 28, 40, 56, 80, 112, 160, 224, 320, 448, 640, 896,
];
/// Measuring ends with a list that finds this much of the 10 nearest and of the [`NEAREST`].
const ENOUGH: [f32; 2] = [0.9995, 0.997];

/// A row as a query, with its exact neighbours, itself left out.
#[derive(Debug)]
struct Probe {
    node: u32,
    row: u32,
    query: PreparedQuery,
    /// Ordered keys of the nearest.
    nearest: Vec<u64>,
}

/// Rows of an index as queries with their exact answers.
#[derive(Debug)]
pub(super) struct Probes<'a> {
    nodes: Nodes<'a>,
    list: Vec<Probe>,
    threads: usize,
}

impl<'a> Probes<'a> {
    /// Picks rows and finds their nearest by comparing them with all rows.
    pub(super) fn new(
        nodes: Nodes<'a>,
        metric: isobath_storage::model::Metric,
        threads: usize,
        cancel: &AtomicBool,
    ) -> Result<Self, IndexError> {
        let mut random = SplitMix(SEED);
        let mut row = vec![];
        let mut probe = |node: u32| {
            nodes.vector(node)?.widen(&mut row);
            let query = PreparedQuery::new(metric, &row).ok()?;
            (!query.is_undirected()).then(|| Probe {
                node,
                row: nodes.row_of(node),
                query,
                nearest: vec![],
            })
        };
        let n = nodes.len();
        let list = if n <= PROBES {
            (0..n as u32).filter_map(&mut probe).collect()
        } else {
            let picked = (0..PROBES).map(|_| random.below(n) as u32);
            picked.filter_map(&mut probe).collect()
        };
        let mut probes = Self {
            nodes,
            list,
            threads,
        };
        probes.find_nearest(cancel);
        if cancel.load(Relaxed) {
            return Err(IndexError::Cancelled);
        }
        Ok(probes)
    }

    fn find_nearest(&mut self, cancel: &AtomicBool) {
        let nodes = self.nodes;
        let share = self.share();
        std::thread::scope(|scope| {
            for probes in self.list.chunks_mut(share) {
                scope.spawn(move || compare_all(probes, &nodes, cancel));
            }
        });
    }

    fn share(&self) -> usize {
        self.list.len().div_ceil(self.threads.max(1)).max(1)
    }

    /// Recall at k of a scan of all codes with a rerank of `keep`; as soon as it is clear that it stays below
    /// `least`, the highest that it could be.
    pub(super) fn scan_recall(
        &self,
        codes: &Codes,
        k: usize,
        keep: usize,
        least: f32,
    ) -> Result<f32, IndexError> {
        let mut scratch = Scratch::default();
        let mut mean = Mean::default();
        let probes = &self.list[..self.list.len().min(SCAN_PROBES)];
        for (at, probe) in probes.iter().enumerate() {
            let at_most = mean.with((probes.len() - at) as f32);
            if at_most < least {
                return Ok(at_most);
            }
            let scan = Scan {
                codes,
                nodes: self.nodes,
                query: &probe.query,
            };
            let others = |row| row != probe.row;
            let all = 0..self.nodes.len() as u32;
            let hits = scan.run(all, k, keep, others, None, &mut scratch)?;
            mean.add(probe.recall(&hits, k));
        }
        Ok(mean.get())
    }

    /// Recall by search list, from short lists to one that finds almost all.
    pub(super) fn calibrate(&self, codes: &Codes, graph: &Graph) -> Result<Vec<Point>, IndexError> {
        let mut points = vec![];
        for list in LISTS {
            let point = self.measure(codes, graph, list)?;
            points.push(point);
            if point.recall_at_10 >= ENOUGH[0] && point.recall_at_100 >= ENOUGH[1] {
                break;
            }
        }
        Ok(points)
    }

    fn measure(&self, codes: &Codes, graph: &Graph, list: usize) -> Result<Point, IndexError> {
        let work = |probes: &[Probe]| -> Result<[Mean; 2], IndexError> {
            let mut scratch = Scratch::default();
            let mut means = [Mean::default(); 2];
            for probe in probes {
                let hits = probe.search(&self.nodes, codes, graph, list, &mut scratch)?;
                means[0].add(probe.recall(&hits, 10));
                means[1].add(probe.recall(&hits, NEAREST));
            }
            Ok(means)
        };
        let mut means = [Mean::default(); 2];
        std::thread::scope(|scope| {
            let shares = self.list.chunks(self.share());
            let threads: Vec<_> = shares.map(|probes| scope.spawn(|| work(probes))).collect();
            for thread in threads {
                let done = thread.join().unwrap_or(Err(IndexError::Cancelled))?;
                means[0].merge(done[0]);
                means[1].merge(done[1]);
            }
            Ok::<(), IndexError>(())
        })?;
        Ok(Point {
            list,
            recall_at_10: means[0].get(),
            recall_at_100: means[1].get(),
        })
    }
}

/// Compares the probes with all nodes, a block at a time.
fn compare_all(probes: &mut [Probe], nodes: &Nodes<'_>, cancel: &AtomicBool) {
    for start in (0..nodes.len()).step_by(BLOCK) {
        if cancel.load(Relaxed) {
            return;
        }
        let end = nodes.len().min(start + BLOCK);
        for probe in &mut *probes {
            probe.compare(nodes, start as u32..end as u32);
        }
    }
}

impl Probe {
    fn compare(&mut self, nodes: &Nodes<'_>, block: std::ops::Range<u32>) {
        for node in block {
            if let Some(vector) = nodes.vector(node)
                && node != self.node
            {
                let key = ordered(self.query.distance(vector), nodes.row_of(node));
                offer(&mut self.nearest, NEAREST, key);
            }
        }
    }

    /// The nearest that a walk finds, the row itself left out.
    fn search(
        &self,
        nodes: &Nodes<'_>,
        codes: &Codes,
        graph: &Graph,
        list: usize,
        s: &mut Scratch,
    ) -> Result<Vec<Hit>, IndexError> {
        let mut query = std::mem::take(&mut s.query);
        codes.prepare(&self.query, &mut query);
        let walk = Walk {
            graph: &graph.view(),
            codes: &codes.view(),
            entries: graph.entries(),
            effort: Effort::search(list),
            expired: None,
        };
        walk.run(&query, s, |_| {})?;
        s.query = query;
        let candidates = s.pool.iter().map(|key| node(*key));
        let mut others = |row| row != self.row;
        rerank(
            nodes,
            &self.query,
            candidates,
            NEAREST,
            &mut others,
            &mut s.found,
        );
        Ok(hits(&s.found))
    }

    /// The share of the k nearest among `hits`. What is as near as the k-th counts: of copies any will do.
    fn recall(&self, hits: &[Hit], k: usize) -> f32 {
        let want = self.nearest.len().min(k);
        let Some(last) = want
            .checked_sub(1)
            .map(|last| ordered_distance(self.nearest[last]))
        else {
            return 1.0;
        };
        let near = hits.iter().take(want).filter(|hit| hit.distance <= last);
        near.count() as f32 / want as f32
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Mean {
    sum: f32,
    count: f32,
}

impl Mean {
    fn add(&mut self, value: f32) {
        self.merge(Self {
            sum: value,
            count: 1.0,
        });
    }

    fn merge(&mut self, other: Self) {
        self.sum += other.sum;
        self.count += other.count;
    }

    /// The mean if `count` more values were all 1.
    fn with(self, count: f32) -> f32 {
        (self.sum + count) / (self.count + count)
    }

    /// The mean; 1 of nothing.
    fn get(self) -> f32 {
        if self.count == 0.0 {
            1.0
        } else {
            self.sum / self.count
        }
    }
}
